// What flows through the hub: one coded picture (access unit), received once, copied once, then only shared.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ccoc/base/bytes.h"
#include "ccoc/base/time.h"

namespace ccoc::media {

enum class Codec { h264, h265 };
std::string_view to_string(Codec codec);  ///< "h264", "h265"

/// What a decoder must know before the first picture. Immutable once shared.
struct VideoFormat {
  Codec codec = Codec::h264;
  std::vector<Bytes> vps;  ///< H.265 only; NAL units without start code or length
  std::vector<Bytes> sps;
  std::vector<Bytes> pps;
  std::uint32_t width = 0;   ///< pixels shown (after cropping)
  std::uint32_t height = 0;
  double fps = 0;            ///< from VUI timing; 0 when the stream does not say
  unsigned reorder_frames = 0;  ///< pictures that may come before one shown earlier (B-frames); 0 also when not said
  std::string codec_string;  ///< RFC 6381: "avc1.640028", "hvc1.1.6.L93.B0"
  friend bool operator==(const VideoFormat&, const VideoFormat&) = default;
};
using VideoFormatPtr = std::shared_ptr<const VideoFormat>;

/// One access unit of one stream. Immutable once shared between threads.
struct AccessUnit {
  VideoFormatPtr format;
  /// NAL units in stream order, byte for byte, each behind its length in 4 bytes, network order
  /// (ISO/IEC 14496-15 §5.3). Never empty.
  SharedBytes data;
  std::int64_t media_time = 0;  ///< decode time, 90 kHz, continuous within a run
  UtcTime capture_time;         ///< wall clock at media_time; never runs backwards within a stream
  std::int32_t composition_offset = 0;  ///< presentation minus decode time, 90 kHz; not 0 only with B-frames
  bool key = false;             ///< decoding can start here (IDR/IRAP; or recovery point with parameter sets)
  bool discontinuity = false;   ///< first of a new run: something before it is missing or time was re-based
  bool damaged = false;         ///< packets of it were lost
};
using AccessUnitPtr = std::shared_ptr<const AccessUnit>;

}  // namespace ccoc::media
