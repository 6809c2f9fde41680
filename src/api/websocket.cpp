#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <functional>
#include <utility>

#include "ccoc/base/log.h"
#include "net.h"
#include "wire.h"

namespace ccoc::api {
namespace websocket = beast::websocket;
namespace {

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
using Stream = websocket::stream<Wire>;

/// Of waiting messages so much goes to the kernel at once; the outbox may still change its mind about the rest.
constexpr std::size_t most_at_once = std::size_t{64} << 10;

/// Sleeps until told. I/O thread only.
class Bell {
 public:
  explicit Bell(asio::io_context& io) : timer_(io) { timer_.expires_at(asio::steady_timer::time_point::max()); }
  void ring() { timer_.cancel(); }
  auto wait() { return timer_.async_wait(as_values); }

 private:
  asio::steady_timer timer_;
};

/// One WebSocket: a reader (the coroutine that owns it all), a ticker, at the end a closer, which end before it; and what the outbox
/// holds is pumped into the wire.
class SocketConnection {
 public:
  SocketConnection(Server::Impl& server, beast::tcp_stream stream, std::unique_ptr<SocketSession> session, std::shared_ptr<Outbox> outbox)
      : server_(server),
        stream_(Wire(std::move(stream))),
        session_(std::move(session)),
        outbox_(std::move(outbox)),
        pump_(std::make_shared<std::function<void()>>([this] { pump(); })),
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
      wire().on_drained([this] { pump(); });
      outbox_->on_ready([pump = std::weak_ptr(pump_), &io = server_.io_] {
        asio::post(io, [pump] {
          if (const auto alive = pump.lock()) (*alive)();
        });
      });
      begin(tick());
      co_await read();
      outbox_->close(1000, "");
      outbox_->on_ready({});
      wire().on_drained({});
      reading_ = false;
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

  /// Sends what the outbox has while the kernel takes it; what it has then waits there, where it can still be left out.
  void pump() {
    if (!reading_ || closing_) return;
    bool more = true;
    while (more && wire().unsent() == 0) {
      while (more && wire().unsent() < most_at_once) {
        auto message = outbox_->take();
        more = message.has_value();
        if (more) wire().put(*std::move(message));
      }
      wire().flush();
    }
    if (more) return;
    auto told = outbox_->closing();
    if (!told) return;
    closing_ = true;
    begin(close(*std::move(told)));
  }

  asio::awaitable<void> close(Outbox::Close told) {
    const websocket::close_reason reason(static_cast<websocket::close_code>(told.code), told.reason);
    co_await stream_.async_close(reason, as_values);
    hang_up();
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

  void begin(asio::awaitable<void> part) {
    ++parts_;
    asio::co_spawn(server_.io_, std::move(part), [this](const std::exception_ptr&) {
      --parts_;
      done_.ring();
    });
  }

  Wire& wire() { return stream_.next_layer(); }

  void hang_up() {
    boost::system::error_code ignored;
    beast::get_lowest_layer(stream_).socket().close(ignored);
  }

  Server::Impl& server_;
  Stream stream_;
  std::unique_ptr<SocketSession> session_;
  std::shared_ptr<Outbox> outbox_;
  const std::shared_ptr<std::function<void()>> pump_;  ///< for who may be later than this
  Bell done_;
  asio::steady_timer tick_;
  bool reading_ = true;
  bool closing_ = false;
  int parts_ = 0;
};

}  // namespace

asio::awaitable<void> run_socket(Server::Impl& server, beast::tcp_stream stream, const HttpMessage& upgrade,
                                 std::unique_ptr<SocketSession> session, std::shared_ptr<Outbox> outbox) {
  SocketConnection connection(server, std::move(stream), std::move(session), std::move(outbox));
  co_await connection.run(upgrade);
}

}  // namespace ccoc::api
