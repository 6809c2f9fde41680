// A small HTTP/1.1 and WebSocket client over blocking sockets: enough for the hub, cheap enough to measure it.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ccoc/base/bytes.h"
#include "ccoc/base/result.h"
#include "ccoc/base/time.h"

namespace ccoc::bench {

UtcTime now_utc();

/// A TCP port of 127.0.0.1 that nobody listens on now.
Result<std::uint16_t> free_port();
bool port_open(std::uint16_t port);

/// A TCP connection to 127.0.0.1, closed with the object.
class Socket {
 public:
  /// `from`: an address of this machine, or empty.
  static Result<Socket> connect(std::uint16_t port, const std::string& from = {});
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();
  int fd() const { return fd_; }
  Status send(std::string_view bytes) const;
  /// Bytes read, 0 at the end; `timeout` when none came in time.
  Result<std::size_t> receive(std::span<std::uint8_t> into, std::chrono::milliseconds limit) const;

 private:
  explicit Socket(int fd) : fd_(fd) {}
  int fd_ = -1;
};

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string body;
  std::uint64_t body_size = 0;
  std::string header(std::string_view name) const;
};

/// One connection per request. `authorization` goes along with each, once set.
class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port) : port_(port) {}
  std::uint16_t port() const { return port_; }
  std::string authorization;  ///< "Bearer …"
  std::string cookie;
  std::string csrf_token;

  /// A body that is given to `sink` is not kept.
  Result<HttpResponse> request(std::string_view method, std::string_view target, std::string_view body = {},
                               std::string_view content_type = "application/json", const std::function<void(ByteView)>& sink = {}) const;

 private:
  std::uint16_t port_;
};

/// The client side of RFC 6455; messages come as whole, whatever frames they travelled in.
class WebSocket {
 public:
  static Result<WebSocket> open(const HttpClient& http, std::string_view target, const std::string& from = {});
  /// For who reads it in another way. What was read already must have been taken.
  Socket take_socket() && { return std::move(socket_); }
  Status send_text(std::string_view text);

  struct Message {
    bool text = false;
    ByteView payload;  ///< valid until the next call
    UtcTime received;  ///< when the last byte of it had been read from the socket
  };
  /// `timeout` when no whole message came before `deadline`, `unavailable` when the hub closed.
  Result<Message> receive(std::chrono::steady_clock::time_point deadline);
  std::uint64_t bytes_received() const { return bytes_received_; }

 private:
  explicit WebSocket(Socket socket) : socket_(std::move(socket)), buffer_(1 << 20) {}
  Status send_frame(int opcode, std::string_view payload);
  /// One frame at the front of what was read; nothing when more bytes are needed.
  struct Frame {
    bool final = true;
    int opcode = 0;
    ByteView payload;
  };
  std::optional<Frame> take_frame();

  Socket socket_;
  Bytes buffer_;
  std::size_t begin_ = 0, end_ = 0;  ///< what was read and not taken
  Bytes fragments_;                  ///< of a message in several frames
  bool fragments_text_ = false;
  UtcTime received_;
  std::uint64_t bytes_received_ = 0;
};

}  // namespace ccoc::bench
