#include "ccoc/base/asio_reactor.h"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <iterator>
#include <utility>

#include "asio_sockets.h"

namespace ccoc {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

class OwnedTimer final : public Timer {
 public:
  OwnedTimer(asio::io_context& context, Duration delay, std::function<void()> task)
      : timer_(context), alive_(std::make_shared<bool>(true)) {
    timer_.expires_after(delay);
    timer_.async_wait([alive = std::weak_ptr<bool>(alive_), task = std::move(task)](error_code code) {
      if (!code && alive.lock()) task();
    });
  }

 private:
  asio::steady_timer timer_;
  std::shared_ptr<bool> alive_;
};

}  // namespace

Sweep::Sockets::iterator Sweep::add(SweptSocket& socket) {
  const auto place = sockets_->insert(sockets_->begin(), &socket);
  if (!scheduled_) schedule();
  return place;
}

void Sweep::schedule() {
  scheduled_ = true;
  timer_.expires_after(interval_);
  timer_.async_wait([this](error_code code) {
    scheduled_ = false;
    if (code) return;
    const auto now = clock_.now();
    for (auto it = sockets_->begin(); it != sockets_->end();) {
      if (*it != nullptr) (*it)->sweep(now);
      it = *it == nullptr ? sockets_->erase(it) : std::next(it);
    }
    if (!sockets_->empty()) schedule();
  });
}

AsioReactor::AsioReactor(std::string name) : impl_(std::make_unique<Impl>()) {
  impl_->thread = std::thread([impl = impl_.get(), name = name.substr(0, 15)] {
    pthread_setname_np(pthread_self(), name.c_str());
    impl->context.run();
  });
}

AsioReactor::~AsioReactor() {
  impl_->work.reset();
  impl_->context.stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

const Clock& AsioReactor::clock() const { return impl_->clock; }

void AsioReactor::post(std::function<void()> task) { asio::post(impl_->context, std::move(task)); }

std::unique_ptr<Timer> AsioReactor::call_after(Duration delay, std::function<void()> task) {
  return std::make_unique<OwnedTimer>(impl_->context, delay, std::move(task));
}

std::unique_ptr<Connection> AsioReactor::connect(const Endpoint& to, Duration timeout, ConnectionHandler& handler) {
  return open_connection(*impl_, to, timeout, handler);
}

Result<std::unique_ptr<Connection>> AsioReactor::adopt(int socket, ConnectionHandler& handler) {
  return adopt_connection(*impl_, socket, handler);
}

Result<std::unique_ptr<ListeningSocket>> AsioReactor::listen(const std::string& host, std::uint16_t port, AcceptHandler on_accept) {
  return open_listener(*impl_, host, port, std::move(on_accept));
}

Result<DatagramPair> AsioReactor::open_datagrams(DatagramHandler& even, DatagramHandler& odd) {
  return open_datagram_pair(*impl_, even, odd);
}

}  // namespace ccoc
