// Shared by the two files that speak Asio and Beast: the server's innards and the hop to the pool and back.
#pragma once

#include <atomic>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "ccoc/api/server.h"
#include "ccoc/base/reactor.h"

namespace ccoc::api {

namespace asio = boost::asio;
namespace beast = boost::beast;
using HttpMessage = beast::http::request<beast::http::string_body>;

/// Runs `work` on the pool and resumes on the I/O thread; nullopt when the pool's queue is full. `work` must not throw.
template <class R>
asio::awaitable<std::optional<R>> on_pool(WorkQueue& pool, std::function<R()> work) {
  const auto initiate = [&pool, &work](auto handler) {
    auto executor = asio::get_associated_executor(handler);
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    const bool taken = pool.submit([shared, executor, job = std::move(work)]() mutable {
      std::optional<R> result(job());
      job = nullptr;
      asio::post(executor, [handler_ptr = std::move(shared), value = std::move(result)]() mutable { (*handler_ptr)(std::move(value)); });
    });
    if (!taken) {
      asio::post(executor, [shared = std::move(shared)]() mutable { (*shared)(std::optional<R>()); });
    }
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::optional<R>)>(initiate, asio::use_awaitable);
}

class Server::Impl {
 public:
  Impl(const ServerOptions& options, Dispatcher& dispatcher);
  ~Impl();

  Status listen();
  void run();
  void stop();

  /// Something that can be told to end; `hard` leaves no time for good-byes. I/O thread.
  using Closer = std::function<void(bool hard)>;
  /// Keeps a connection's closer known while it lives.
  class Membership {
   public:
    Membership(Impl& impl, Closer closer);
    ~Membership();
    Membership(const Membership&) = delete;
    Membership& operator=(const Membership&) = delete;

   private:
    Impl& impl_;
    std::uint64_t number_;
  };

  const ServerOptions options_;
  Dispatcher& dispatcher_;
  asio::io_context io_{1};
  asio::ip::tcp::acceptor acceptor_{io_};
  std::unique_ptr<WorkQueue> pool_;
  std::thread thread_;
  std::atomic<std::size_t> connections_{0};
  std::uint16_t port_ = 0;
  bool stopping_ = false;                           ///< I/O thread
  std::size_t large_bodies_ = 0;                    ///< I/O thread
  std::map<std::uint64_t, Closer> closers_;         ///< I/O thread
  std::uint64_t next_number_ = 0;                   ///< I/O thread
  std::shared_ptr<asio::steady_timer> last_words_;  ///< I/O thread; while stopping
  std::map<std::string, std::size_t> per_address_;  ///< I/O thread

 private:
  asio::awaitable<void> accept();
  asio::awaitable<void> connection(asio::ip::tcp::socket socket, std::string address, bool loopback);
  asio::awaitable<bool> exchange(beast::tcp_stream& stream, beast::flat_buffer& buffer, const std::string& address, bool loopback);
  /// Waits for an answer that comes later, without holding a thread of the pool; nothing when it takes too long or the
  /// server stops.
  asio::awaitable<std::optional<Response>> wait_for(LateResponse later);
  asio::awaitable<bool> answer(beast::tcp_stream& stream, const Response& response, bool head, bool keep_alive);
  asio::awaitable<bool> upgrade(beast::tcp_stream& stream, const HttpMessage& message, Request& request);
};

/// Serves one WebSocket until it ends. `session` was made with `outbox`.
asio::awaitable<void> run_socket(Server::Impl& server, beast::tcp_stream stream, const HttpMessage& upgrade,
                                 std::unique_ptr<SocketSession> session, std::shared_ptr<Outbox> outbox);

}  // namespace ccoc::api
