// Session descriptions (RFC 8866) as cameras write them: liberal in what is accepted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ccoc/base/result.h"

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

}  // namespace ccoc::media
