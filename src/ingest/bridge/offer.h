// A WebRTC peer's session description (RFC 8866, RFC 9429), as much of it as must be known before GStreamer reads it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ccoc/base/result.h"

namespace ccoc::ingest::bridge {

/// One way of coding that the peer offers for its only video section.
struct OfferedVideo {
  unsigned payload = 0;       ///< RTP payload type, 0…127
  std::string encoding;       ///< "H264", "H265", upper case
  std::string profile;        ///< H.264: profile-level-id, 6 hexadecimal digits in lower case; empty: not given
  bool packetization = false;  ///< H.264: packetization-mode=1 (RFC 6184 §6.2), pictures in fragments
};

struct Offer {
  std::string sdp;  ///< to be answered: lines end with CRLF; without candidates that may not be spoken to
  std::vector<OfferedVideo> video;
  bool audio = false;
};

/// `invalid_argument` with a sentence when it is no session description, or has not exactly one section of video, or more than
/// one of audio. Only candidates with a numeric address and UDP are kept, at most 32, none that is refused (address_guard.h);
/// of a peer that shows none the address is learned when it calls (RFC 8445 §7.3.1.3).
Result<Offer> read_offer(const std::string& text);

}  // namespace ccoc::ingest::bridge
