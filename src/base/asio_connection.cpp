#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <deque>
#include <optional>
#include <utility>

#include "asio_sockets.h"
#include "ccoc/base/local_address.h"

namespace ccoc {
namespace {

namespace asio = boost::asio;
using asio::generic::stream_protocol;  // TCP, or one end of a socket pair
using asio::ip::tcp;
using boost::system::error_code;

constexpr int low_water_mark = 64 * 1024;
constexpr std::size_t usual_queue_limit = 1024 * 1024;
constexpr std::size_t max_shared_bytes = 32 * 1024 * 1024;
constexpr std::size_t most_pieces = 64;  ///< of one call
constexpr Duration sweep_interval = std::chrono::milliseconds{250};

bool is_local(const asio::ip::address& address) {
  return address.is_v6() ? is_local_ipv6(address.to_v6().to_bytes()) : is_local_ipv4(address.to_v4().to_uint());
}

Error network_error(const error_code& code, std::string_view what) {
  const ErrorCode kind =
      code == asio::error::timed_out || code == asio::error::operation_aborted ? ErrorCode::timeout : ErrorCode::unavailable;
  return Error{kind, std::string(what) + ": " + code.message(), {}};
}

/// Handlers of asynchronous operations hold the state; the owner's Connection object may be gone before them.
class AsioConnection final : public SweptSocket, public std::enable_shared_from_this<AsioConnection> {
 public:
  AsioConnection(AsioReactor::Impl& reactor, ConnectionHandler& handler)
      : reactor_(reactor), handler_(&handler), socket_(reactor.context), deadline_(reactor.context) {}

  void start(const Endpoint& to, Duration timeout) {
    place_.emplace(reactor_.connections, *this);
    deadline_.expires_after(timeout);
    deadline_.async_wait([self = shared_from_this()](error_code code) {
      if (!code && !self->connected_) self->end(Error{ErrorCode::timeout, "no answer while connecting", {}});
    });
    error_code bad;
    const auto address = asio::ip::make_address(to.host, bad);
    if (!bad) {
      asio::post(reactor_.context,
                 [self = shared_from_this(), address, to] { self->try_connect({tcp::endpoint{address, to.port}}, to.refuse_local); });
      return;
    }
    // What it captures must not keep this alive: the resolver asks only for who is still there.
    reactor_.names.resolve(to.host, weak_from_this(), [weak = weak_from_this(), &context = reactor_.context, to](const auto& found) {
      asio::post(context, [weak, to, found] {
        if (const auto self = weak.lock()) self->on_resolved(found, to);
      });
    });
  }

  Status start_connected(int socket) {
    error_code bad;
    sockaddr_storage own{};
    socklen_t size = sizeof own;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size) != 0) own.ss_family = AF_UNIX;
    socket_.assign(stream_protocol{own.ss_family, 0}, socket, bad);
    if (bad) {
      ::close(socket);
      return fail(ErrorCode::unavailable, "cannot watch the socket: " + bad.message());
    }
    socket_.non_blocking(true, bad);
    place_.emplace(reactor_.connections, *this);
    connected_ = true;
    last_read_ = reactor_.clock.now();
    wait_readable();
    return {};
  }

  void send(ByteView bytes) {
    if (handler_ == nullptr || bytes.empty()) return;
    if (unsent_ + bytes.size() > shared_unsent_ + queue_limit_) return refuse_more();
    // A piece that is being sent may grow: the kernel has copied what it took.
    if (queue_.empty() || queue_.back().shared) queue_.emplace_back();
    auto& own = queue_.back().own;
    own.insert(own.end(), bytes.begin(), bytes.end());
    unsent_ += bytes.size();
    flush();
  }

  void send_shared(const SharedBytes& bytes) {
    if (handler_ == nullptr || bytes->empty()) return;
    if (unsent_ + bytes->size() > max_shared_bytes) return refuse_more();
    queue_.push_back({bytes, {}});
    unsent_ += bytes->size();
    shared_unsent_ += bytes->size();
    flush();
  }

  std::size_t unsent() const { return unsent_; }
  void set_queue_limit(std::size_t bytes) { queue_limit_ = bytes; }

  void set_prompt(bool prompt) {
    if (prompt_ == prompt) return;
    prompt_ = prompt;
    if (connected_) apply_low_water_mark();
  }

  std::optional<PeerAddress> peer() const {
    error_code bad;
    const auto any = socket_.remote_endpoint(bad);
    tcp::endpoint endpoint;
    const int family = any.protocol().family();
    if (bad || (family != AF_INET && family != AF_INET6) || any.size() > endpoint.capacity()) return std::nullopt;
    std::memcpy(endpoint.data(), any.data(), any.size());
    const auto address = endpoint.address();
    const auto wide = address.is_v6() ? address.to_v6() : asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4());
    return PeerAddress{wide.to_bytes(), endpoint.port()};
  }

  /// The owner lets go: no handler call follows.
  void release() {
    handler_ = nullptr;
    shut();
  }

  /// Non-prompt connections are also read when the kernel has collected for too long.
  void sweep(MonoTime now) override {
    if (!connected_ || prompt_ || handler_ == nullptr || now - last_read_ < sweep_interval) return;
    read_once();
  }

 private:
  void on_resolved(const Result<Addresses>& found, const Endpoint& to) {
    if (!found) return end(found.error());
    std::vector<tcp::endpoint> endpoints;
    for (const auto& entry : *found) {
      const asio::ip::address_v6 wide(entry.address);
      if (wide.is_v4_mapped()) {
        endpoints.emplace_back(asio::ip::make_address_v4(asio::ip::v4_mapped, wide), to.port);
      } else {
        endpoints.emplace_back(wide, to.port);
      }
    }
    try_connect(std::move(endpoints), to.refuse_local);
  }

  void try_connect(std::vector<tcp::endpoint> endpoints, bool refuse_local) {
    if (handler_ == nullptr) return;
    if (refuse_local) {
      std::erase_if(endpoints, [](const tcp::endpoint& e) { return is_local(e.address()); });
      if (endpoints.empty()) {
        return end(
            Error{ErrorCode::permission_denied, "loopback and link-local addresses are refused (ingest.allow_loopback allows them)", {}});
      }
    }
    targets_.assign(endpoints.begin(), endpoints.end());
    asio::async_connect(socket_, targets_, [self = shared_from_this()](error_code code, const stream_protocol::endpoint&) {
      if (self->handler_ == nullptr) return;
      if (code) return self->end(network_error(code, "cannot connect"));
      self->on_connected();
    });
  }

  void on_connected() {
    connected_ = true;
    deadline_.cancel();
    error_code ignored;
    socket_.set_option(tcp::no_delay{true}, ignored);
    socket_.non_blocking(true, ignored);
    last_read_ = reactor_.clock.now();
    if (!prompt_) apply_low_water_mark();
    const auto self = shared_from_this();
    handler_->on_connected();
    if (handler_ == nullptr) return;
    flush();
    wait_readable();
  }

  void apply_low_water_mark() {
    const int mark = prompt_ ? 1 : low_water_mark;
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark);
    // What already waits below the old mark would not wake us.
    if (prompt_) {
      asio::post(reactor_.context, [self = shared_from_this()] {
        if (self->connected_ && self->handler_ != nullptr) self->read_once();
      });
    }
  }

  void wait_readable() {
    socket_.async_wait(stream_protocol::socket::wait_read, [self = shared_from_this()](error_code code) {
      if (code || self->handler_ == nullptr) return;
      if (self->read_once()) self->wait_readable();
    });
  }

  /// One recv into the thread's buffer. False when the connection ended.
  bool read_once() {
    const auto count = ::recv(socket_.native_handle(), reactor_.buffer.data(), reactor_.buffer.size(), MSG_DONTWAIT);
    last_read_ = reactor_.clock.now();
    if (count > 0) {
      const auto self = shared_from_this();
      handler_->on_bytes(ByteView{reactor_.buffer.data(), static_cast<std::size_t>(count)});
      return handler_ != nullptr;
    }
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (count == 0) {
      end(Error{ErrorCode::unavailable, "the peer closed the connection", {}});
    } else {
      end(network_error(error_code{errno, boost::system::system_category()}, "the connection broke"));
    }
    return false;
  }

  struct Piece {
    SharedBytes shared;
    Bytes own;
    ByteView view() const { return shared ? ByteView(*shared) : ByteView(own); }
  };

  void refuse_more() { end(Error{ErrorCode::limit_exceeded, "the peer does not read what is sent to it", {}}); }

  /// As much as the kernel takes now; the rest when it can take more. A broken connection is told of then, never inside.
  void flush() {
    if (!connected_ || waiting_to_write_) return;
    if (send_queue() || queue_.empty()) return;
    waiting_to_write_ = true;
    socket_.async_wait(stream_protocol::socket::wait_write, [self = shared_from_this()](error_code code) {
      self->waiting_to_write_ = false;
      if (code || self->handler_ == nullptr) return;
      if (self->broken_ != 0) {
        return self->end(network_error(error_code{self->broken_, boost::system::system_category()}, "the connection broke"));
      }
      self->flush();
    });
  }

  /// True when all has left.
  bool send_queue() {
    while (!queue_.empty()) {
      std::array<iovec, most_pieces> pieces;
      std::size_t count = 0, wanted = 0;
      for (const auto& piece : queue_) {
        if (count == pieces.size()) break;
        const auto rest = piece.view().subspan(count == 0 ? front_sent_ : 0);
        pieces[count++] = {const_cast<std::uint8_t*>(rest.data()), rest.size()};
        wanted += rest.size();
      }
      msghdr message{};
      message.msg_iov = pieces.data();
      message.msg_iovlen = count;
      const auto sent = ::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0) {
        if (errno != EAGAIN) broken_ = errno;
        return false;
      }
      drop_sent(static_cast<std::size_t>(sent));
      if (static_cast<std::size_t>(sent) < wanted) return false;
    }
    return true;
  }

  void drop_sent(std::size_t bytes) {
    unsent_ -= bytes;
    bytes += front_sent_;
    while (!queue_.empty() && bytes >= queue_.front().view().size()) {
      const auto size = queue_.front().view().size();
      if (queue_.front().shared) shared_unsent_ -= size;
      bytes -= size;
      queue_.pop_front();
    }
    front_sent_ = bytes;
  }

  void end(const Error& reason) {
    if (handler_ == nullptr) return;
    const auto self = shared_from_this();
    ConnectionHandler* handler = std::exchange(handler_, nullptr);
    shut();
    handler->on_closed(reason);
  }

  void shut() {
    place_.reset();
    deadline_.cancel();
    error_code ignored;
    // What was queued last (a TEARDOWN) gets one chance to leave.
    if (std::exchange(connected_, false) && !waiting_to_write_) send_queue();
    queue_.clear();
    unsent_ = shared_unsent_ = front_sent_ = 0;
    socket_.close(ignored);
  }

  AsioReactor::Impl& reactor_;
  ConnectionHandler* handler_;
  stream_protocol::socket socket_;
  asio::steady_timer deadline_;
  std::vector<stream_protocol::endpoint> targets_;
  std::optional<SweepPlace> place_;
  bool connected_ = false;
  bool prompt_ = true;
  MonoTime last_read_{};
  std::size_t queue_limit_ = usual_queue_limit;
  std::deque<Piece> queue_;
  std::size_t front_sent_ = 0;  ///< of the first piece
  std::size_t unsent_ = 0;
  std::size_t shared_unsent_ = 0;  ///< of pieces that are shared, those begun counted whole
  bool waiting_to_write_ = false;
  int broken_ = 0;
};

class OwnedConnection final : public Connection {
 public:
  explicit OwnedConnection(std::shared_ptr<AsioConnection> state) : state_(std::move(state)) {}
  ~OwnedConnection() override { state_->release(); }
  void send(ByteView bytes) override { state_->send(bytes); }
  void send_shared(const SharedBytes& bytes) override { state_->send_shared(bytes); }
  std::size_t unsent() const override { return state_->unsent(); }
  void set_queue_limit(std::size_t bytes) override { state_->set_queue_limit(bytes); }
  void set_prompt(bool prompt) override { state_->set_prompt(prompt); }
  std::optional<PeerAddress> peer() const override { return state_->peer(); }

 private:
  std::shared_ptr<AsioConnection> state_;
};

}  // namespace

std::unique_ptr<Connection> open_connection(AsioReactor::Impl& reactor, const Endpoint& to, Duration timeout, ConnectionHandler& handler) {
  auto state = std::make_shared<AsioConnection>(reactor, handler);
  state->start(to, timeout);
  return std::make_unique<OwnedConnection>(std::move(state));
}

Result<std::unique_ptr<Connection>> adopt_connection(AsioReactor::Impl& reactor, int socket, ConnectionHandler& handler) {
  auto state = std::make_shared<AsioConnection>(reactor, handler);
  if (const auto started = state->start_connected(socket); !started) return std::unexpected(started.error());
  return std::make_unique<OwnedConnection>(std::move(state));
}

}  // namespace ccoc
