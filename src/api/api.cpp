#include "ccoc/api/api.h"

#include <future>
#include <map>

#include "ccoc/base/log.h"
#include "ccoc/base/metrics.h"
#include "context.h"

namespace ccoc::api {
namespace {

constexpr std::string_view content_policy =
    "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self' ws: wss:; media-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'";

void add_security_headers(Response& response) {
  response.headers.set("Content-Security-Policy", std::string(content_policy));
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.headers.set("Referrer-Policy", "no-referrer");
  response.headers.set("X-Frame-Options", "DENY");
  response.headers.set("Cross-Origin-Opener-Policy", "same-origin");
  response.headers.set("Cross-Origin-Resource-Policy", "same-origin");
}

/// The Fetch standard's CORS protocol. Without credentials: a cookie is never taken from another site's page.
void allow_other_origins(Response& response) {
  response.headers.set("Access-Control-Allow-Origin", "*");
  response.headers.set("Access-Control-Expose-Headers", "Location, Retry-After");
}

Response preflight(const std::string& allow) {
  auto out = no_content();
  allow_other_origins(out);
  out.headers.add("Allow", allow + ", OPTIONS");
  out.headers.add("Access-Control-Allow-Methods", allow + ", OPTIONS");
  out.headers.add("Access-Control-Allow-Headers", "Authorization, Content-Type");
  out.headers.add("Access-Control-Max-Age", "600");
  if (allow.find("POST") != std::string::npos) out.headers.add("Accept-Post", "application/sdp");
  return out;
}

void count(unsigned status, Duration took) {
  static auto& seconds = metrics::global().histogram("ccoc_http_request_seconds", "Time from a whole request to its answer",
                                                     {0.001, 0.005, 0.02, 0.1, 0.5, 2, 10});
  seconds.observe(std::chrono::duration<double>(took).count());
  metrics::global()
      .counter("ccoc_http_requests_total", "Requests by class of their answer", {{"class", std::to_string(status / 100) + "xx"}})
      .add();
}

}  // namespace

void Context::audit(const Request& request, std::string_view action, std::string_view object, const boost::json::object& details) {
  const auto noted = services.access.audit(actor_of(request), action, object, to_text(details));
  if (!noted) log::warn("api", "the audit trail did not take {} {}: {}", action, object, noted.error().message);
}

Response refuse(const Request& request, const Error& error) {
  if (error.code == ErrorCode::internal || error.code == ErrorCode::io || error.code == ErrorCode::corrupt) {
    log::error("api", "{} {}: {}", to_string(request.method), request.path, error.message);
  }
  return problem_response(to_problem(error), request.path);
}

Response refuse(const Request& request, const Problem& problem) { return problem_response(problem, request.path); }

Response refuse(const Request& request, const registry::Refusal& refusal) {
  if (refusal.fields.empty()) return refuse(request, refusal.error);
  auto problem = to_problem(refusal.error);
  std::vector<FieldProblem> errors;
  for (const auto& field : refusal.fields) errors.push_back({field.field, field.message});
  if (refusal.error.code == ErrorCode::invalid_argument) {
    problem = invalid_fields(std::move(errors));
  } else {
    problem.errors = std::move(errors);
  }
  return problem_response(problem, request.path);
}

std::optional<Problem> check_token(const Request& request, const std::string& camera, std::optional<UtcTime> from,
                                   std::optional<UtcTime> to) {
  const auto& principal = *request.principal;
  if (principal.kind != access::Principal::Kind::token) return std::nullopt;
  if (principal.token_camera != camera) {
    return make_problem(ProblemKind::forbidden, "the token is for another camera");
  }
  if (from.has_value() != principal.token_from.has_value()) {
    return make_problem(ProblemKind::forbidden,
                        principal.token_from ? "the token is for a recorded range" : "the token is for live pictures");
  }
  if (from && (*from < *principal.token_from || *to > principal.token_to.value_or(*principal.token_from))) {
    return make_problem(ProblemKind::forbidden, "the token is for another range");
  }
  return std::nullopt;
}

class Api::Impl final : public Dispatcher {
 public:
  explicit Impl(Services services) : context_(std::move(services)) {
    add_session_routes(router_, context_);
    add_camera_routes(router_, context_);
    add_footage_routes(router_, context_);
    add_webrtc_routes(router_, context_);
    add_hls_routes(router_, context_);
    add_thumbnail_routes(router_, context_);
    add_motion_routes(router_, context_);
    add_status_routes(router_, context_);
    add_hold_routes(router_, context_);
    add_geography_routes(router_, context_);
    add_administration_routes(router_, context_);
    add_socket_routes(router_, context_);
    router_.add({Method::get, api_prefix + "/openapi.yaml", Need::nothing(), [this](const Request&) {
                   Response out;
                   out.headers.add("Content-Type", "application/yaml");
                   out.body = context_.services.openapi.empty() ? std::string(embedded_openapi()) : context_.services.openapi;
                   return out;
                 }});
    router_.set_fallback(make_static_files(context_.services.web_root));
    context_.services.access.on_session_ended([this](const std::string& id) { context_.sockets.session_ended(id); });
    collector_ = metrics::global().add_collector([this](metrics::Exposition& out) { expose(out); });
  }

  ~Impl() override { context_.services.access.on_session_ended({}); }

  Status serve(const ServerOptions& options) {
    auto server = Server::start(options, *this);
    if (!server) return std::unexpected(server.error());
    server_ = std::move(*server);
    return {};
  }

  void stop() {
    if (!server_) return;
    server_->stop();
    context_.hls->stop();
    // Subscriptions end on the playback reactor; what was posted there before this is done after it.
    auto done = std::make_shared<std::promise<void>>();
    auto ended = done->get_future();
    context_.services.playback_reactor.post([done] { done->set_value(); });
    ended.wait_for(std::chrono::seconds{1});
  }

  std::size_t body_limit(const Request& request) const override {
    const auto match = router_.match(request.method, request.path);
    return match.route != nullptr ? match.route->body_limit : default_body_limit;
  }

  Response handle(Request& request) override {
    const auto begin = context_.services.clock.now();
    auto response = guarded(request);
    if (response.later) return answered_later(std::move(response), begin);
    add_security_headers(response);
    count(response.status, context_.services.clock.now() - begin);
    return response;
  }

  std::expected<std::unique_ptr<SocketSession>, Response> open_socket(Request& request, std::shared_ptr<Outbox> outbox) override {
    try {
      auto match = router_.match(request.method, request.path);
      const auto* handler = match.route == nullptr ? nullptr : std::get_if<SocketHandler>(&match.route->handler);
      if (handler == nullptr) {
        return std::unexpected(refuse(request, make_problem(ProblemKind::not_found, "there is no WebSocket here")));
      }
      if (auto problem = context_.gate.check_origin(request)) return std::unexpected(refuse(request, *problem));
      if (auto problem = context_.gate.admit(*match.route, request)) return std::unexpected(refuse(request, *problem));
      auto session = (*handler)(request, std::move(outbox));
      if (!session) return std::unexpected(refuse(request, session.error()));
      return std::move(*session);
    } catch (const std::exception& failure) {
      return std::unexpected(refuse(request, Error{ErrorCode::internal, failure.what(), {}}));
    }
  }

  const Router& router() const { return router_; }
  const Server& server() const { return *server_; }

 private:
  Response guarded(Request& request) {
    try {
      return dispatch(request);
    } catch (const std::exception& failure) {  // a library threw where it was not expected to
      return refuse(request, Error{ErrorCode::internal, failure.what(), {}});
    }
  }

  /// What is done to every answer, done when it comes.
  Response answered_later(Response response, MonoTime begin) {
    Response out;
    out.later = [this, begin, wait = std::move(response.later)](std::function<void(Response&&)> done) {
      wait([this, begin, done = std::move(done)](Response&& answer) {
        add_security_headers(answer);
        count(answer.status, context_.services.clock.now() - begin);
        done(std::move(answer));
      });
    };
    return out;
  }

  Response dispatch(Request& request) {
    auto match = router_.match(request.method, request.path);
    const bool cross_origin = match.cross_origin;
    if (cross_origin && request.method == Method::options) return preflight(match.allow);
    auto out = answer(request, std::move(match));
    if (cross_origin) allow_other_origins(out);
    return out;
  }

  Response answer(Request& request, Router::Match match) {
    if (match.route == nullptr) {
      if (!match.other_methods) return router_.fallback()(request);
      auto out = refuse(request, make_problem(ProblemKind::method_not_allowed, "allowed here: " + match.allow));
      out.headers.add("Allow", match.allow);
      return out;
    }
    if (auto problem = context_.gate.admit(*match.route, request)) return refuse(request, *problem);
    request.parameters = std::move(match.parameters);
    if (const auto* handler = std::get_if<Handler>(&match.route->handler)) return (*handler)(request);
    auto out = refuse(request, make_problem(ProblemKind::upgrade_required));
    out.headers.add("Upgrade", "websocket");
    return out;
  }

  void expose(metrics::Exposition& out) {
    out.gauge("ccoc_http_connections", "Open connections", {}, static_cast<double>(server_ ? server_->connections() : 0));
    out.gauge("ccoc_stream_connections", "Open /stream connections", {}, static_cast<double>(context_.stream_connections.load()));
    out.gauge("ccoc_stream_subscriptions", "Subscriptions of all viewers", {}, static_cast<double>(context_.subscriptions.load()));
    out.gauge("ccoc_event_listeners", "Open /events connections", {}, static_cast<double>(context_.services.events.listeners()));
    out.gauge("ccoc_webrtc_viewers", "Viewers by WebRTC", {}, static_cast<double>(context_.services.viewers.count()));
    std::map<std::string_view, double> states;
    for (const auto& status : context_.services.ingest.statuses()) {
      ++states[ingest::to_string(status.state)];
      const metrics::Labels labels{{"camera", status.camera}, {"stream", status.role}};
      out.counter("ccoc_ingest_frames_total", "Whole units received", labels, static_cast<double>(status.frames));
      out.counter("ccoc_ingest_lost_packets_total", "Packets that never came", labels, static_cast<double>(status.lost_packets));
      out.counter("ccoc_ingest_reconnects_total", "Reconnections", labels, static_cast<double>(status.reconnects));
    }
    for (const auto& [state, number] : states) {
      out.gauge("ccoc_ingest_streams", "Streams by state", {{"state", std::string(state)}}, number);
    }
    for (const auto& volume : context_.services.archive.volumes()) {
      const metrics::Labels labels{{"volume", volume.name}};
      out.gauge("ccoc_archive_free_bytes", "Room left", labels, static_cast<double>(volume.space.free_bytes));
      out.gauge("ccoc_archive_footage_bytes", "Footage", labels, static_cast<double>(volume.footage_bytes));
      out.gauge("ccoc_archive_queued_bytes", "Waiting for the disk", labels, static_cast<double>(volume.queued_bytes));
      out.gauge("ccoc_archive_healthy_info", "1 while it can be written", labels, volume.healthy ? 1 : 0);
    }
  }

  Context context_;
  Router router_;
  std::unique_ptr<Server> server_;
  metrics::Registry::Token collector_;
};

Api::Api(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Api::~Api() { stop(); }

Result<std::unique_ptr<Api>> Api::start(Services services, const ServerOptions& options) {
  auto impl = std::make_unique<Impl>(std::move(services));
  if (auto status = impl->serve(options); !status) return std::unexpected(status.error());
  return std::unique_ptr<Api>(new Api(std::move(impl)));
}

std::uint16_t Api::port() const { return impl_->server().port(); }
const Router& Api::router() const { return impl_->router(); }
void Api::stop() { impl_->stop(); }

}  // namespace ccoc::api
