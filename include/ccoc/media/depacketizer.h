// RTP payloads to pictures: H.264 (RFC 6184 single NAL, STAP-A, FU-A), H.265 (RFC 7798 single, AP, FU), Motion JPEG
// (RFC 2435); and to frames of sound: AAC (RFC 3640 hbr and lbr, RFC 6416 LATM), G.711 (RFC 3551), Opus (RFC 7587).
#pragma once

#include <functional>
#include <memory>

#include "ccoc/media/access_unit.h"
#include "ccoc/media/rtp.h"
#include "ccoc/media/sdp.h"

namespace ccoc::media {

/// A whole picture before the wall clock is known.
struct RawUnit {
  VideoFormatPtr format;  ///< parameter sets in force for it; in-band sets win over the SDP's
  SharedBytes data;       ///< as AccessUnit::data, allocated to its exact size
  std::uint32_t rtp_timestamp = 0;
  bool key = false;
  bool damaged = false;
};

/// A whole frame of sound before the wall clock is known.
struct RawAudio {
  AudioFormatPtr format;
  SharedBytes data;
  std::uint32_t rtp_timestamp = 0;  ///< in units of `clock_rate`
  std::uint32_t clock_rate = 0;     ///< Hz; nearly always the format's sample rate
  std::uint32_t duration = 0;       ///< in units of `clock_rate`; > 0
  bool after_loss = false;          ///< packets before it are missing
};

struct DepacketizerCounts {
  std::uint64_t units = 0, damaged_units = 0, bad_packets = 0, dropped_before_format = 0;
};

/// One stream's depacketizer. One thread. Bounded: an access unit over 8 MiB is dropped and counted.
class Depacketizer {
 public:
  using Sink = std::function<void(RawUnit&&)>;
  virtual ~Depacketizer() = default;
  /// A unit is delivered on its marker bit, or when the timestamp changes. Cameras that set the marker on
  /// every packet or on parameter sets (faults.md 8, C8) are noticed: units are then ended by the next
  /// picture's first slice or timestamp. Parameter sets alone are not a picture: they are put in front of
  /// the next unit. Units before the first complete set of parameter sets are dropped and counted.
  virtual void push(const RtpPacket& packet) = 0;
  /// `count` packets are missing before the next one pushed: the unit they belong to is damaged.
  virtual void lost(unsigned count) = 0;
  /// Delivers what is whole (end of stream).
  virtual void flush() = 0;
  virtual const DepacketizerCounts& counts() const = 0;
};

/// Whether make_depacketizer (video) or make_audio_depacketizer (audio) takes the track.
bool is_understood(const SdpMedia& media);

/// `unsupported` for an encoding that is not H264, H265 or JPEG. Bad sprop parameter sets are ignored.
Result<std::unique_ptr<Depacketizer>> make_depacketizer(const SdpMedia& media, Depacketizer::Sink sink);

using AudioSink = std::function<void(RawAudio&&)>;
/// `unsupported` for an encoding that is not MPEG4-GENERIC, MP4A-LATM, PCMU, PCMA or OPUS, for AAC whose configuration
/// cannot be read, and for AAC in an arrangement that no camera was seen to use (interleaving, configuration in-band).
/// Bounded: a frame over 64 KiB is dropped and counted.
Result<std::unique_ptr<Depacketizer>> make_audio_depacketizer(const SdpMedia& media, AudioSink sink);

}  // namespace ccoc::media
