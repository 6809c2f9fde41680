// What flows through the hub: one coded picture (access unit) or piece of sound, received once, copied once, then only
// shared.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ccoc/base/bytes.h"
#include "ccoc/base/time.h"

namespace ccoc::media {

enum class Codec { h264, h265, mjpeg };
std::string_view to_string(Codec codec);  ///< "h264", "h265", "mjpeg"

/// What a decoder must know before the first picture. Immutable once shared.
struct VideoFormat {
  Codec codec = Codec::h264;
  std::vector<Bytes> vps;  ///< H.265 only; NAL units without start code or length
  std::vector<Bytes> sps;  ///< empty for Motion JPEG, as are the others
  std::vector<Bytes> pps;
  std::uint32_t width = 0;  ///< pixels shown (after cropping)
  std::uint32_t height = 0;
  double fps = 0;               ///< from VUI timing; 0 when the stream does not say
  unsigned reorder_frames = 0;  ///< pictures that may come before one shown earlier (B-frames); 0 also when not said
  std::string codec_string;     ///< RFC 6381: "avc1.640028", "hvc1.1.6.L93.B0", "mp4v.6C" (Motion JPEG)
  friend bool operator==(const VideoFormat&, const VideoFormat&) = default;
};
using VideoFormatPtr = std::shared_ptr<const VideoFormat>;

/// One access unit of one stream. Immutable once shared between threads.
struct AccessUnit {
  VideoFormatPtr format;
  /// NAL units in stream order, byte for byte, each behind its length in 4 bytes, network order
  /// (ISO/IEC 14496-15 §5.3); of Motion JPEG, one JPEG file. Never empty.
  SharedBytes data;
  std::int64_t media_time = 0;          ///< decode time, 90 kHz, continuous within a run
  UtcTime capture_time;                 ///< wall clock at media_time; never runs backwards within a stream
  std::int32_t composition_offset = 0;  ///< presentation minus decode time, 90 kHz; not 0 only with B-frames
  bool key = false;                     ///< decoding can start here (IDR/IRAP; or recovery point with parameter sets)
  bool discontinuity = false;           ///< first of a new run: something before it is missing or time was re-based
  bool damaged = false;                 ///< packets of it were lost
};
using AccessUnitPtr = std::shared_ptr<const AccessUnit>;

enum class AudioCodec { aac, pcmu, pcma, opus };
std::string_view to_string(AudioCodec codec);  ///< "aac", "pcmu", "pcma", "opus"

/// What a decoder of sound must know. Immutable once shared.
struct AudioFormat {
  AudioCodec codec = AudioCodec::aac;
  std::uint32_t sample_rate = 0;  ///< Hz, 1…192000; of Opus 48000
  unsigned channels = 1;          ///< 1…8
  Bytes config;                   ///< AAC: AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1); else empty
  std::string codec_string;       ///< as WebCodecs names it: "mp4a.40.2", "ulaw", "alaw", "opus"
  friend bool operator==(const AudioFormat&, const AudioFormat&) = default;
};
using AudioFormatPtr = std::shared_ptr<const AudioFormat>;

/// One coded frame of sound: an AAC access unit, an Opus packet, some ms of G.711. Immutable once shared.
struct AudioUnit {
  AudioFormatPtr format;
  SharedBytes data;             ///< never empty
  std::int64_t media_time = 0;  ///< 90 kHz; from its own clock, not that of the pictures
  UtcTime capture_time;         ///< wall clock of its first sample, on the same clock as the pictures'
  std::int64_t duration = 0;    ///< 90 kHz, as the codec says; > 0
  bool discontinuity = false;   ///< something before it is missing
};
using AudioUnitPtr = std::shared_ptr<const AudioUnit>;

}  // namespace ccoc::media
