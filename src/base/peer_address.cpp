#include <arpa/inet.h>

#include "ccoc/base/reactor.h"

namespace ccoc {

std::optional<PeerAddress> parse_peer_address(const std::string& host, std::uint16_t port) {
  PeerAddress out;
  out.port = port;
  if (::inet_pton(AF_INET6, host.c_str(), out.address.data()) == 1) return out;
  out.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (::inet_pton(AF_INET, host.c_str(), out.address.data() + 12) == 1) return out;
  return std::nullopt;
}

}  // namespace ccoc
