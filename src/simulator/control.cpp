#include "ccoc/simulator/control.h"

#include <sys/socket.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <thread>

namespace ccoc::simulator {
namespace {

namespace http = boost::beast::http;
namespace json = boost::json;
using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t max_body = 16 * 1024;
constexpr timeval patience{5, 0};

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

Response answer(const Request& request, http::status status, std::string body) {
  Response out{status, request.version()};
  out.set(http::field::content_type, "application/json");
  out.keep_alive(false);
  out.body() = std::move(body);
  out.prepare_payload();
  return out;
}

Response problem(const Request& request, http::status status, const std::string& detail) {
  return answer(request, status, json::serialize(json::object{{"status", static_cast<int>(status)}, {"detail", detail}}) + "\n");
}

/// "cam03" of "/cameras/cam03/faults"; empty for another path.
std::string_view camera_in(std::string_view target) {
  constexpr std::string_view before = "/cameras/", behind = "/faults";
  if (!target.starts_with(before) || !target.ends_with(behind) || target.size() < before.size() + behind.size()) return {};
  return target.substr(before.size(), target.size() - before.size() - behind.size());
}

}  // namespace

struct Control::Impl {
  Farm& farm;
  unsigned cameras;
  boost::asio::io_context context{1};
  tcp::acceptor acceptor{context};
  std::atomic<bool> stopping{false};
  std::thread thread;

  Impl(Farm& owner, unsigned count) : farm(owner), cameras(count) {}

  Response take(const Request& request, const std::string& fault) {
    const std::string_view target(request.target().data(), request.target().size());
    // "stall+20s" becomes "cam03:stall@0s+20s".
    const auto kind_end = fault.find_first_of("+=");
    const auto spec = std::string(camera_in(target)) + ":" + fault.substr(0, kind_end) + "@0s" +
                      (kind_end == std::string::npos ? "" : fault.substr(kind_end));
    const auto parsed = parse_fault(spec);
    if (!parsed) return problem(request, http::status::unprocessable_entity, parsed.error().message);
    if (parsed->camera > cameras) return problem(request, http::status::not_found, "there is no such camera");
    farm.apply(*parsed);
    return answer(request, http::status::ok, json::serialize(json::object{{"fault", spec}}) + "\n");
  }

  Response handle(const Request& request) {
    const std::string_view target(request.target().data(), request.target().size());
    if (target == "/cameras" && request.method() == http::verb::get) return answer(request, http::status::ok, to_json(farm.counts()));
    if (camera_in(target).empty()) return problem(request, http::status::not_found, "there is /cameras and /cameras/{id}/faults");
    if (request.method() == http::verb::delete_) return take(request, "behave");
    if (request.method() != http::verb::post) return problem(request, http::status::method_not_allowed, "POST or DELETE");
    error_code bad;
    const auto body = json::parse(request.body(), bad);
    const auto* object = bad ? nullptr : body.if_object();
    const auto* fault = object == nullptr ? nullptr : object->if_contains("fault");
    if (fault == nullptr || !fault->is_string()) {
      return problem(request, http::status::bad_request, R"(the body is like {"fault":"stall+20s"})");
    }
    return take(request, std::string(fault->as_string()));
  }

  void run() {
    while (!stopping) {
      error_code error;
      tcp::socket socket(context);
      acceptor.accept(socket, error);
      if (error) {  // out of descriptors, perhaps
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
        continue;
      }
      ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
      boost::beast::flat_buffer buffer;
      http::request_parser<http::string_body> parser;
      parser.body_limit(max_body);
      http::read(socket, buffer, parser, error);
      if (error) continue;
      http::write(socket, handle(parser.get()), error);
      socket.shutdown(tcp::socket::shutdown_both, error);
    }
  }
};

Control::Control(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Control>> Control::start(Farm& farm, const std::string& address, std::uint16_t port, unsigned cameras) {
  auto impl = std::make_unique<Impl>(farm, cameras);
  error_code error;
  const auto ip = boost::asio::ip::make_address(address, error);
  if (error) return fail(ErrorCode::invalid_argument, "'" + address + "' is no numeric address", "control");
  const tcp::endpoint endpoint(ip, port);
  impl->acceptor.open(endpoint.protocol(), error);
  if (!error) impl->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) impl->acceptor.bind(endpoint, error);
  if (!error) impl->acceptor.listen(16, error);
  if (error) return fail(ErrorCode::conflict, "faults cannot be taken at " + address + ":" + std::to_string(port) + ": " + error.message());
  impl->thread = std::thread([raw = impl.get()] { raw->run(); });
  return std::unique_ptr<Control>(new Control(std::move(impl)));
}

std::uint16_t Control::port() const { return impl_->acceptor.local_endpoint().port(); }

Control::~Control() {
  impl_->stopping = true;
  // Wakes accept().
  ::shutdown(impl_->acceptor.native_handle(), SHUT_RDWR);
  impl_->thread.join();
}

}  // namespace ccoc::simulator
