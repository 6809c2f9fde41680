#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "asio_sockets.h"

namespace ccoc {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t batch = 32;
constexpr std::size_t max_datagram = 65536;
/// A little more, so that the slots do not all fall onto the same sets of the caches.
constexpr std::size_t slot = max_datagram + 17 * 64;
constexpr int most_batches = 32;  // of one socket in one go: others wait
constexpr int wanted_buffer = 4 * 1024 * 1024;
/// The kernel's buffer must hold what comes between two visits, and the largest picture at once; else the kernel wakes us.
constexpr int buffer_for_sweeping = 2 * 1024 * 1024;

/// Where datagrams are read to: pages beyond the usual packet are never touched.
struct ReadSpace {
  ReadSpace() : bytes(new std::uint8_t[batch * slot]) {
    for (std::size_t i = 0; i < batch; ++i) {
      pieces[i] = {bytes.get() + i * slot, max_datagram};
      messages[i].msg_hdr.msg_iov = &pieces[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      messages[i].msg_hdr.msg_name = &names[i];
      messages[i].msg_hdr.msg_namelen = sizeof names[i];
    }
  }
  std::unique_ptr<std::uint8_t[]> bytes;
  std::array<iovec, batch> pieces{};
  std::array<sockaddr_storage, batch> names{};
  std::array<mmsghdr, batch> messages{};
};

PeerAddress peer_of(const sockaddr_storage& name) {
  PeerAddress out;
  if (name.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(name);
    std::memcpy(out.address.data(), &v6.sin6_addr, 16);
    out.port = ntohs(v6.sin6_port);
  } else {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(name);
    out.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    std::memcpy(out.address.data() + 12, &v4.sin_addr, 4);
    out.port = ntohs(v4.sin_port);
  }
  return out;
}

/// A socket on any address; both families where the machine has IPv6. -1 with errno.
int bound_socket(int family, std::uint16_t port) {
  const int fd = ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  sockaddr_storage name{};
  socklen_t size = sizeof(sockaddr_in);
  name.ss_family = static_cast<sa_family_t>(family);
  if (family == AF_INET6) {
    const int off = 0;
    ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    reinterpret_cast<sockaddr_in6&>(name).sin6_port = htons(port);
    size = sizeof(sockaddr_in6);
  } else {
    reinterpret_cast<sockaddr_in&>(name).sin_port = htons(port);
  }
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&name), size) == 0) return fd;
  const int why = errno;
  ::close(fd);
  errno = why;
  return -1;
}

std::uint16_t port_of(int fd) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size);
  return peer_of(name).port;
}

/// What the kernel really gave, in bytes.
int enlarge_buffer(int fd) {
  // Root may pass over net.core.rmem_max.
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted_buffer, sizeof wanted_buffer) != 0) {
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted_buffer, sizeof wanted_buffer);
  }
  int given = 0;
  socklen_t size = sizeof given;
  ::getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &given, &size);
  return given;
}

class AsioDatagram final : public SweptSocket, public std::enable_shared_from_this<AsioDatagram> {
 public:
  AsioDatagram(AsioReactor::Impl& reactor, DatagramHandler& handler, int fd, int family)
      : reactor_(reactor), handler_(&handler), fd_(fd), family_(family), port_(port_of(fd)) {
    may_sweep_ = enlarge_buffer(fd) >= buffer_for_sweeping;
  }

  ~AsioDatagram() { close(); }

  std::uint16_t port() const { return port_; }
  void start() { wait_readable(); }

  void set_prompt(bool prompt) {
    const bool sweeping = !prompt && may_sweep_;
    if (sweeping == place_.has_value()) return;
    if (sweeping) {
      place_.emplace(reactor_.datagrams, *this);
      stop_waiting();
    } else {
      place_.reset();
      wait_readable();
    }
  }

  void send_to(ByteView bytes, const PeerAddress& to) {
    if (handler_ == nullptr) return;
    const auto [name, size] = name_of(to);
    ::sendto(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&name), size);
  }

  void send_all_to(std::span<const ByteView> datagrams, const PeerAddress& to) {
    if (handler_ == nullptr) return;
    auto [name, size] = name_of(to);
    std::array<mmsghdr, batch> messages{};
    std::array<iovec, batch> pieces;
    while (!datagrams.empty()) {
      const auto count = std::min(batch, datagrams.size());
      for (std::size_t i = 0; i < count; ++i) {
        pieces[i] = {const_cast<std::uint8_t*>(datagrams[i].data()), datagrams[i].size()};
        messages[i].msg_hdr.msg_name = &name;
        messages[i].msg_hdr.msg_namelen = size;
        messages[i].msg_hdr.msg_iov = &pieces[i];
        messages[i].msg_hdr.msg_iovlen = 1;
      }
      if (::sendmmsg(fd_, messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) return;
      datagrams = datagrams.subspan(count);
    }
  }

  void release() {
    handler_ = nullptr;
    place_.reset();
    close();
  }

  void sweep(MonoTime) override { read(); }

  void read() {
    static thread_local ReadSpace space;
    const auto self = shared_from_this();
    for (int round = 0; round < most_batches; ++round) {
      // An error here is an answer of the network to something sent (ICMP): no reason to stop listening.
      const int count = ::recvmmsg(fd_, space.messages.data(), batch, MSG_DONTWAIT, nullptr);
      for (int i = 0; i < count; ++i) space.messages[static_cast<std::size_t>(i)].msg_hdr.msg_namelen = sizeof(sockaddr_storage);
      for (int i = 0; i < count; ++i) {
        const auto at = static_cast<std::size_t>(i);
        handler_->on_datagram({static_cast<const std::uint8_t*>(space.pieces[at].iov_base), space.messages[at].msg_len},
                              peer_of(space.names[at]));
        if (handler_ == nullptr) return;
      }
      if (count < static_cast<int>(batch)) return;
    }
  }

 private:
  std::pair<sockaddr_storage, socklen_t> name_of(const PeerAddress& to) const {
    sockaddr_storage name{};
    if (family_ == AF_INET6) {
      auto& v6 = reinterpret_cast<sockaddr_in6&>(name);
      v6.sin6_family = AF_INET6;
      v6.sin6_port = htons(to.port);
      std::memcpy(&v6.sin6_addr, to.address.data(), 16);
      return {name, sizeof(sockaddr_in6)};
    }
    auto& v4 = reinterpret_cast<sockaddr_in&>(name);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(to.port);
    std::memcpy(&v4.sin_addr, to.address.data() + 12, 4);
    return {name, sizeof(sockaddr_in)};
  }

  void close() {
    stop_waiting();
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

  /// The kernel must not know of a wish to be woken: it would wake us for every packet.
  void stop_waiting() {
    ++waits_;
    if (descriptor_) descriptor_->release();
    descriptor_.reset();
  }

  void wait_readable() {
    if (!descriptor_) descriptor_.emplace(reactor_.context, fd_);
    descriptor_->async_wait(asio::posix::stream_descriptor::wait_read, [self = shared_from_this(), wait = waits_](error_code code) {
      if (code || self->handler_ == nullptr || wait != self->waits_) return;
      self->read();
      if (self->handler_ != nullptr && !self->place_) self->wait_readable();
    });
  }

  AsioReactor::Impl& reactor_;
  DatagramHandler* handler_;
  int fd_;
  std::optional<asio::posix::stream_descriptor> descriptor_;  ///< while the kernel is to wake us
  const int family_;
  const std::uint16_t port_;
  bool may_sweep_ = false;
  unsigned waits_ = 0;  ///< times waiting was given up: what was under way then counts no more
  std::optional<SweepPlace> place_;
};

class OwnedDatagram final : public DatagramSocket {
 public:
  explicit OwnedDatagram(std::shared_ptr<AsioDatagram> state) : state_(std::move(state)) { state_->start(); }
  ~OwnedDatagram() override { state_->release(); }
  std::uint16_t port() const override { return state_->port(); }
  void send_to(ByteView bytes, const PeerAddress& to) override { state_->send_to(bytes, to); }
  void send_all_to(std::span<const ByteView> datagrams, const PeerAddress& to) override { state_->send_all_to(datagrams, to); }
  void receive() override { state_->read(); }
  void set_prompt(bool prompt) override { state_->set_prompt(prompt); }

 private:
  std::shared_ptr<AsioDatagram> state_;
};

}  // namespace

Result<DatagramPair> open_datagram_pair(AsioReactor::Impl& reactor, DatagramHandler& even, DatagramHandler& odd) {
  int why = 0;
  for (int attempt = 0; attempt < 64; ++attempt) {
    int family = AF_INET6;
    int first = bound_socket(family, 0);
    if (first < 0) first = bound_socket(family = AF_INET, 0);
    if (first < 0) {
      why = errno;
      break;
    }
    const auto port = port_of(first);
    const int second = bound_socket(family, port ^ 1u);
    if (second < 0) {
      why = errno;
      ::close(first);
      continue;
    }
    const auto [lower, upper] = port % 2 == 0 ? std::pair{first, second} : std::pair{second, first};
    return DatagramPair{std::make_unique<OwnedDatagram>(std::make_shared<AsioDatagram>(reactor, even, lower, family)),
                        std::make_unique<OwnedDatagram>(std::make_shared<AsioDatagram>(reactor, odd, upper, family))};
  }
  return fail(ErrorCode::unavailable, std::string("no pair of UDP ports is free: ") + std::strerror(why));
}

}  // namespace ccoc
