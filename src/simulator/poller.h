// The farm's view of the kernel: listening sockets, and epoll with a microsecond timer and a wake-up.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ccoc/base/result.h"
#include "ccoc/base/time.h"

namespace ccoc::simulator {

/// Owns the RTSP socket and, if wanted, a pair of UDP sockets on neighbouring ports.
struct Listener {
  int tcp = -1;
  int rtp = -1;
  int rtcp = -1;
  std::uint16_t port = 0;
  std::pair<std::uint16_t, std::uint16_t> udp_ports{};

  static Result<Listener> open(const std::string& address, std::uint16_t port, bool udp);
  Listener() = default;
  Listener(Listener&& other) noexcept { *this = std::move(other); }
  Listener& operator=(Listener&& other) noexcept;
  ~Listener();
};

/// The next waiting connection, not blocking; `limit_exceeded` when out of descriptors, else `unavailable`.
Result<int> accept_from(int listening, sockaddr_storage& peer);
/// False when nothing waits.
bool receive_from(int fd, std::span<std::uint8_t> into, sockaddr_storage& from);
/// As many descriptors as the machine allows this process.
void raise_descriptor_limit();

class Poller {
 public:
  struct Ready {
    int fd = -1;
    bool readable = false;
    bool writable = false;
    bool failed = false;
  };
  Poller() = default;
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  Status open();
  void add(int fd);  ///< watched for reading
  void change(int fd, bool readable, bool writable);
  void remove(int fd);
  /// Waits for anything, at most until then; `ready` is overwritten.
  void wait(std::optional<MonoTime> until, std::vector<Ready>& ready);
  /// Ends a wait; from any thread.
  void wake();

 private:
  int epoll_ = -1;
  int timer_ = -1;
  int wake_ = -1;
};

}  // namespace ccoc::simulator
