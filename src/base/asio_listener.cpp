#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <cstring>

#include "asio_sockets.h"
#include "ccoc/base/log.h"

namespace ccoc {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr int backlog = 256;
constexpr Duration pause_when_full = std::chrono::milliseconds{200};
/// What waits in the kernel nobody can skip: keep it short.
constexpr int most_unsent_in_kernel = 128 * 1024;
constexpr unsigned give_up_ms = 30'000;

class AsioListener final : public std::enable_shared_from_this<AsioListener> {
 public:
  AsioListener(AsioReactor::Impl& reactor, AcceptHandler on_accept)
      : on_accept_(std::move(on_accept)), clock_(reactor.clock), acceptor_(reactor.context), pause_(reactor.context) {}

  Status open(const tcp::endpoint& endpoint, const std::string& where) {
    error_code error;
    const auto refused = [&](std::string_view what) -> Status {
      if (error == asio::error::address_in_use) return fail(ErrorCode::conflict, where + " is taken by another program");
      if (error == asio::error::access_denied) {
        return fail(ErrorCode::permission_denied, "no right to listen on " + where + ": choose a port above 1023");
      }
      return fail(ErrorCode::io, "cannot " + std::string(what) + " " + where + ": " + error.message());
    };
    if (acceptor_.open(endpoint.protocol(), error); error) return refused("open a socket for");
    acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (acceptor_.bind(endpoint, error); error) return refused("bind to");
    if (acceptor_.listen(backlog, error); error) return refused("listen on");
    port_ = acceptor_.local_endpoint(error).port();
    accept();
    return {};
  }

  std::uint16_t port() const { return port_; }

  void close() {
    on_accept_ = nullptr;
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  }

 private:
  void accept() {
    acceptor_.async_accept([self = shared_from_this()](error_code code, tcp::socket socket) {
      if (!self->on_accept_) return;
      if (code) return self->wait(code);
      self->take(std::move(socket));
      if (self->on_accept_) self->accept();
    });
  }

  /// Out of file descriptors, most likely: those that are open go on.
  void wait(const error_code& code) {
    throttle_.warn("base", "accept", "cannot accept a connection: " + code.message(), clock_.now());
    pause_.expires_after(pause_when_full);
    pause_.async_wait([self = shared_from_this()](error_code stopped) {
      if (!stopped && self->on_accept_) self->accept();
    });
  }

  void take(tcp::socket socket) {
    error_code bad;
    const auto endpoint = socket.remote_endpoint(bad);
    if (bad) return;
    const auto address = endpoint.address();
    const auto wide = address.is_v6() ? address.to_v6() : asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4());
    const int fd = socket.release(bad);
    if (bad) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most_unsent_in_kernel, sizeof most_unsent_in_kernel);
    ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &give_up_ms, sizeof give_up_ms);
    on_accept_(fd, PeerAddress{wide.to_bytes(), endpoint.port()});
  }

  AcceptHandler on_accept_;
  const Clock& clock_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  log::Throttle throttle_;
  std::uint16_t port_ = 0;
};

class OwnedListener final : public ListeningSocket {
 public:
  explicit OwnedListener(std::shared_ptr<AsioListener> state) : state_(std::move(state)) {}
  ~OwnedListener() override { state_->close(); }
  std::uint16_t port() const override { return state_->port(); }

 private:
  std::shared_ptr<AsioListener> state_;
};

}  // namespace

Result<std::unique_ptr<ListeningSocket>> open_listener(AsioReactor::Impl& reactor, const std::string& host, std::uint16_t port,
                                                       AcceptHandler on_accept) {
  error_code error;
  tcp::endpoint endpoint;
  if (const auto address = asio::ip::make_address(host, error); !error) {
    endpoint = tcp::endpoint(address, port);
  } else {
    tcp::resolver resolver(reactor.context);
    const auto found = resolver.resolve(host, std::to_string(port), error);
    if (error || found.empty()) {
      return fail(ErrorCode::invalid_argument, "the address " + host + " cannot be resolved");
    }
    endpoint = found.begin()->endpoint();
  }
  auto state = std::make_shared<AsioListener>(reactor, std::move(on_accept));
  if (const auto opened = state->open(endpoint, host + ":" + std::to_string(port)); !opened) return std::unexpected(opened.error());
  return std::make_unique<OwnedListener>(std::move(state));
}

}  // namespace ccoc
