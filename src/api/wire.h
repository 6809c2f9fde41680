// What lies beneath a WebSocket: the socket, with a queue of frames on their way out. Beast reads, and writes its control frames,
// through it; messages go past Beast, in frames made here (RFC 6455 §5.2, a server's: not masked), so that what many viewers are
// sent is neither copied nor cut into pieces, and several small ones leave at once. I/O thread only.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "ccoc/api/web_socket.h"

namespace ccoc::api {

/// Satisfies AsyncStream of Asio, as the layer beneath boost::beast::websocket::stream.
class Wire {
 public:
  using executor_type = boost::beast::tcp_stream::executor_type;
  using Completion = std::move_only_function<void(boost::system::error_code, std::size_t)>;

  explicit Wire(boost::beast::tcp_stream stream);
  /// Closes the socket; what has not left is lost.
  ~Wire();
  Wire(Wire&&) noexcept = default;
  Wire& operator=(Wire&&) = delete;

  /// Queues a whole message; it leaves with flush(). Nothing is queued after an error, and behind a close frame.
  void put(OutMessage message);
  /// As much as the kernel takes now, the rest when it can take more. After an error nothing leaves any more, and who reads learns of it.
  void flush();
  /// Bytes that flush() has left behind, or has not seen.
  std::size_t unsent() const;
  /// `call`, when what flush() has left behind is gone.
  void on_drained(std::function<void()> call);

  // For Beast.
  boost::beast::tcp_stream& next_layer();
  const boost::beast::tcp_stream& next_layer() const;
  executor_type get_executor() { return next_layer().get_executor(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return next_layer().async_read_some(buffers, std::forward<Token>(token));
  }

  /// Completes when all that was queued until then has left.
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, const auto& pieces) {
          std::string copied(boost::asio::buffer_size(pieces), '\0');
          boost::asio::buffer_copy(boost::asio::buffer(copied), pieces);
          auto executor = boost::asio::get_associated_executor(handler, get_executor());
          write(std::move(copied), [done = std::move(handler), executor](boost::system::error_code error, std::size_t size) mutable {
            boost::asio::post(executor, [last = std::move(done), error, size]() mutable { std::move(last)(error, size); });
          });
        },
        token, buffers);
  }

 private:
  struct State;
  void write(std::string bytes, Completion completion);

  std::shared_ptr<State> state_;
};

inline void teardown(boost::beast::role_type role, Wire& wire, boost::system::error_code& error) {
  using boost::beast::websocket::teardown;
  teardown(role, wire.next_layer(), error);
}

template <class Handler>
void async_teardown(boost::beast::role_type role, Wire& wire, Handler&& handler) {
  using boost::beast::websocket::async_teardown;
  async_teardown(role, wire.next_layer(), std::forward<Handler>(handler));
}

}  // namespace ccoc::api
