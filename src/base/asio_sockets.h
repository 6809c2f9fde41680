// What an AsioReactor's thread shares with its sockets; private to base.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <memory>
#include <thread>

#include "ccoc/base/asio_reactor.h"
#include "ccoc/base/name_resolver.h"

namespace ccoc {

/// Visited every so often, because the kernel need not wake us for what came.
class SweptSocket {
 public:
  virtual void sweep(MonoTime now) = 0;

 protected:
  ~SweptSocket() = default;
};

/// Visits its sockets as long as there are any. A visit may close this socket and others and open new ones.
class Sweep {
 public:
  Sweep(boost::asio::io_context& context, const Clock& clock, Duration interval) : timer_(context), clock_(clock), interval_(interval) {}
  using Sockets = std::list<SweptSocket*>;
  Sockets::iterator add(SweptSocket& socket);
  const std::shared_ptr<Sockets>& sockets() const { return sockets_; }

 private:
  void schedule();
  boost::asio::steady_timer timer_;
  const Clock& clock_;
  const Duration interval_;
  /// Shared, because sockets held by handlers that never ran end with the io_context, after this.
  std::shared_ptr<Sockets> sockets_ = std::make_shared<Sockets>();
  bool scheduled_ = false;
};

/// Membership of a sweep.
class SweepPlace {
 public:
  SweepPlace(Sweep& sweep, SweptSocket& socket) : sockets_(sweep.sockets()), place_(sweep.add(socket)) {}
  ~SweepPlace() { *place_ = nullptr; }  // a visit under way may stand on it
  SweepPlace(const SweepPlace&) = delete;
  SweepPlace& operator=(const SweepPlace&) = delete;

 private:
  std::shared_ptr<Sweep::Sockets> sockets_;
  Sweep::Sockets::iterator place_;
};

struct AsioReactor::Impl {
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
  SystemClock clock;
  std::array<std::uint8_t, 256 * 1024> buffer;  ///< one read at a time, of whichever socket
  Sweep connections{context, clock, std::chrono::milliseconds{125}};
  Sweep datagrams{context, clock, std::chrono::milliseconds{40}};
  std::thread thread;
  NameResolver names;  ///< last: it posts to the context, and ends before it
};

std::unique_ptr<Connection> open_connection(AsioReactor::Impl& reactor, const Endpoint& to, Duration timeout, ConnectionHandler& handler);
Result<std::unique_ptr<Connection>> adopt_connection(AsioReactor::Impl& reactor, int socket, ConnectionHandler& handler);
Result<std::unique_ptr<ListeningSocket>> open_listener(AsioReactor::Impl& reactor, const std::string& host, std::uint16_t port,
                                                       AcceptHandler on_accept);
Result<DatagramPair> open_datagram_pair(AsioReactor::Impl& reactor, DatagramHandler& even, DatagramHandler& odd);

}  // namespace ccoc
