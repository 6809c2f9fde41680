#include "ccoc/api/server.h"

#include <netinet/tcp.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <future>
#include <mutex>

#include "ccoc/api/problem.h"
#include "ccoc/api/router.h"
#include "ccoc/base/asio_reactor.h"
#include "ccoc/base/log.h"
#include "net.h"

namespace ccoc::api {
namespace http = beast::http;
using asio::ip::tcp;
namespace {

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t piece_size = std::size_t{256} << 10;
constexpr std::size_t stranger_body_limit = std::size_t{64} << 10;

/// No header may smuggle a line break, whatever a handler put into it.
void append_clean(std::string& out, std::string_view text) {
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
}

std::string header_text(const Response& response, bool keep_alive) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += http::obsolete_reason(static_cast<http::status>(response.status));
  out += "\r\n";
  for (const auto& [name, value] : response.headers.fields()) {
    append_clean(out, name);
    out += ": ";
    append_clean(out, value);
    out += "\r\n";
  }
  if (response.status != 204 && response.status != 304) {
    out += "Content-Length: " + std::to_string(response.body_size()) + "\r\n";
  }
  out += keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  return out;
}

void copy_headers(const HttpMessage& message, Request& request) {
  for (const auto& field : message) request.headers.add(std::string(field.name_string()), std::string(field.value()));
}

}  // namespace

Server::Impl::Membership::Membership(Impl& impl, Closer closer) : impl_(impl), number_(impl.next_number_++) {
  impl_.closers_.emplace(number_, std::move(closer));
}

Server::Impl::Membership::~Membership() { impl_.closers_.erase(number_); }

Server::Impl::Impl(const ServerOptions& options, Dispatcher& dispatcher)
    : options_(options), dispatcher_(dispatcher), pool_(make_thread_pool("http", options.pool_threads, options.pool_queue)) {}

Server::Impl::~Impl() { stop(); }

Status Server::Impl::listen() {
  boost::system::error_code error;
  tcp::endpoint endpoint;
  const auto address = asio::ip::make_address(options_.host, error);
  if (!error) {
    endpoint = tcp::endpoint(address, options_.port);
  } else {
    tcp::resolver resolver(io_);
    const auto found = resolver.resolve(options_.host, std::to_string(options_.port), error);
    if (error || found.empty()) {
      return fail(ErrorCode::invalid_argument, "the address " + options_.host + " cannot be resolved", "http.address");
    }
    endpoint = found.begin()->endpoint();
  }
  const auto refused = [&](std::string_view what) -> Status {
    const std::string where = options_.host + ":" + std::to_string(options_.port);
    if (error == asio::error::address_in_use) {
      return fail(ErrorCode::conflict, where + " is taken by another program: stop that one, or choose another port with --http",
                  "http.address");
    }
    if (error == asio::error::access_denied) {
      return fail(ErrorCode::permission_denied, "no right to listen on " + where + ": choose a port above 1023", "http.address");
    }
    return fail(ErrorCode::io, "cannot " + std::string(what) + " " + where + ": " + error.message(), "http.address");
  };
  if (acceptor_.open(endpoint.protocol(), error); error) return refused("open a socket for");
  acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (acceptor_.bind(endpoint, error); error) return refused("bind to");
  if (acceptor_.listen(1024, error); error) return refused("listen on");
  port_ = acceptor_.local_endpoint(error).port();
  return {};
}

void Server::Impl::run() {
  asio::co_spawn(io_, accept(), asio::detached);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "http-io");
    io_.run();
  });
}

void Server::Impl::stop() {
  if (!thread_.joinable()) return;
  asio::post(io_, [this] {
    stopping_ = true;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    const auto tell = [this](bool hard) {
      std::vector<Closer> all;
      for (const auto& [number, closer] : closers_) all.push_back(closer);
      for (const auto& closer : all) closer(hard);
    };
    tell(false);
    auto timer = std::make_shared<asio::steady_timer>(io_);
    timer->expires_after(std::chrono::seconds{1});
    // Does not keep the loop alive when everybody has gone: the timer is cancelled by the last one.
    timer->async_wait([tell, timer](const boost::system::error_code&) { tell(true); });
    last_words_ = timer;
    if (closers_.empty()) timer->cancel();
  });
  thread_.join();
  pool_.reset();
}

asio::awaitable<void> Server::Impl::accept() {
  log::Throttle throttle;
  while (!stopping_) {
    auto [error, socket] = co_await acceptor_.async_accept(as_values);
    if (error) {
      if (stopping_ || error == asio::error::operation_aborted) co_return;
      // Out of file descriptors, most likely: those that are open go on.
      throttle.warn("api", "accept", "cannot accept a connection: " + error.message(),
                    std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now()));
      asio::steady_timer pause(io_, std::chrono::milliseconds{100});
      co_await pause.async_wait(as_values);
      continue;
    }
    boost::system::error_code gone;
    const auto peer = socket.remote_endpoint(gone);
    if (gone) continue;
    auto ip = peer.address();
    if (ip.is_v6() && ip.to_v6().is_v4_mapped()) ip = asio::ip::make_address_v4(asio::ip::v4_mapped, ip.to_v6());
    std::string address = ip.to_string();
    const auto known = per_address_.find(address);
    if (connections_ >= options_.max_connections ||
        (known != per_address_.end() && known->second >= options_.max_connections_per_address)) {
      static constexpr std::string_view busy =
          "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
      socket.non_blocking(true, gone);
      socket.write_some(asio::buffer(busy), gone);
      continue;
    }
    socket.set_option(tcp::no_delay(true), gone);
    ++connections_;
    ++per_address_[address];
    const bool loopback = ip.is_loopback();
    asio::co_spawn(io_, connection(std::move(socket), address, loopback), [this, address](const std::exception_ptr& failure) {
      --connections_;
      if (--per_address_[address] == 0) per_address_.erase(address);
      if (failure) log::error("api", "a connection ended by an exception");
      if (stopping_ && closers_.empty() && last_words_) last_words_->cancel();
    });
  }
}

asio::awaitable<void> Server::Impl::connection(tcp::socket socket, std::string address, bool loopback) {
  beast::tcp_stream stream(std::move(socket));
  const Membership membership(*this, [&stream](bool) {
    boost::system::error_code ignored;
    stream.socket().close(ignored);
  });
  beast::flat_buffer buffer;
  bool first = true;
  while (!stopping_) {
    if (!first && buffer.size() == 0) {  // waiting for the next request is not yet slowness
      stream.expires_after(options_.idle_timeout);
      auto [error, count] = co_await stream.async_read_some(buffer.prepare(4096), as_values);
      if (error) break;
      buffer.commit(count);
    }
    first = false;
    const bool again = co_await exchange(stream, buffer, address, loopback);
    if (!again) break;
  }
  boost::system::error_code ignored;
  stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
}

asio::awaitable<bool> Server::Impl::exchange(beast::tcp_stream& stream, beast::flat_buffer& buffer, const std::string& address,
                                             bool loopback) {
  http::request_parser<http::string_body> parser;
  parser.header_limit(header_limit);
  parser.body_limit(boost::none);  // decided when the route is known
  stream.expires_after(options_.header_timeout);
  auto [header_error, header_bytes] = co_await http::async_read_header(stream, buffer, parser, as_values);
  if (header_error) {
    if (header_error.category() != beast::http::make_error_code(http::error::end_of_stream).category() ||
        header_error == http::error::end_of_stream || header_error == http::error::partial_message) {
      co_return false;  // gone, or too slow
    }
    const auto kind = header_error == http::error::header_limit ? ProblemKind::header_too_large : ProblemKind::malformed;
    const auto refusal = problem_response(make_problem(kind, header_error.message()));
    stream.expires_after(options_.header_timeout);
    co_await answer(stream, refusal, false, false);
    co_return false;
  }
  auto& message = parser.get();
  Request request;
  request.method = parse_method(std::string_view(message.method_string()));
  request.remote_address = address;
  request.loopback = loopback;
  const bool head = request.method == Method::head;
  const auto refuse = [&](const Problem& problem) { return problem_response(problem, request.path); };

  copy_headers(message, request);
  const auto target = parse_target(std::string_view(message.target()), request);
  if (!target || (message.version() >= 11 && !request.headers.contains("Host"))) {
    const auto refusal =
        refuse(make_problem(ProblemKind::malformed, target ? std::string("the Host header is missing") : target.error().message));
    co_await answer(stream, refusal, head, false);
    co_return false;
  }

  std::size_t limit = dispatcher_.body_limit(request);
  // Nobody known to us would send much without saying who he is.
  if (!request.headers.contains("Authorization") && !request.headers.contains("Cookie")) {
    limit = std::min(limit, stranger_body_limit);
  }
  const auto length = parser.content_length();
  const bool large = limit > default_body_limit && (!length || *length > default_body_limit) && !parser.is_done();
  if (length && *length > limit) {
    const auto refusal = refuse(make_problem(ProblemKind::too_large, "at most " + std::to_string(limit) + " bytes are taken here"));
    co_await answer(stream, refusal, head, false);
    co_return false;
  }
  if (large && large_bodies_ >= options_.max_large_bodies) {
    auto problem = make_problem(ProblemKind::unavailable, "other large uploads are under way");
    problem.retry_after_s = 5;
    const auto refusal = refuse(problem);
    co_await answer(stream, refusal, head, false);
    co_return false;
  }
  if (!parser.is_done()) {
    parser.body_limit(limit);
    stream.expires_after(options_.body_timeout);
    if (beast::iequals(message[http::field::expect], "100-continue")) {
      static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      auto [error, count] = co_await asio::async_write(stream, asio::buffer(go_on), as_values);
      if (error) co_return false;
    }
    if (large) ++large_bodies_;
    auto [error, count] = co_await http::async_read(stream, buffer, parser, as_values);
    if (large) --large_bodies_;
    if (error) {
      if (error == http::error::body_limit) {
        const auto refusal = refuse(make_problem(ProblemKind::too_large, "at most " + std::to_string(limit) + " bytes are taken here"));
        co_await answer(stream, refusal, head, false);
      } else if (error.category() == http::make_error_code(http::error::end_of_stream).category() &&
                 error != http::error::partial_message && error != http::error::end_of_stream) {
        const auto refusal = refuse(make_problem(ProblemKind::malformed, error.message()));
        co_await answer(stream, refusal, head, false);
      }
      co_return false;
    }
  }
  request.body = std::move(message.body());

  if (beast::websocket::is_upgrade(message)) co_return co_await upgrade(stream, message, request);

  const bool keep_alive = message.keep_alive() && !stopping_;
  stream.expires_never();
  std::function<Response()> work = [this, &request] { return dispatcher_.handle(request); };
  auto response = co_await on_pool<Response>(*pool_, std::move(work));
  if (!response) {
    auto problem = make_problem(ProblemKind::unavailable, "too many requests at once");
    problem.retry_after_s = 1;
    response = refuse(problem);
  }
  if (response->later) {
    response = co_await wait_for(std::move(response->later));
    if (stopping_) co_return false;
    if (!response) response = refuse(make_problem(ProblemKind::unavailable, "nothing came in time"));
  }
  co_return co_await answer(stream, *response, head, keep_alive);
}

asio::awaitable<std::optional<Response>> Server::Impl::wait_for(LateResponse later) {
  /// Outlives the server in the hands of whoever answers: then nothing is behind it.
  struct Mailbox {
    std::mutex mutex;
    asio::io_context* io = nullptr;  ///< null: nobody waits
    std::optional<Response> response;
    asio::steady_timer* timer = nullptr;
  };
  const auto box = std::make_shared<Mailbox>();
  asio::steady_timer timer(io_, options_.late_limit);
  box->io = &io_;
  box->timer = &timer;
  const Membership membership(*this, [&timer](bool) { timer.cancel(); });
  later([box](Response&& response) {
    const std::lock_guard lock(box->mutex);
    if (box->io == nullptr || box->response) return;
    box->response = std::move(response);
    asio::post(*box->io, [box] {
      const std::lock_guard inner(box->mutex);
      if (box->timer != nullptr) box->timer->cancel();
    });
  });
  co_await timer.async_wait(as_values);
  const std::lock_guard lock(box->mutex);
  box->io = nullptr;
  box->timer = nullptr;
  co_return std::move(box->response);
}

asio::awaitable<bool> Server::Impl::answer(beast::tcp_stream& stream, const Response& response, bool head, bool keep_alive) {
  const std::string header = header_text(response, keep_alive);
  ByteView body;
  if (const auto* text = std::get_if<std::string>(&response.body)) body = as_bytes(*text);
  if (const auto* shared = std::get_if<SharedBytes>(&response.body); shared != nullptr && *shared) body = **shared;
  if (head || response.status == 204 || response.status == 304) body = {};
  const std::array<asio::const_buffer, 2> buffers{asio::buffer(header), asio::const_buffer(body.data(), body.size())};
  stream.expires_after(options_.write_timeout);
  auto [error, sent] = co_await asio::async_write(stream, buffers, as_values);
  if (error) co_return false;
  const auto* part = std::get_if<BodyPart>(&response.body);
  if (part == nullptr || head || response.status == 304) co_return keep_alive;

  auto piece = std::make_shared<Bytes>(static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, part->size)));
  for (std::uint64_t done = 0; done < part->size;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(piece->size(), part->size - done));
    stream.expires_never();
    std::function<Result<std::size_t>()> work = [source = part->source, piece, offset = part->offset + done, wanted] {
      return source->read_at(offset, std::span(piece->data(), wanted));
    };
    auto read = co_await on_pool<Result<std::size_t>>(*pool_, std::move(work));
    if (!read) {  // the pool is full: this download is the one that can wait
      asio::steady_timer pause(io_, std::chrono::milliseconds{50});
      co_await pause.async_wait(as_values);
      if (stopping_) co_return false;
      continue;
    }
    if (!*read || **read == 0) {
      log::warn("api", "a download was cut off: {}", *read ? "the file became shorter" : (*read).error().message);
      co_return false;
    }
    stream.expires_after(options_.write_timeout);
    auto [piece_error, count] = co_await asio::async_write(stream, asio::const_buffer(piece->data(), **read), as_values);
    if (piece_error) co_return false;
    done += **read;
  }
  co_return keep_alive;
}

asio::awaitable<bool> Server::Impl::upgrade(beast::tcp_stream& stream, const HttpMessage& message, Request& request) {
  using Opened = std::expected<std::unique_ptr<SocketSession>, Response>;
  auto outbox = std::make_shared<Outbox>(options_.outbox);
  stream.expires_never();
  std::function<Opened()> work = [this, &request, outbox] { return dispatcher_.open_socket(request, outbox); };
  auto opened = co_await on_pool<Opened>(*pool_, std::move(work));
  if (!opened || !*opened) {
    auto problem = make_problem(ProblemKind::unavailable, "too many requests at once");
    problem.retry_after_s = 1;
    const Response refusal = opened ? std::move(opened->error()) : problem_response(problem, request.path);
    co_await answer(stream, refusal, false, false);
    co_return false;
  }
  // Waiting in the kernel is waiting nobody can skip: keep it short.
  boost::system::error_code ignored;
  stream.socket().set_option(asio::detail::socket_option::integer<IPPROTO_TCP, TCP_NOTSENT_LOWAT>(128 << 10), ignored);
  co_await run_socket(*this, std::move(stream), message, std::move(**opened), outbox);
  co_return false;
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Dispatcher& dispatcher) {
  auto impl = std::make_unique<Impl>(options, dispatcher);
  if (auto status = impl->listen(); !status) return std::unexpected(status.error());
  impl->run();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const { return impl_->port_; }
std::size_t Server::connections() const { return impl_->connections_; }
void Server::stop() { impl_->stop(); }

}  // namespace ccoc::api
