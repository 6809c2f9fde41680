#include "net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace ccoc::bench {
using std::chrono::milliseconds;
using std::chrono::steady_clock;

UtcTime now_utc() { return std::chrono::floor<Duration>(std::chrono::system_clock::now()); }

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

Result<std::uint16_t> free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::unexpected(errno_error(errno, "socket"));
  auto address = loopback(0);
  socklen_t size = sizeof address;
  const bool ok =
      ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  const int error = errno;
  ::close(fd);
  if (!ok) return std::unexpected(errno_error(error, "bind"));
  return ntohs(address.sin_port);
}

bool port_open(std::uint16_t port) { return Socket::connect(port).has_value(); }

Result<Socket> Socket::connect(std::uint16_t port, const std::string& from) {
  Socket out{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const auto address = loopback(port);
  const int on = 1;
  if (out.fd_ >= 0 && !from.empty()) {
    auto own = loopback(0);
    if (::inet_pton(AF_INET, from.c_str(), &own.sin_addr) != 1 ||
        ::bind(out.fd_, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) {
      return std::unexpected(errno_error(errno, "bind to " + from));
    }
  }
  if (out.fd_ < 0 || ::connect(out.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return std::unexpected(errno_error(errno, "connect to port " + std::to_string(port)));
  }
  ::setsockopt(out.fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return out;
}

Socket::Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
Socket::~Socket() {
  if (fd_ >= 0) ::close(fd_);
}

Status Socket::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0) return std::unexpected(errno_error(errno, "send"));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<std::size_t> Socket::receive(std::span<std::uint8_t> into, milliseconds limit) const {
  pollfd waiting{fd_, POLLIN, 0};
  const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(limit.count(), 0)));
  if (ready == 0) return fail(ErrorCode::timeout, "nothing came in time");
  const auto count = ::recv(fd_, into.data(), into.size(), 0);
  if (count < 0) return std::unexpected(errno_error(errno, "recv"));
  return static_cast<std::size_t>(count);
}

std::string HttpResponse::header(std::string_view name) const {
  const auto at = std::ranges::find(headers, name, &std::pair<std::string, std::string>::first);
  return at == headers.end() ? std::string{} : at->second;
}

namespace {

constexpr milliseconds http_limit{30'000};

/// Status line and headers from `head`, which ends before the empty line.
HttpResponse parse_head(std::string_view head) {
  HttpResponse out;
  if (head.size() > 12) out.status = std::atoi(std::string(head.substr(9, 3)).c_str());
  for (auto at = head.find("\r\n"); at != std::string_view::npos;) {
    const auto next = head.find("\r\n", at + 2);
    const auto line = head.substr(at + 2, next == std::string_view::npos ? next : next - at - 2);
    const auto colon = line.find(':');
    if (colon != std::string_view::npos) {
      std::string name(line.substr(0, colon));
      std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      auto value = line.substr(colon + 1);
      value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
      out.headers.emplace_back(std::move(name), value);
    }
    at = next;
  }
  return out;
}

/// Sends the head and reads the answer's; what came behind it is left in `rest`.
Result<HttpResponse> exchange_heads(const Socket& socket, const std::string& request, Bytes& rest) {
  if (auto sent = socket.send(request); !sent) return std::unexpected(sent.error());
  Bytes block(1 << 18);
  for (;;) {
    auto count = socket.receive(block, http_limit);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return fail(ErrorCode::unavailable, "the connection was closed instead of answered");
    rest.insert(rest.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(*count));
    const auto end = as_text(rest).find("\r\n\r\n");
    if (end == std::string_view::npos) continue;
    auto out = parse_head(as_text(rest).substr(0, end));
    rest.erase(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(end + 4));
    return out;
  }
}

std::string request_head(const HttpClient& http, std::string_view method, std::string_view target) {
  std::string out;
  out.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(http.port()));
  out += "\r\n";
  if (!http.authorization.empty()) out += "Authorization: " + http.authorization + "\r\n";
  if (!http.cookie.empty()) out += "Cookie: " + http.cookie + "\r\n";
  if (!http.csrf_token.empty()) out += "X-CSRF-Token: " + http.csrf_token + "\r\n";
  return out;
}

}  // namespace

Result<HttpResponse> HttpClient::request(std::string_view method, std::string_view target, std::string_view body,
                                         std::string_view content_type, const std::function<void(ByteView)>& sink) const {
  auto socket = Socket::connect(port_);
  if (!socket) return std::unexpected(socket.error());
  auto head = request_head(*this, method, target) + "Connection: close\r\n";
  if (!body.empty()) {
    head.append("Content-Type: ").append(content_type);
    head += "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  Bytes block;
  auto out = exchange_heads(*socket, head + "\r\n" + std::string(body), block);
  if (!out) return out;
  const auto keep = [&](ByteView bytes) {
    out->body_size += bytes.size();
    if (sink) return sink(bytes);
    out->body.append(as_text(bytes));
  };
  keep(block);
  const auto length = out->header("content-length");
  const auto wanted = length.empty() ? UINT64_MAX : std::strtoull(length.c_str(), nullptr, 10);
  block.resize(1 << 18);
  while (out->body_size < wanted && out->status != 204) {
    auto count = socket->receive(block, http_limit);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) break;
    keep(ByteView(block).first(*count));
  }
  if (!length.empty() && out->body_size != wanted) return fail(ErrorCode::corrupt, "the body ended early");
  return out;
}

Result<WebSocket> WebSocket::open(const HttpClient& http, std::string_view target, const std::string& from) {
  auto socket = Socket::connect(http.port(), from);
  if (!socket) return std::unexpected(socket.error());
  const auto head = request_head(http, "GET", target) +
                    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: Y2NvYy1iZW5jaC1jbGllbg==\r\n\r\n";
  Bytes rest;
  auto answer = exchange_heads(*socket, head, rest);
  if (!answer) return std::unexpected(answer.error());
  if (answer->status != 101) {
    return fail(ErrorCode::unavailable, "no WebSocket: " + std::to_string(answer->status) + " " + std::string(as_text(rest)));
  }
  WebSocket out{std::move(*socket)};
  std::ranges::copy(rest, out.buffer_.begin());
  out.end_ = rest.size();
  out.received_ = now_utc();
  return out;
}

Status WebSocket::send_text(std::string_view text) { return send_frame(1, text); }

Status WebSocket::send_frame(int opcode, std::string_view payload) {
  std::string frame(1, static_cast<char>(0x80 | opcode));
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80 | payload.size());
  } else {
    frame += static_cast<char>(0x80 | 126);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size());
  }
  frame.append(4, '\0');  // a mask of zeros: the payload stands as it is (RFC 6455 §5.3)
  frame.append(payload);
  return socket_.send(frame);
}

std::optional<WebSocket::Frame> WebSocket::take_frame() {
  const auto view = ByteView(buffer_).subspan(begin_, end_ - begin_);
  if (view.size() < 2) return std::nullopt;
  std::uint64_t size = view[1] & 0x7f;
  const std::size_t extra = size == 126 ? 2 : size == 127 ? 8 : 0;
  if (view.size() < 2 + extra) return std::nullopt;
  if (extra > 0) size = 0;
  for (std::size_t i = 0; i < extra; ++i) size = size << 8 | view[2 + i];
  const auto whole = 2 + extra + size;
  if (view.size() < whole) {
    if (begin_ > 0) std::memmove(buffer_.data(), view.data(), view.size());
    begin_ = 0;
    end_ = view.size();
    if (whole + (1 << 16) > buffer_.size()) buffer_.resize(whole + (1 << 20));
    return std::nullopt;
  }
  begin_ += whole;
  return Frame{(view[0] & 0x80) != 0, view[0] & 0x0f, view.subspan(2 + extra, size)};
}

Result<WebSocket::Message> WebSocket::receive(steady_clock::time_point deadline) {
  for (;;) {
    while (const auto frame = take_frame()) {
      if (frame->opcode == 8) return fail(ErrorCode::unavailable, "the hub closed the WebSocket");
      if (frame->opcode == 9) {
        if (auto sent = send_frame(10, as_text(frame->payload)); !sent) return std::unexpected(sent.error());
      }
      if (frame->opcode > 2) continue;
      if (frame->opcode != 0) {
        fragments_text_ = frame->opcode == 1;
        if (frame->final) return Message{fragments_text_, frame->payload, received_};
        fragments_.clear();
      }
      fragments_.insert(fragments_.end(), frame->payload.begin(), frame->payload.end());
      if (frame->final) return Message{fragments_text_, fragments_, received_};
    }
    if (begin_ == end_) begin_ = end_ = 0;
    if (end_ == buffer_.size()) {
      if (begin_ == 0) return fail(ErrorCode::corrupt, "a message without end");
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= std::exchange(begin_, 0);
    }
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    auto count = socket_.receive(std::span(buffer_).subspan(end_), left);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return fail(ErrorCode::unavailable, "the hub closed the connection");
    received_ = now_utc();
    bytes_received_ += *count;
    end_ += *count;
  }
}

}  // namespace ccoc::bench
