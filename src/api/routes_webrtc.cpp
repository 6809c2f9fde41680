// WHIP (RFC 9725) for cameras that push, WHEP (draft-ietf-wish-whep) for who watches. Session descriptions go through; the answer
// is whole, so that nothing is trickled: PATCH is answered 405.
#include "context.h"
#include "expected_sound.h"

namespace ccoc::api {
namespace {

constexpr std::size_t description_limit = std::size_t{64} << 10;
/// Handlers wait for the answer; the pool has others to serve.
constexpr int most_negotiations = 2;

struct Slot {
  explicit Slot(std::atomic<int>& given) : count(given), number(++given) {}
  ~Slot() { --count; }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  std::atomic<int>& count;
  const int number;
};

bool is_description(const Request& request) {
  const auto type = request.headers.get("Content-Type");
  return type.substr(0, type.find(';')) == "application/sdp";
}

/// What stands in the way before anything is negotiated.
std::optional<Response> obstacle(const Request& request, const Slot& slot) {
  if (!is_description(request))
    return refuse(request, make_problem(ProblemKind::unsupported_type, "send the session description, as application/sdp"));
  if (slot.number <= most_negotiations) return std::nullopt;
  auto problem = make_problem(ProblemKind::unavailable, "others are being connected; again in a moment");
  problem.retry_after_s = 1;
  return refuse(request, problem);
}

Response created(const Request& request, const std::string& kind, const std::string& id, const std::string& sdp) {
  Response out;
  out.status = 201;
  out.headers.add("Content-Type", "application/sdp");
  out.headers.add("Cache-Control", "no-store");
  out.headers.add("Location", api_prefix + "/cameras/" + request.parameter("id") + "/" + kind + "/" + id +
                                  (request.token.empty() ? "" : "?token=" + request.token));
  out.body = sdp;
  return out;
}

Response ended() {
  Response out;
  out.headers.add("Cache-Control", "no-store");
  return out;
}

Response push(Context& context, const Request& request) {
  QueryReader query(request.query);
  const auto stream = query.choice("stream", {"main", "sub"});
  if (!query.ok()) return query.refusal(request);
  const Slot slot(context.negotiations);
  if (auto refusal = obstacle(request, slot)) return *std::move(refusal);
  const auto& camera = request.parameter("id");
  if (const auto known = context.services.cameras.get(camera); !known) return refuse(request, known.error());
  const auto push = context.services.ingest.accept_push(camera, stream, request.body);
  if (!push) return refuse(request, push.error());
  context.audit(request, "whip.started", camera, {{"stream", stream}});
  return created(request, "whip", push->id, push->sdp);
}

/// Whoever came with a token came for this; others must keep their right.
webrtc::StillAllowed still_allowed(Context& context, const Request& request) {
  if (!request.token.empty()) return [] { return true; };
  return [&gate = context.gate, credentials = credentials_of(request)] {
    const auto principal = gate.who(credentials);
    return principal ? principal->rights.has(access::Right::live_view) : principal.error().code == ErrorCode::unavailable;
  };
}

Response watch(Context& context, const Request& request) {
  QueryReader query(request.query);
  const auto stream = query.choice("stream", {"main", "sub"});
  if (!query.ok()) return query.refusal(request);
  const Slot slot(context.negotiations);
  if (auto refusal = obstacle(request, slot)) return *std::move(refusal);
  const auto& camera = request.parameter("id");
  if (auto problem = check_token(request, camera, std::nullopt, std::nullopt)) return refuse(request, *problem);
  if (const auto known = context.services.cameras.get(camera); !known) return refuse(request, known.error());
  const bool sound = expects_sound(context.services, camera, stream);
  const auto viewer = context.services.viewers.admit(camera, stream, request.body, sound, still_allowed(context, request));
  if (!viewer && viewer.error().code == ErrorCode::unsupported)
    return refuse(request, make_problem(ProblemKind::not_acceptable, viewer.error().message));
  if (!viewer) return refuse(request, viewer.error());
  context.audit(request, "whep.started", camera, {{"stream", stream}});
  return created(request, "whep", viewer->id, viewer->sdp);
}

}  // namespace

void add_webrtc_routes(Router& router, Context& context) {
  const auto add = [&](Method method, const std::string& path, access::Right right, bool takes_token, Handler handler) {
    Route route{method, api_prefix + "/cameras/{id}" + path, Need::right(right), std::move(handler), description_limit};
    route.takes_token = takes_token;
    route.cross_origin = true;
    router.add(std::move(route));
  };
  using enum access::Right;
  add(Method::post, "/whip", live_send, false, [&context](const Request& r) { return push(context, r); });
  add(Method::delete_, "/whip/{session}", live_send, false, [&context](const Request& r) {
    const auto gone = context.services.ingest.end_push(r.parameter("id"), r.parameter("session"));
    return gone ? ended() : refuse(r, gone.error());
  });
  add(Method::post, "/whep", live_view, true, [&context](const Request& r) { return watch(context, r); });
  add(Method::delete_, "/whep/{session}", live_view, true, [&context](const Request& r) {
    const auto gone = context.services.viewers.end(r.parameter("id"), r.parameter("session"));
    return gone ? ended() : refuse(r, gone.error());
  });
}

}  // namespace ccoc::api
