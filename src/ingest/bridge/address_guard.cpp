#include "address_guard.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <set>

#include "ccoc/base/local_address.h"

namespace ccoc::ingest::bridge {
namespace {

std::atomic<bool> refuse_local{false};
std::atomic<const char*> refused{nullptr};

/// The host of the stream's URL; empty: any may be connected to. Set once, before other threads run.
std::string own_host;
std::mutex own_mutex;
std::set<std::array<std::uint8_t, 16>> own_addresses;  ///< under the mutex

/// IPv4 mapped into IPv6; nothing for other families.
std::optional<std::array<std::uint8_t, 16>> bytes_of(const sockaddr* address, socklen_t size) {
  std::array<std::uint8_t, 16> out{};
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (address->sa_family == AF_INET && size >= sizeof v4) {
    std::memcpy(&v4, address, sizeof v4);
    out[10] = out[11] = 0xff;
    std::memcpy(out.data() + 12, &v4.sin_addr, 4);
    return out;
  }
  if (address->sa_family != AF_INET6 || size < sizeof v6) return std::nullopt;
  std::memcpy(&v6, address, sizeof v6);
  std::memcpy(out.data(), v6.sin6_addr.s6_addr, out.size());
  return out;
}

void note_own(const char* host, const addrinfo* found) {
  if (host == nullptr || own_host.empty() || strcasecmp(host, own_host.c_str()) != 0) return;
  const std::lock_guard lock(own_mutex);
  for (const auto* one = found; one != nullptr; one = one->ai_next)
    if (const auto bytes = bytes_of(one->ai_addr, one->ai_addrlen)) own_addresses.insert(*bytes);
}

bool is_elsewhere(const sockaddr* address, socklen_t size) {
  if (own_host.empty() || address == nullptr) return false;
  const auto bytes = bytes_of(address, size);
  const std::lock_guard lock(own_mutex);
  return bytes && !own_addresses.contains(*bytes);
}

/// The C library's own, behind ours.
int look_up(const char* host, const char* service, const addrinfo* hints, addrinfo** found) {
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return real == nullptr ? EAI_SYSTEM : real(host, service, hints, found);
}

}  // namespace

void refuse_local_addresses() { refuse_local = true; }

void only_this_host(const std::string& host) {
  own_host = host;
  // A numeric one is never looked up.
  addrinfo hints{}, *found = nullptr;
  hints.ai_flags = AI_NUMERICHOST;
  if (look_up(host.c_str(), nullptr, &hints, &found) != 0) return;
  note_own(host.c_str(), found);
  freeaddrinfo(found);
}

const char* refusal() { return refused; }

bool is_refused(const sockaddr* address, socklen_t size) {
  if (!refuse_local || address == nullptr) return false;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (address->sa_family == AF_INET && size >= sizeof v4) {
    std::memcpy(&v4, address, sizeof v4);
    return is_local_ipv4(ntohl(v4.sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6 && size >= sizeof v6) {
    std::memcpy(&v6, address, sizeof v6);
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), v6.sin6_addr.s6_addr, bytes.size());
    return is_local_ipv6(bytes);
  }
  return false;
}

bool is_allowed_address(const std::string& text) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICHOST;
  if (getaddrinfo(text.c_str(), nullptr, &hints, &found) != 0) return false;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
  return !is_refused(found->ai_addr, found->ai_addrlen);
}

Result<std::string> resolve(const std::string& host) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_DGRAM;
  if (const int failed = getaddrinfo(host.c_str(), nullptr, &hints, &found); failed != 0)
    return fail(ErrorCode::not_found, "the name '" + host + "' cannot be resolved: " + gai_strerror(failed));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> all(found, freeaddrinfo);
  for (const auto* one = found; one != nullptr; one = one->ai_next) {
    char text[NI_MAXHOST];
    if (is_refused(one->ai_addr, one->ai_addrlen)) continue;
    if (getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0) return std::string(text);
  }
  return fail(ErrorCode::permission_denied, refused_sentence);
}

Status reach(const std::string& host, std::uint16_t port, std::uint32_t limit_ms) {
  const auto address = resolve(host);
  if (!address) return std::unexpected(address.error());
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  if (getaddrinfo(address->c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return {};
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> all(found, freeaddrinfo);
  const int probe = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int reason = connect(probe, found->ai_addr, found->ai_addrlen) == 0 ? 0 : errno;
  if (reason == EINPROGRESS) {
    pollfd connected{probe, POLLOUT, 0};
    socklen_t size = sizeof reason;
    if (poll(&connected, 1, static_cast<int>(limit_ms)) == 0)
      reason = ETIMEDOUT;
    else
      getsockopt(probe, SOL_SOCKET, SO_ERROR, &reason, &size);
  }
  close(probe);
  if (reason == 0) return {};
  const auto cannot = "cannot reach " + host + ":" + std::to_string(port) + ": ";
  if (reason == ECONNREFUSED) return fail(ErrorCode::unavailable, cannot + "nobody listens there");
  if (reason == ETIMEDOUT) return fail(ErrorCode::timeout, cannot + "no answer");
  return fail(ErrorCode::unavailable, cannot + std::strerror(reason));
}

}  // namespace ccoc::ingest::bridge

/// In front of the C library's: what the plug-ins call when they connect.
extern "C" __attribute__((visibility("default"))) int connect(int socket, const sockaddr* address, socklen_t size) {
  using namespace ccoc::ingest::bridge;
  if (is_refused(address, size)) {
    refused = refused_sentence;
  } else if (is_elsewhere(address, size)) {
    refused = elsewhere_sentence;
  } else {
    return static_cast<int>(syscall(SYS_connect, socket, address, size));
  }
  errno = EACCES;
  return -1;
}

/// What the plug-ins call to look up names: those of the stream's own host are noted.
extern "C" __attribute__((visibility("default"))) int getaddrinfo(const char* host, const char* service, const addrinfo* hints,
                                                                  addrinfo** found) {
  using namespace ccoc::ingest::bridge;
  const int failed = look_up(host, service, hints, found);
  if (failed == 0) note_own(host, *found);
  return failed;
}
