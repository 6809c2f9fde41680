// A WebRTC peer's session description (RFC 8866, RFC 9429), as much of it as must be known before GStreamer reads it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ccoc/base/result.h"
#include "ccoc/ingest/bridge_wire.h"

namespace ccoc::ingest::bridge {

/// One way of coding that the peer offers for its only video section.
struct OfferedVideo {
  unsigned payload = 0;        ///< RTP payload type, 0…127
  std::string encoding;        ///< "H264", "H265", upper case
  std::string profile;         ///< H.264: profile-level-id, 6 hexadecimal digits in lower case; empty: not given
  bool packetization = false;  ///< H.264: packetization-mode=1 (RFC 6184 §6.2), pictures in fragments
};

/// One way of coding that the peer offers for its section of audio.
struct OfferedSound {
  unsigned payload = 0;  ///< RTP payload type, 0…127
  std::string encoding;  ///< "OPUS", "PCMA", upper case
  unsigned rate = 0;     ///< Hz
};

struct Offer {
  std::string sdp;  ///< to be answered: lines end with CRLF; without candidates that may not be spoken to
  std::vector<OfferedVideo> video;
  unsigned video_section = 0;  ///< its place among all sections, from 0
  bool audio = false;          ///< there is a section of audio
  std::vector<OfferedSound> sound;
  unsigned audio_section = 0;  ///< its place
  bool listens = false;        ///< it is not refused beforehand, and the peer is ready to receive there (RFC 8866 §6.7)
};

/// `invalid_argument` with a sentence when it is no session description, or has not exactly one section of video, or more than
/// one of audio. Only candidates with a numeric address and UDP are kept, at most 32, none that is refused (address_guard.h);
/// of a peer that shows none the address is learned when it calls (RFC 8445 §7.3.1.3).
Result<Offer> read_offer(const std::string& text);

/// How a viewer is best sent the sound that `order` names: G.711 of 8 kHz and one channel as it is where he takes it, everything
/// else as Opus. Nothing when there is no sound, he does not listen, or takes neither.
std::optional<OfferedSound> sound_for(const Offer& offer, const Start& order);

}  // namespace ccoc::ingest::bridge
