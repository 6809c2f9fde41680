// Network-order integers: read from views (the caller has checked the bounds) and appended to buffers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ccoc/base/bytes.h"

namespace ccoc::media {

constexpr std::uint16_t get_u16(ByteView b, std::size_t at) { return static_cast<std::uint16_t>(b[at] << 8 | b[at + 1]); }
constexpr std::uint32_t get_u32(ByteView b, std::size_t at) {
  return static_cast<std::uint32_t>(b[at]) << 24 | static_cast<std::uint32_t>(b[at + 1]) << 16 |
         static_cast<std::uint32_t>(b[at + 2]) << 8 | static_cast<std::uint32_t>(b[at + 3]);
}
constexpr std::uint64_t get_u64(ByteView b, std::size_t at) {
  return static_cast<std::uint64_t>(get_u32(b, at)) << 32 | get_u32(b, at + 4);
}

constexpr void set_u32(std::span<std::uint8_t> b, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) b[at + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}
constexpr void set_u64(std::span<std::uint8_t> b, std::size_t at, std::uint64_t value) {
  set_u32(b, at, static_cast<std::uint32_t>(value >> 32));
  set_u32(b, at + 4, static_cast<std::uint32_t>(value));
}

inline void put_u8(Bytes& out, unsigned value) { out.push_back(static_cast<std::uint8_t>(value)); }
inline void put_u16(Bytes& out, unsigned value) {
  put_u8(out, value >> 8 & 0xff);
  put_u8(out, value & 0xff);
}
inline void put_u32(Bytes& out, std::uint32_t value) {
  put_u16(out, value >> 16);
  put_u16(out, value & 0xffff);
}
inline void put_u64(Bytes& out, std::uint64_t value) {
  put_u32(out, static_cast<std::uint32_t>(value >> 32));
  put_u32(out, static_cast<std::uint32_t>(value));
}
inline void put_bytes(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

}  // namespace ccoc::media
