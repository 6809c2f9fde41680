// A small HTTP and WebSocket client over POSIX sockets for tests: it can also say what no decent client would.
// Every wait has a deadline of ten seconds.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ccoc::test {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

inline bool same_header(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return std::tolower(x) == std::tolower(y); });
}

struct Answer {
  int status = 0;  ///< 0: the connection ended before an answer
  HeaderList headers;
  std::string body;
  std::string header(std::string_view name) const {
    for (const auto& [field, value] : headers) {
      if (same_header(field, name)) return value;
    }
    return {};
  }
};

/// One TCP connection to this machine.
class Peer {
 public:
  explicit Peer(std::uint16_t port, int receive_buffer = 0) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) close();
  }
  ~Peer() { close(); }
  Peer(Peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  Peer& operator=(Peer&&) = delete;

  bool connected() const { return fd_ >= 0; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void half_close() { ::shutdown(fd_, SHUT_WR); }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  /// Waits until `count` bytes are there; false at the end of the connection or the deadline.
  bool want(std::size_t count) {
    while (buffer_.size() < count) {
      if (!fill()) return false;
    }
    return true;
  }
  std::string take(std::size_t count) {
    std::string out = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return out;
  }
  std::string take_all() { return std::exchange(buffer_, {}); }
  /// True when the server closes, whatever it still says.
  bool ends() {
    while (fill()) buffer_.clear();
    return ended_;
  }

  Answer read_answer(bool head = false) {
    Answer out;
    std::size_t end;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!fill()) return out;
    }
    const std::string text = take(end + 4);
    out.status = std::atoi(text.c_str() + 9);
    for (std::size_t at = text.find("\r\n") + 2; at < end;) {
      const auto line_end = text.find("\r\n", at);
      const auto line = text.substr(at, line_end - at);
      const auto colon = line.find(": ");
      if (colon != std::string::npos) out.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
      at = line_end + 2;
    }
    const auto length = static_cast<std::size_t>(std::strtoull(out.header("Content-Length").c_str(), nullptr, 10));
    if (head || out.status == 101 || out.status == 100 || length == 0) return out;
    if (!want(length)) {
      out.status = 0;
      return out;
    }
    out.body = take(length);
    return out;
  }

  Answer ask(std::string_view method, std::string_view target, const HeaderList& headers = {}, std::string_view body = {}) {
    std::string out = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n";
    for (const auto& [name, value] : headers) out += name + ": " + value + "\r\n";
    if (!body.empty() || method == "POST" || method == "PATCH") {
      out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    }
    out += "\r\n";
    out += body;
    send(out);
    return read_answer(method == "HEAD");
  }

 private:
  bool fill() {
    pollfd wait{fd_, POLLIN, 0};
    if (fd_ < 0 || ::poll(&wait, 1, 10'000) <= 0) return false;
    char piece[65536];
    const auto count = ::recv(fd_, piece, sizeof piece, 0);
    if (count <= 0) {
      ended_ = true;
      return false;
    }
    buffer_.append(piece, static_cast<std::size_t>(count));
    return true;
  }

  int fd_;
  std::string buffer_;
  bool ended_ = false;
};

/// RFC 6455, the client's side.
class SocketPeer {
 public:
  struct Frame {
    int opcode = -1;  ///< 1 text, 2 binary, 8 close; -1: the connection ended
    std::string payload;
    int close_code() const {
      if (opcode != 8 || payload.size() < 2) return 0;
      return (static_cast<unsigned char>(payload[0]) << 8) | static_cast<unsigned char>(payload[1]);
    }
  };

  SocketPeer(std::uint16_t port, std::string_view target, HeaderList headers = {}, int receive_buffer = 0) : peer_(port, receive_buffer) {
    headers.emplace_back("Upgrade", "websocket");
    headers.emplace_back("Connection", "Upgrade");
    headers.emplace_back("Sec-WebSocket-Version", "13");
    headers.emplace_back("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    answer_ = peer_.ask("GET", target, headers);
  }

  const Answer& answer() const { return answer_; }
  bool open() const { return answer_.status == 101; }
  Peer& raw() { return peer_; }

  void send_text(std::string_view text) { send(1, text); }
  void send(int opcode, std::string_view payload) {
    std::string out;
    out += static_cast<char>(0x80 | opcode);
    if (payload.size() < 126) {
      out += static_cast<char>(0x80 | payload.size());
    } else if (payload.size() < 65536) {
      out += static_cast<char>(0x80 | 126);
      out += static_cast<char>(payload.size() >> 8);
      out += static_cast<char>(payload.size() & 255);
    } else {
      out += static_cast<char>(0x80 | 127);
      for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>((payload.size() >> shift) & 255);
    }
    const char mask[4] = {1, 2, 3, 4};
    out.append(mask, 4);
    for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ mask[i % 4]);
    peer_.send(out);
  }

  /// What came back of pings.
  const std::vector<std::string>& pongs() const { return pongs_; }

  /// The next frame that is no ping or pong; pings are answered.
  Frame read() {
    while (true) {
      if (!peer_.want(2)) return {};
      const std::string start = peer_.take(2);
      const int opcode = start[0] & 15;
      std::uint64_t length = static_cast<unsigned char>(start[1]) & 127;
      const std::size_t more = length == 126 ? 2 : length == 127 ? 8 : 0;
      if (more > 0) {
        if (!peer_.want(more)) return {};
        length = 0;
        for (const char c : peer_.take(more)) length = (length << 8) | static_cast<unsigned char>(c);
      }
      if (!peer_.want(length)) return {};
      Frame frame{opcode, peer_.take(length)};
      if (opcode == 9) {
        send(10, frame.payload);
        continue;
      }
      if (opcode == 10) {
        pongs_.push_back(std::move(frame.payload));
        continue;
      }
      return frame;
    }
  }
  /// The next text message; binary ones before it are dropped.
  std::string read_text() {
    for (int i = 0; i < 100'000; ++i) {
      auto frame = read();
      if (frame.opcode == 1) return std::move(frame.payload);
      if (frame.opcode < 0 || frame.opcode == 8) return {};
    }
    return {};
  }
  std::string read_binary() {
    for (int i = 0; i < 100'000; ++i) {
      auto frame = read();
      if (frame.opcode == 2) return std::move(frame.payload);
      if (frame.opcode < 0 || frame.opcode == 8) return {};
    }
    return {};
  }
  /// The code of the close frame; 0 when the connection ends without.
  int read_close() {
    while (true) {
      const auto frame = read();
      if (frame.opcode == 8 || frame.opcode < 0) return frame.close_code();
    }
  }

 private:
  Peer peer_;
  Answer answer_;
  std::vector<std::string> pongs_;
};

}  // namespace ccoc::test
