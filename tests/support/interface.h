// WebRTC does not use loopback: a test of it needs another address of this machine.
#pragma once

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include "support/process.h"

namespace ccoc::test {

/// Numeric; empty when there is none.
inline std::string usable_address() {
  ifaddrs* all = nullptr;
  std::string found;
  if (::getifaddrs(&all) != 0) return found;
  for (const auto* one = all; one != nullptr; one = one->ifa_next) {
    const bool up = (one->ifa_flags & IFF_UP) != 0 && (one->ifa_flags & IFF_LOOPBACK) == 0;
    if (!up || one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
    char text[INET_ADDRSTRLEN];
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr, text, sizeof text);
    if (!std::string_view(text).starts_with("169.254.")) found = text;
  }
  ::freeifaddrs(all);
  return found;
}

/// True when there is one, made if need be: an interface that leads nowhere is enough, for what goes to one's own address stays
/// inside the machine. False where this process may not make one either.
inline bool ensure_usable_address() {
  if (!usable_address().empty()) return true;
  for (const auto& command : std::vector<std::vector<std::string>>{{"ip", "link", "add", "ccoc-test", "type", "dummy"},
                                                                   {"ip", "address", "add", "198.51.100.77/24", "dev", "ccoc-test"},
                                                                   {"ip", "link", "set", "ccoc-test", "up"}}) {
    Process process(command, {}, true);
    process.wait();
  }
  return !usable_address().empty();
}

inline constexpr const char* no_usable_address =
    "this machine has only loopback, and this process may not make another interface: this cannot be tried";

}  // namespace ccoc::test
