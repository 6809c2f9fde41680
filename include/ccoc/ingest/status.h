// What the hub knows of one stream's health, in words a person understands.
#pragma once

#include <optional>
#include <string>

#include "ccoc/base/time.h"
#include "ccoc/media/access_unit.h"

namespace ccoc::ingest {

enum class StreamState { connecting, live, offline, disabled };
std::string_view to_string(StreamState state);

struct StreamStatus {
  std::string camera;
  std::string role;  ///< "main", "sub"
  StreamState state = StreamState::connecting;
  UtcTime since;                                ///< when it entered the state
  double fps = 0;                               ///< over the last seconds; 0 unless live
  double declared_fps = 0;                      ///< by the stream's own parameter sets; 0 when they do not say
  std::uint32_t gop_frames = 0;                 ///< pictures from the last but one key frame to the last; 0 before two came
  std::uint64_t bitrate_bps = 0;                ///< over the last seconds
  std::optional<UtcTime> last_frame_at;         ///< hub clock
  std::optional<std::int64_t> clock_offset_ms;  ///< camera's clock minus the hub's, from sender reports
  std::uint64_t frames = 0;                     ///< whole units received since the hub started
  std::uint64_t damaged_frames = 0;
  std::uint64_t reconnects = 0;
  std::uint64_t lost_packets = 0;
  std::uint64_t reordered_packets = 0;  ///< by UDP: came late, but in time to be put in their place
  std::optional<double> jitter_ms;      ///< of the packets' arrival (RFC 3550 §6.4.1); by UDP only: TCP hides it
  std::string transport;                ///< "tcp", "udp", "srt" …; empty before the first picture
  std::string certificate;              ///< rtsps: SHA-256 of what the camera showed, hex
  std::string last_error;               ///< a sentence; empty while all is well
  std::string codec;                    ///< RFC 6381, empty before the first picture
  std::string audio_codec;              ///< "aac", "pcmu", "pcma", "opus"; empty while no sound has come
  bool sound_set_up = false;            ///< as SourceReport's `sound`, of the session now or last
  std::uint32_t width = 0, height = 0;
};

/// The outcome of trying a URL once.
struct ProbeResult {
  bool ok = false;
  std::string codec;        ///< "h264", "h265" or "mjpeg"
  std::string audio_codec;  ///< "aac", "pcmu", "pcma", "opus"; empty: no sound
  std::uint32_t width = 0, height = 0;
  double fps = 0;
  std::uint64_t bitrate_bps = 0;
  std::string transport;          ///< as SourceReport
  std::string client;             ///< of RTSP: which one brought the pictures, "native" or "gstreamer"; else empty
  std::string certificate;        ///< rtsps: SHA-256 of what the camera showed, hex
  bool another_may_help = false;  ///< the failure may be that of the client, not of the address, the network or the password
  std::string reason;             ///< why not, when !ok
};

}  // namespace ccoc::ingest
