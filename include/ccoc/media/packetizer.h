// Pictures and sound to RTP: H.264 (RFC 6184 single NAL unit and FU-A), H.265 (RFC 7798 single NAL unit and FU), AAC
// (RFC 3640 hbr), G.711 (RFC 3551), Opus (RFC 7587). The packets of one unit lie behind each other, each in its interleaved
// framing (RFC 2326 §10.12), so that one call sends them to a viewer by TCP; by UDP each is sent without the framing.
#pragma once

#include <functional>
#include <memory>

#include "ccoc/base/bytes.h"
#include "ccoc/media/access_unit.h"

namespace ccoc::media {

/// Splits one access unit into RTP payloads of at most `max_payload` bytes (16 or more). A payload is `head` (at most 3
/// bytes of a fragmentation unit; may be empty) and then `body`, a view into the unit.
void packetize_in_pieces(Codec codec, ByteView length_prefixed, std::size_t max_payload,
                         const std::function<void(ByteView head, ByteView body, bool last)>& emit);
/// The same with head and body joined; the view is valid during the call only.
void packetize(Codec codec, ByteView length_prefixed, std::size_t max_payload,
               const std::function<void(ByteView payload, bool last)>& emit);

inline constexpr std::size_t interleaved_header = 4;  ///< '$', channel, length in two bytes
inline constexpr std::size_t rtp_header = 12;
inline constexpr std::size_t most_rtp_bytes = 1400;  ///< of a packet, header and all: fits where tunnels take their share

/// Appends one packet in its framing.
struct RtpHead {
  std::uint8_t channel = 0;
  std::uint8_t payload_type = 96;
  bool marker = false;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
};
void append_packet(Bytes& out, const RtpHead& head, ByteView payload_head, ByteView payload);

/// Of framed packets: the size of the one at `at`, framing included; 0 when it is not whole.
std::size_t framed_size(ByteView framed, std::size_t at);
/// The same packets with another channel in their framing.
Bytes with_channel(ByteView framed, std::uint8_t channel);

/// The packets of one unit. Immutable once shared.
struct PacketBatch {
  SharedBytes framed;
  std::uint8_t channel = 0;  ///< in the framing
  unsigned packets = 0;
  std::uint16_t first_sequence = 0;
  std::uint32_t timestamp = 0;
  bool key = false;  ///< a viewer can begin here (of sound: always)
  std::size_t payload_bytes() const { return framed->size() - packets * (interleaved_header + rtp_header); }
};
using PacketBatchPtr = std::shared_ptr<const PacketBatch>;

/// One track's packets: keeps its source and sequence numbers. One thread.
class RtpWriter {
 public:
  RtpWriter(std::uint8_t payload_type, std::uint32_t ssrc, std::uint16_t first_sequence, std::uint8_t channel);

  /// H.264 or H.265; null for others. Key units carry their parameter sets in front unless they have their own.
  PacketBatchPtr video(const AccessUnit& unit, std::uint32_t timestamp);
  /// `timestamp` in units of the format's sample rate.
  PacketBatchPtr audio(const AudioUnit& unit, std::uint32_t timestamp);

  std::uint32_t ssrc() const { return ssrc_; }
  std::uint16_t next_sequence() const { return sequence_; }
  std::uint32_t packets() const { return packets_; }
  std::uint32_t payload_bytes() const { return payload_bytes_; }  ///< modulo 2³², as sender reports want it

 private:
  PacketBatchPtr finish(Bytes framed, std::uint16_t first, std::uint32_t timestamp, bool key);
  void append(Bytes& out, std::uint32_t timestamp, ByteView head, ByteView body, bool marker);

  const std::uint8_t payload_type_;
  const std::uint32_t ssrc_;
  const std::uint8_t channel_;
  std::uint16_t sequence_;
  std::uint32_t packets_ = 0;
  std::uint32_t payload_bytes_ = 0;
};

}  // namespace ccoc::media
