// Addresses of this machine and of its link: no camera has one unless the administrator allows it (faults.md 31).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace ccoc {

/// IPv4, host order: loopback (127/8), "this network" (0/8), link-local (169.254/16).
constexpr bool is_local_ipv4(std::uint32_t address) { return address >> 24 == 127 || address >> 24 == 0 || address >> 16 == 0xa9fe; }

/// IPv6: loopback, unspecified, link-local (fe80::/10); or a local IPv4 address in it, mapped or compatible (RFC 4291 §2.5.5).
constexpr bool is_local_ipv6(const std::array<std::uint8_t, 16>& address) {
  const auto is_zero = [](std::uint8_t byte) { return byte == 0; };
  const bool mapped = address[10] == 0xff && address[11] == 0xff;
  const bool compatible = address[10] == 0 && address[11] == 0;
  if (std::all_of(address.begin(), address.begin() + 10, is_zero) && (mapped || compatible)) {
    // :: and ::1 are among these: 0.0.0.0 and 0.0.0.1.
    return is_local_ipv4(std::uint32_t{address[12]} << 24 | std::uint32_t{address[13]} << 16 | std::uint32_t{address[14]} << 8 |
                         address[15]);
  }
  return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

}  // namespace ccoc
