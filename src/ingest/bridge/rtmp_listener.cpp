#include "rtmp_listener.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <list>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "explain.h"
#include "flv_reader.h"
#include "rtmp_session.h"

namespace ccoc::ingest::bridge {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr std::size_t max_peers = 8;
constexpr auto publishes_within = seconds{10};
/// The process before this one may still hold the port.
constexpr int binding_attempts = 25;
constexpr auto between_attempts = std::chrono::milliseconds{200};

class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

struct Peer {
  Peer(Socket connected, std::string application, std::string key, RtmpSessionListener& listener)
      : socket(std::move(connected)), session(std::move(application), std::move(key), listener), since(Clock::now()) {}
  Socket socket;
  RtmpSession session;
  Clock::time_point since;
  bool over = false;
};

/// An open listening socket, or errno.
Socket open_listener(std::uint16_t port, int& reason) {
  for (int attempt = 0; attempt < binding_attempts; ++attempt) {
    Socket listener(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const bool v6 = listener.fd() >= 0;
    Socket fallback(v6 ? -1 : socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int fd = v6 ? listener.fd() : fallback.fd();
    const int on = 1, off = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (v6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    sockaddr_in6 address6{};
    address6.sin6_family = AF_INET6;
    address6.sin6_port = htons(port);
    sockaddr_in address4{};
    address4.sin_family = AF_INET;
    address4.sin_port = htons(port);
    const auto* address = v6 ? reinterpret_cast<const sockaddr*>(&address6) : reinterpret_cast<const sockaddr*>(&address4);
    if (bind(fd, address, v6 ? sizeof address6 : sizeof address4) == 0 && listen(fd, max_peers) == 0)
      return v6 ? std::move(listener) : std::move(fallback);
    reason = errno;
    if (reason != EADDRINUSE) break;
    std::this_thread::sleep_for(between_attempts);
  }
  return Socket();
}

class Reception final : public RtmpSessionListener {
 public:
  Reception(std::string application, std::string key, HubLink& hub)
      : application_(std::move(application)), key_(std::move(key)), hub_(hub) {}

  /// Until the sender ends.
  void run(const Socket& listener) {
    while (!ended_) {
      std::vector<pollfd> wanted{{listener.fd(), static_cast<short>(peers_.size() < max_peers ? POLLIN : 0), 0}};
      for (const auto& peer : peers_) wanted.push_back({peer.socket.fd(), POLLIN, 0});
      if (poll(wanted.data(), wanted.size(), 1000) < 0 && errno != EINTR) return;
      std::size_t at = 1;
      for (auto& peer : peers_) {
        if (wanted[at++].revents != 0 && !peer.over) receive(peer);
      }
      if (wanted[0].revents != 0) accept_one(listener);
      sweep();
    }
  }

 private:
  void accept_one(const Socket& listener) {
    Socket peer(accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (peer.fd() >= 0) peers_.emplace_back(std::move(peer), application_, key_, *this);
  }

  void receive(Peer& peer) {
    const auto count = recv(peer.socket.fd(), buffer_.data(), buffer_.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    current_ = &peer;
    const bool goes_on = count > 0 && peer.session.feed({buffer_.data(), static_cast<std::size_t>(count)});
    current_ = nullptr;
    auto& answer = peer.session.output();
    // Answers are short: who does not take them is no sender.
    const bool sent = send(peer.socket.fd(), answer.data(), answer.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(answer.size());
    answer.clear();
    if (!goes_on || !sent) peer.over = true;
  }

  void sweep() {
    const auto now = Clock::now();
    for (auto& peer : peers_) {
      if (!peer.session.published() && now - peer.since > publishes_within) peer.over = true;
      if (&peer == sender_ && peer.over) ended_ = true;
    }
    peers_.remove_if([](const Peer& peer) { return peer.over; });
  }

  void on_published() override {
    if (sender_ != nullptr) sender_->over = true;
    sender_ = current_;
    flv_ = std::make_unique<FlvReader>([this](const Message& message) { pass_on(message); });
  }

  void on_media(RtmpMedia kind, std::uint32_t time, ByteView body) override {
    if (current_ != sender_) return;
    kind == RtmpMedia::video ? flv_->video(time, body) : flv_->audio(time, body);
  }

  void pass_on(const Message& message) {
    if (std::holds_alternative<Picture>(message) && !std::exchange(set_up_, true)) hub_.send(SetUp{"rtmp", {}});
    // A sound before the first picture would come before the session stands.
    if (set_up_ || !std::holds_alternative<Sound>(message)) hub_.send(message);
  }

  const std::string application_, key_;
  HubLink& hub_;
  std::list<Peer> peers_;
  Peer* sender_ = nullptr;
  Peer* current_ = nullptr;  ///< whose bytes are being read
  std::unique_ptr<FlvReader> flv_;
  bool set_up_ = false, ended_ = false;
  std::array<std::uint8_t, 64 * 1024> buffer_;
};

}  // namespace

Ended listen_for_rtmp(const Url& url, HubLink& hub) {
  const auto slash = url.path.find('/', 1);
  if (url.port == 0 || slash == std::string::npos || slash + 1 == url.path.size())
    return {media::GapCause::camera, 30, "the URL must name a port, an application and a key: rtmp://:1935/live/KEY?mode=listener"};
  int reason = 0;
  const auto listener = open_listener(url.port, reason);
  if (listener.fd() < 0)
    return {media::GapCause::hub, 10, "cannot listen on port " + std::to_string(url.port) + ": " + std::strerror(reason)};
  hub.send(Waiting{waiting_sentence(url)});
  Reception(url.path.substr(1, slash - 1), url.path.substr(slash + 1), hub).run(listener);
  return {media::GapCause::camera, 0, "the sender ended the stream"};
}

}  // namespace ccoc::ingest::bridge
