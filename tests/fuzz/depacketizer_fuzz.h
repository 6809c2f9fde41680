// Packets for a depacketizer out of fuzzer bytes: each is a byte of flags (marker 1, next timestamp 2, loss 4, extra
// loss 8), a length in 2 bytes, and the payload.
#pragma once

#include <algorithm>

#include "ccoc/media/depacketizer.h"
#include "ccoc/media/nal.h"
#include "check.h"

inline void feed_packets(ccoc::media::Depacketizer& depacketizer, ccoc::ByteView bytes) {
  std::uint32_t timestamp = 0;
  std::uint16_t sequence = 0;
  while (bytes.size() >= 3) {
    const auto flags = bytes[0];
    const std::size_t size = std::min<std::size_t>(static_cast<std::size_t>(bytes[1] << 8 | bytes[2]), bytes.size() - 3);
    if ((flags & 2) != 0) timestamp += 3000;
    if ((flags & 4) != 0) depacketizer.lost(1);
    if ((flags & 8) != 0) depacketizer.lost(5);
    depacketizer.push({(flags & 1) != 0, 96, sequence++, timestamp, 1, bytes.subspan(3, size)});
    bytes = bytes.subspan(3 + size);
  }
  depacketizer.flush();
}

inline void feed_depacketizer(const char* encoding, ccoc::ByteView bytes) {
  using namespace ccoc;
  media::SdpMedia sdp;
  sdp.encoding = encoding;
  if (!bytes.empty() && (bytes[0] & 0x80) != 0) sdp.fmtp.emplace_back("sprop-max-don-diff", "1");
  const auto depacketizer = media::make_depacketizer(sdp, [](media::RawUnit&& unit) {
                              check(unit.format != nullptr && !unit.data->empty());
                              check(!(unit.key && unit.damaged));
                              check(media::for_each_nal(*unit.data, [](ByteView nal) { check(!nal.empty()); }));
                              media::AccessUnit whole;
                              whole.format = unit.format;
                              whole.data = unit.data;
                              whole.key = unit.key;
                              media::to_annexb(whole);
                            }).value();
  feed_packets(*depacketizer, bytes);
}
