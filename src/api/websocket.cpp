#include <functional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "ccoc/base/log.h"
#include "net.h"

namespace ccoc::api {
namespace websocket = beast::websocket;
namespace {

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
using Stream = websocket::stream<beast::tcp_stream>;

/// Sleeps until told, which costs no timer: it is slept for every picture of every viewer. One sleeper; used on the I/O thread only.
class Doorbell {
 public:
  explicit Doorbell(asio::io_context& io) : io_(io) {}
  /// Wakes who sleeps; nobody is woken for a later time. Never inside.
  void ring() {
    if (sleeper_) asio::post(io_, std::exchange(sleeper_, nullptr));
  }
  auto wait() {
    return asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        [this](auto handler) { sleeper_ = std::move(handler); }, asio::use_awaitable);
  }

 private:
  asio::io_context& io_;
  std::move_only_function<void()> sleeper_;
};

/// The same with a timer.
class Bell {
 public:
  explicit Bell(asio::io_context& io) : timer_(io) { timer_.expires_at(asio::steady_timer::time_point::max()); }
  void ring() { timer_.cancel(); }
  auto wait() { return timer_.async_wait(as_values); }

 private:
  asio::steady_timer timer_;
};

/// One WebSocket: a reader (the coroutine that owns it all), a writer and a ticker. The reader ends last.
class SocketConnection {
 public:
  SocketConnection(Server::Impl& server, beast::tcp_stream stream, std::unique_ptr<SocketSession> session,
                   std::shared_ptr<Outbox> outbox)
      : server_(server),
        stream_(std::move(stream)),
        session_(std::move(session)),
        outbox_(std::move(outbox)),
        ready_(std::make_shared<Doorbell>(server.io_)),
        done_(server.io_),
        tick_(server.io_) {}

  asio::awaitable<void> run(const HttpMessage& upgrade) {
    websocket::stream_base::timeout limits{};
    limits.handshake_timeout = server_.options_.header_timeout;
    limits.idle_timeout = server_.options_.idle_timeout;
    limits.keep_alive_pings = true;
    stream_.set_option(limits);
    stream_.read_message_max(socket_message_limit);
    stream_.auto_fragment(false);
    auto [error] = co_await stream_.async_accept(upgrade, as_values);
    if (!error) {
      const Server::Impl::Membership membership(server_, [this](bool hard) {
        outbox_->close(1001, "the hub is stopping");
        if (hard) hang_up();
      });
      outbox_->on_ready([bell = std::weak_ptr(ready_), &io = server_.io_] {
        asio::post(io, [bell] {
          if (const auto alive = bell.lock()) alive->ring();
        });
      });
      asio::co_spawn(server_.io_, write(), [this](const std::exception_ptr&) { part_ended(); });
      asio::co_spawn(server_.io_, tick(), [this](const std::exception_ptr&) { part_ended(); });
      co_await read();
      outbox_->close(1000, "");
      outbox_->on_ready({});
      reading_ = false;
      ready_->ring();
      tick_.cancel();
      while (parts_ > 0) co_await done_.wait();
    }
    std::function<bool()> farewell = [this] {
      session_->on_closed();
      session_.reset();
      return true;
    };
    while (true) {
      const auto told = co_await on_pool<bool>(*server_.pool_, farewell);
      if (told) break;
      asio::steady_timer pause(server_.io_, std::chrono::milliseconds{20});
      co_await pause.async_wait(as_values);
    }
  }

 private:
  asio::awaitable<void> read() {
    beast::flat_buffer buffer;
    while (true) {
      auto [error, count] = co_await stream_.async_read(buffer, as_values);
      if (error) co_return;
      if (outbox_->closing()) {  // only the peer's answer to our close frame is of interest
        buffer.clear();
        continue;
      }
      if (!stream_.got_text()) {
        outbox_->close(1003, "only text is understood");
        buffer.clear();
        continue;
      }
      const auto data = buffer.cdata();
      std::function<bool()> work = [this, text = std::string(static_cast<const char*>(data.data()), data.size())] {
        session_->on_text(text);
        return true;
      };
      buffer.clear();
      const auto taken = co_await on_pool<bool>(*server_.pool_, std::move(work));
      if (!taken) outbox_->close(1013, "the hub is busy");
    }
  }

  asio::awaitable<void> write() {
    while (reading_) {
      auto message = outbox_->take();
      if (message) {
        stream_.binary(message->binary);
        const std::array<asio::const_buffer, 2> buffers =
            message->binary
                ? std::array<asio::const_buffer, 2>{asio::buffer(message->header), asio::buffer(*message->bytes)}
                : std::array<asio::const_buffer, 2>{asio::buffer(message->text), asio::const_buffer()};
        auto [error, count] = co_await stream_.async_write(buffers, as_values);
        if (error) {
          hang_up();
          co_return;
        }
        continue;
      }
      if (const auto closing = outbox_->closing()) {
        const websocket::close_reason reason(static_cast<websocket::close_code>(closing->code), closing->reason);
        co_await stream_.async_close(reason, as_values);
        hang_up();
        co_return;
      }
      co_await ready_->wait();
    }
  }

  asio::awaitable<void> tick() {
    while (reading_) {
      tick_.expires_after(std::chrono::seconds{1});
      auto [error] = co_await tick_.async_wait(as_values);
      if (error || !reading_) co_return;
      std::function<bool()> work = [this] {
        session_->on_tick();
        return true;
      };
      co_await on_pool<bool>(*server_.pool_, std::move(work));
    }
  }

  void part_ended() {
    --parts_;
    done_.ring();
  }

  void hang_up() {
    boost::system::error_code ignored;
    beast::get_lowest_layer(stream_).socket().close(ignored);
  }

  Server::Impl& server_;
  Stream stream_;
  std::unique_ptr<SocketSession> session_;
  std::shared_ptr<Outbox> outbox_;
  std::shared_ptr<Doorbell> ready_;
  Bell done_;
  asio::steady_timer tick_;
  bool reading_ = true;
  int parts_ = 2;
};

}  // namespace

asio::awaitable<void> run_socket(Server::Impl& server, beast::tcp_stream stream, const HttpMessage& upgrade,
                                 std::unique_ptr<SocketSession> session, std::shared_ptr<Outbox> outbox) {
  SocketConnection connection(server, std::move(stream), std::move(session), std::move(outbox));
  co_await connection.run(upgrade);
}

}  // namespace ccoc::api
