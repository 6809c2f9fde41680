#include "ccoc/media/packetizer.h"

#include <algorithm>
#include <array>

#include "big_endian.h"
#include "ccoc/media/nal.h"

namespace ccoc::media {
namespace {

using Emit = std::function<void(ByteView head, ByteView body, bool last)>;

/// One NAL unit as FU-A (RFC 6184 §5.8) or FU (RFC 7798 §4.4.3).
void fragment(Codec codec, ByteView nal, std::size_t max_payload, bool last_nal, const Emit& emit) {
  const std::size_t nal_header = codec == Codec::h264 ? 1 : 2;
  const std::size_t room = max_payload - nal_header - 1;
  auto rest = nal.subspan(nal_header);
  bool start = true;
  while (!rest.empty()) {
    const auto chunk = rest.first(std::min(room, rest.size()));
    rest = rest.subspan(chunk.size());
    const unsigned bits = (start ? 0x80u : 0u) | (rest.empty() ? 0x40u : 0u);
    std::array<std::uint8_t, 3> head{};
    if (codec == Codec::h264) {
      head[0] = static_cast<std::uint8_t>((nal[0] & 0xe0u) | 28u);
      head[1] = static_cast<std::uint8_t>(bits | (nal[0] & 0x1fu));
    } else {
      head[0] = static_cast<std::uint8_t>((nal[0] & 0x81u) | 49u << 1);
      head[1] = nal[1];
      head[2] = static_cast<std::uint8_t>(bits | (nal[0] >> 1 & 0x3fu));
    }
    emit(ByteView(head).first(nal_header + 1), chunk, last_nal && rest.empty());
    start = false;
  }
}

bool carries_sps(Codec codec, ByteView data) {
  const int sps = codec == Codec::h264 ? 7 : 33;
  bool found = false;
  for_each_nal(data, [&](ByteView nal) { found = found || nal_type(codec, nal) == sps; });
  return found;
}

}  // namespace

void packetize_in_pieces(Codec codec, ByteView length_prefixed, std::size_t max_payload, const Emit& emit) {
  max_payload = std::max<std::size_t>(max_payload, 16);
  ByteView waiting;  // the NAL unit is sent when it is known whether another follows
  const auto send = [&](bool last) {
    if (waiting.empty()) return;
    if (waiting.size() <= max_payload) return emit({}, waiting, last);
    fragment(codec, waiting, max_payload, last, emit);
  };
  for_each_nal(length_prefixed, [&](ByteView nal) {
    send(false);
    waiting = nal;
  });
  send(true);
}

void packetize(Codec codec, ByteView length_prefixed, std::size_t max_payload,
               const std::function<void(ByteView payload, bool last)>& emit) {
  Bytes joined;
  packetize_in_pieces(codec, length_prefixed, max_payload, [&](ByteView head, ByteView body, bool last) {
    if (head.empty()) return emit(body, last);
    joined.assign(head.begin(), head.end());
    put_bytes(joined, body);
    emit(joined, last);
  });
}

void append_packet(Bytes& out, const RtpHead& head, ByteView payload_head, ByteView payload) {
  const auto size = static_cast<unsigned>(rtp_header + payload_head.size() + payload.size());
  put_u8(out, '$');
  put_u8(out, head.channel);
  put_u16(out, size);
  put_u8(out, 0x80);
  put_u8(out, head.payload_type | (head.marker ? 0x80u : 0u));
  put_u16(out, head.sequence);
  put_u32(out, head.timestamp);
  put_u32(out, head.ssrc);
  put_bytes(out, payload_head);
  put_bytes(out, payload);
}

std::size_t framed_size(ByteView framed, std::size_t at) {
  if (at + interleaved_header > framed.size()) return 0;
  const std::size_t size = interleaved_header + get_u16(framed, at + 2);
  return at + size <= framed.size() ? size : 0;
}

Bytes with_channel(ByteView framed, std::uint8_t channel) {
  Bytes out(framed.begin(), framed.end());
  for (std::size_t at = 0, size = 0; (size = framed_size(out, at)) != 0; at += size) out[at + 1] = channel;
  return out;
}

RtpWriter::RtpWriter(std::uint8_t payload_type, std::uint32_t ssrc, std::uint16_t first_sequence, std::uint8_t channel)
    : payload_type_(payload_type), ssrc_(ssrc), channel_(channel), sequence_(first_sequence) {}

void RtpWriter::append(Bytes& out, std::uint32_t timestamp, ByteView head, ByteView body, bool marker) {
  append_packet(out, {channel_, payload_type_, marker, sequence_++, timestamp, ssrc_}, head, body);
  ++packets_;
  payload_bytes_ += static_cast<std::uint32_t>(head.size() + body.size());
}

PacketBatchPtr RtpWriter::finish(Bytes framed, std::uint16_t first, std::uint32_t timestamp, bool key) {
  auto batch = std::make_shared<PacketBatch>();
  batch->channel = channel_;
  batch->packets = static_cast<std::uint16_t>(sequence_ - first);
  batch->first_sequence = first;
  batch->timestamp = timestamp;
  batch->key = key;
  batch->framed = std::make_shared<const Bytes>(std::move(framed));
  return batch;
}

PacketBatchPtr RtpWriter::video(const AccessUnit& unit, std::uint32_t timestamp) {
  const auto codec = unit.format->codec;
  if (codec != Codec::h264 && codec != Codec::h265) return nullptr;
  constexpr std::size_t most_payload = most_rtp_bytes - rtp_header;
  const auto first = sequence_;
  Bytes out;
  // The headers take under 2 % of full packets; small NAL units make it grow once.
  out.reserve(unit.data->size() + unit.data->size() / 64 + 512);
  if (unit.key && !carries_sps(codec, *unit.data)) {
    for (const auto* sets : {&unit.format->vps, &unit.format->sps, &unit.format->pps}) {
      for (const auto& set : *sets) append(out, timestamp, {}, set, false);
    }
  }
  packetize_in_pieces(codec, *unit.data, most_payload,
                      [&](ByteView head, ByteView body, bool last) { append(out, timestamp, head, body, last); });
  if (out.empty()) return nullptr;
  return finish(std::move(out), first, timestamp, unit.key);
}

PacketBatchPtr RtpWriter::audio(const AudioUnit& unit, std::uint32_t timestamp) {
  const auto first = sequence_;
  const std::size_t size = unit.data->size();
  Bytes out;
  out.reserve(size + 64);
  ByteView rest(*unit.data);
  switch (unit.format->codec) {
    case AudioCodec::aac: {
      if (size >= 1u << 13) return nullptr;  // its size has 13 bits
      // One AU header: the size of the whole frame, index 0; a frame in pieces repeats it (RFC 3640 §3.2.3, §3.3.6).
      const std::array<std::uint8_t, 4> head{0, 16, static_cast<std::uint8_t>(size >> 5), static_cast<std::uint8_t>(size << 3 & 0xff)};
      while (!rest.empty()) {
        const auto piece = rest.first(std::min(rest.size(), most_rtp_bytes - rtp_header - head.size()));
        rest = rest.subspan(piece.size());
        append(out, timestamp, head, piece, rest.empty());
      }
      break;
    }
    case AudioCodec::pcmu:
    case AudioCodec::pcma:
      while (!rest.empty()) {  // a byte is a sample of one channel
        const auto channels = std::max(unit.format->channels, 1u);
        const auto piece = rest.first(std::min<std::size_t>(rest.size(), (most_rtp_bytes - rtp_header) / channels * channels));
        append(out, timestamp + static_cast<std::uint32_t>((size - rest.size()) / channels), {}, piece, false);
        rest = rest.subspan(piece.size());
      }
      break;
    case AudioCodec::opus:
      if (size > 0xffff - rtp_header) return nullptr;
      append(out, timestamp, {}, rest, false);  // a packet is a packet (RFC 7587 §4.2)
      break;
  }
  return finish(std::move(out), first, timestamp, true);
}

}  // namespace ccoc::media
