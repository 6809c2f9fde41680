// Session descriptions (RFC 8866): those of cameras read, liberal in what is accepted; our own written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ccoc/base/result.h"
#include "ccoc/media/access_unit.h"

namespace ccoc::media {

/// One media section. A section that cannot be read is left out and counted, never an error (faults.md C1).
struct SdpMedia {
  std::string kind;      ///< "video", "audio", "application"
  std::string protocol;  ///< "RTP/AVP"
  int payload_type = -1;
  std::string encoding;  ///< upper case: "H264", "H265", "MPEG4-GENERIC"; static payload types are filled in
  std::uint32_t clock_rate = 90000;
  int channels = 0;
  std::string control;                                      ///< a=control, as written; empty when missing
  std::vector<std::pair<std::string, std::string>> fmtp;    ///< key in lower case, value as written
  double framerate = 0;                                     ///< a=framerate; 0 when not said
  std::uint64_t bandwidth_bps = 0;                          ///< b=AS in bit/s; 0 when not said
  std::string_view fmtp_value(std::string_view key) const;  ///< empty when absent
};

struct SessionDescription {
  std::string control;  ///< session level a=control
  std::string name;
  std::vector<SdpMedia> media;
  int unreadable_sections = 0;
};

/// Bounded: at most 64 KiB and 32 sections; fails with `corrupt` when it is no SDP at all.
Result<SessionDescription> parse_sdp(std::string_view text);

inline constexpr std::uint8_t video_payload_type = 96;
/// 0 and 8 for G.711 at 8 kHz, one channel (RFC 3551 §6), else 97.
std::uint8_t payload_type_of(const AudioFormat& format);

/// What a server of ours offers.
struct Offer {
  std::string name;                ///< line breaks become blanks
  std::string range = "npt=now-";  ///< RFC 2326 §C.1.5
  VideoFormatPtr video;            ///< H.264 or H.265
  double framerate = 0;            ///< 0: not said
  AudioFormatPtr audio;            ///< may be null
};
/// Tracks have the controls "trackID=0" (video) and "trackID=1" (audio), between `before` and `behind`. Parameter sets as RFC 6184 §8.2.1
/// and RFC 7798 §7.1 want them, AAC as RFC 3640 §4.1 does.
std::string make_sdp(const Offer& offer, const std::string& before = {}, const std::string& behind = {});

}  // namespace ccoc::media
