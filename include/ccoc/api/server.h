// The hub's HTTP/1.1 and WebSocket server: one I/O thread, and a small pool on which handlers run. It
// owns its threads and connections and knows nothing of cameras.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ccoc/api/http.h"
#include "ccoc/api/web_socket.h"
#include "ccoc/base/result.h"
#include "ccoc/base/time.h"

namespace ccoc::api {

struct ServerOptions {
  std::string host = "127.0.0.1";  ///< numeric address, or a name that is resolved once
  std::uint16_t port = 0;          ///< 0: the kernel chooses
  std::size_t max_connections = 2000;
  std::size_t max_connections_per_address = 256;
  std::size_t max_large_bodies = 4;  ///< bodies over 1 MiB received at the same time
  unsigned pool_threads = 3;
  std::size_t pool_queue = 256;  ///< requests waiting for a thread; beyond it 503
  Duration header_timeout = std::chrono::seconds{10};
  Duration body_timeout = std::chrono::seconds{60};
  Duration idle_timeout = std::chrono::seconds{60};   ///< between requests; without pong on a WebSocket
  Duration late_limit = std::chrono::seconds{30};     ///< for an answer that comes later
  Duration write_timeout = std::chrono::seconds{60};  ///< without progress
  OutboxLimits outbox{};
};

inline constexpr std::size_t header_limit = std::size_t{16} << 10;
inline constexpr std::size_t socket_message_limit = std::size_t{64} << 10;

/// What the server asks about requests. All but `body_limit` run on pool threads, several at a time.
class Dispatcher {
 public:
  virtual ~Dispatcher() = default;
  /// Called on the I/O thread when the header is there; must not block.
  virtual std::size_t body_limit(const Request& request) const = 0;
  virtual Response handle(Request& request) = 0;
  virtual std::expected<std::unique_ptr<SocketSession>, Response> open_socket(Request& request, std::shared_ptr<Outbox> outbox) = 0;
};

class Server {
 public:
  /// Listens and serves at once. `conflict` when the address is taken, `permission_denied` for a port below
  /// 1024 without the right to it. `dispatcher` must outlive the server.
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Dispatcher& dispatcher);
  /// stop().
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const;
  std::size_t connections() const;
  /// Accepts nothing more, tells WebSockets to go (1001), closes what is left after a second.
  void stop();

  class Impl;

 private:
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ccoc::api
