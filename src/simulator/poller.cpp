#include "poller.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace ccoc::simulator {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Result<Address> numeric_address(const std::string& text, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(text.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    return fail(ErrorCode::invalid_argument, "'" + text + "' is not a numeric address such as 127.0.0.1 or ::1", "address");
  }
  Address out;
  std::memcpy(&out.storage, found->ai_addr, found->ai_addrlen);
  out.size = found->ai_addrlen;
  ::freeaddrinfo(found);
  return out;
}

std::uint16_t bound_port(int fd) {
  sockaddr_storage at{};
  socklen_t size = sizeof at;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
  return ntohs(at.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(at).sin6_port : reinterpret_cast<sockaddr_in&>(at).sin_port);
}

/// -1 when the port is taken.
int bind_udp(const std::string& address, std::uint16_t port) {
  const auto at = numeric_address(address, port);
  if (!at) return -1;
  const int fd = ::socket(at->storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int buffer = 4 * 1024 * 1024;
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  if (fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&at->storage), at->size) == 0) return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}

/// An even port and the next (RFC 3550 §11).
Status open_udp(Listener& listener, const std::string& address) {
  for (int attempt = 0; attempt < 64; ++attempt) {
    const int first = bind_udp(address, 0);
    if (first < 0) break;
    const auto port = bound_port(first);
    const int second = port % 2 == 0 ? bind_udp(address, static_cast<std::uint16_t>(port + 1)) : -1;
    if (second >= 0) {
      listener.rtp = first;
      listener.rtcp = second;
      listener.udp_ports = {port, static_cast<std::uint16_t>(port + 1)};
      return {};
    }
    ::close(first);
  }
  return fail(ErrorCode::unavailable, "no pair of free UDP ports was found; try again, or use --no-udp");
}

}  // namespace

Listener& Listener::operator=(Listener&& other) noexcept {
  std::swap(tcp, other.tcp);
  std::swap(rtp, other.rtp);
  std::swap(rtcp, other.rtcp);
  std::swap(port, other.port);
  std::swap(udp_ports, other.udp_ports);
  return *this;
}

Listener::~Listener() {
  for (const int fd : {tcp, rtp, rtcp}) {
    if (fd >= 0) ::close(fd);
  }
}

Result<Listener> Listener::open(const std::string& address, std::uint16_t port, bool udp) {
  const auto at = numeric_address(address, port);
  if (!at) return std::unexpected(at.error());
  Listener out;
  out.tcp = ::socket(at->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (out.tcp < 0) return std::unexpected(errno_error(errno, "socket"));
  const int on = 1;
  ::setsockopt(out.tcp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(out.tcp, reinterpret_cast<const sockaddr*>(&at->storage), at->size) != 0 || ::listen(out.tcp, 1024) != 0) {
    const std::string where = address + " port " + std::to_string(port);
    if (errno == EADDRINUSE) {
      return fail(ErrorCode::conflict, where + " is taken by another program; choose another with --port", "port");
    }
    return std::unexpected(errno_error(errno, "listening on " + where));
  }
  out.port = bound_port(out.tcp);
  if (udp) {
    if (auto opened = open_udp(out, address); !opened) return std::unexpected(opened.error());
  }
  return out;
}

Result<int> accept_from(int listening, sockaddr_storage& peer) {
  socklen_t size = sizeof peer;
  const int fd = ::accept4(listening, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) return fd;
  const bool exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
  return fail(exhausted ? ErrorCode::limit_exceeded : ErrorCode::unavailable, "no connection was accepted");
}

bool receive_from(int fd, std::span<std::uint8_t> into, sockaddr_storage& from) {
  socklen_t size = sizeof from;
  return ::recvfrom(fd, into.data(), into.size(), 0, reinterpret_cast<sockaddr*>(&from), &size) >= 0;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Poller::~Poller() {
  for (const int fd : {epoll_, timer_, wake_}) {
    if (fd >= 0) ::close(fd);
  }
}

Status Poller::open() {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  timer_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (epoll_ < 0 || timer_ < 0 || wake_ < 0) return std::unexpected(errno_error(errno, "epoll"));
  add(timer_);
  add(wake_);
  return {};
}

void Poller::add(int fd) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
}

void Poller::change(int fd, bool readable, bool writable) {
  epoll_event event{.events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u), .data = {.fd = fd}};
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
}

void Poller::remove(int fd) { ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr); }

void Poller::wait(std::optional<MonoTime> until, std::vector<Ready>& ready) {
  ready.clear();
  itimerspec at{};
  if (until) {
    const auto us = std::max<std::int64_t>(until->time_since_epoch().count(), 1);
    at.it_value = {us / 1'000'000, us % 1'000'000 * 1000};
  }
  ::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &at, nullptr);
  std::array<epoll_event, 128> events;
  const int n = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
  for (int i = 0; i < n; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    if (event.data.fd == timer_) continue;  // setting it again takes its readiness away
    if (event.data.fd == wake_) {
      std::uint64_t count = 0;
      if (::read(wake_, &count, sizeof count) < 0) continue;
      continue;
    }
    ready.push_back(
        {event.data.fd, (event.events & EPOLLIN) != 0, (event.events & EPOLLOUT) != 0, (event.events & (EPOLLERR | EPOLLHUP)) != 0});
  }
}

void Poller::wake() {
  const std::uint64_t one = 1;
  if (::write(wake_, &one, sizeof one) < 0) return;  // full: it is awake anyway
}

}  // namespace ccoc::simulator
