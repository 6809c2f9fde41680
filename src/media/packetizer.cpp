#include <algorithm>

#include "big_endian.h"
#include "ccoc/media/depacketizer.h"
#include "ccoc/media/nal.h"

namespace ccoc::media {
namespace {

using Emit = std::function<void(ByteView payload, bool last)>;

/// One NAL unit as FU-A (RFC 6184 §5.8) or FU (RFC 7798 §4.4.3).
void fragment(Codec codec, ByteView nal, std::size_t max_payload, bool last_nal, const Emit& emit, Bytes& buffer) {
  const std::size_t nal_header = codec == Codec::h264 ? 1 : 2;
  const std::size_t head = nal_header + 1;
  const std::size_t room = max_payload - head;
  auto rest = nal.subspan(nal_header);
  bool start = true;
  while (!rest.empty()) {
    const auto chunk = rest.first(std::min(room, rest.size()));
    rest = rest.subspan(chunk.size());
    const unsigned bits = (start ? 0x80u : 0u) | (rest.empty() ? 0x40u : 0u);
    buffer.clear();
    if (codec == Codec::h264) {
      put_u8(buffer, (nal[0] & 0xe0u) | 28u);
      put_u8(buffer, bits | (nal[0] & 0x1fu));
    } else {
      put_u8(buffer, (nal[0] & 0x81u) | 49u << 1);
      put_u8(buffer, nal[1]);
      put_u8(buffer, bits | (nal[0] >> 1 & 0x3fu));
    }
    put_bytes(buffer, chunk);
    emit(buffer, last_nal && rest.empty());
    start = false;
  }
}

}  // namespace

void packetize(Codec codec, ByteView length_prefixed, std::size_t max_payload, const Emit& emit) {
  max_payload = std::max<std::size_t>(max_payload, 16);
  Bytes buffer;
  buffer.reserve(max_payload);
  ByteView waiting;  // the NAL unit is sent when it is known whether another follows
  const auto send = [&](bool last) {
    if (waiting.empty()) return;
    if (waiting.size() <= max_payload) return emit(waiting, last);
    fragment(codec, waiting, max_payload, last, emit, buffer);
  };
  for_each_nal(length_prefixed, [&](ByteView nal) {
    send(false);
    waiting = nal;
  });
  send(true);
}

}  // namespace ccoc::media
