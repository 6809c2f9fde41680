#include "gate.h"

#include <algorithm>

namespace ccoc::api {
namespace {

constexpr std::string_view bearer_scheme = "Bearer ";

bool starts_with_scheme(std::string_view value) {
  return value.size() > bearer_scheme.size() &&
         std::ranges::equal(value.substr(0, bearer_scheme.size()), bearer_scheme, [](char a, char b) { return (a | 0x20) == (b | 0x20); });
}

}  // namespace

Credentials credentials_of(const Request& request) {
  Credentials out;
  const auto authorization = request.headers.get("Authorization");
  if (starts_with_scheme(authorization)) out.bearer = authorization.substr(bearer_scheme.size());
  out.cookie = request.cookie(session_cookie);
  return out;
}

Result<access::Principal> Gate::who(const Credentials& credentials) {
  if (!credentials.bearer.empty()) return access_.key(credentials.bearer);
  if (!credentials.cookie.empty()) {
    const auto session = access_.session(credentials.cookie);
    if (!session) return std::unexpected(session.error());
    return session->principal();
  }
  return fail(ErrorCode::unauthenticated, "no session cookie and no API key came with the request");
}

std::optional<Problem> Gate::check_origin(const Request& request) const {
  const auto origin = request.headers.get("Origin");
  if (origin.empty()) return std::nullopt;  // no browser
  const auto scheme_end = origin.find("://");
  if (scheme_end != std::string_view::npos && origin.substr(scheme_end + 3) == request.headers.get("Host")) {
    return std::nullopt;
  }
  return make_problem(ProblemKind::csrf, "the request comes from a page of another site");
}

std::optional<Problem> Gate::admit(const Route& route, Request& request) {
  const Need& need = route.need;
  const bool shows_own = !credentials_of(request).bearer.empty() || (route.takes_token && request.query.get("token"));
  if (!is_safe(request.method) && !(route.cross_origin && shows_own)) {
    if (auto problem = check_origin(request)) return problem;
  }
  if (need.kind() == Need::Kind::nothing) return std::nullopt;
  if (need.kind() == Need::Kind::right_unless_local && request.loopback) return std::nullopt;

  const auto credentials = credentials_of(request);
  const auto token = request.query.get("token");
  Result<access::Principal> principal = fail(ErrorCode::unauthenticated, "");
  if (credentials.bearer.empty() && route.takes_token && token) {
    principal = access_.token(*token);
    request.token = *token;
  } else if (credentials.bearer.empty() && !credentials.cookie.empty() && !is_safe(request.method)) {
    const auto session = access_.session(credentials.cookie);
    if (session) {
      if (!access::Access::csrf_matches(*session, request.headers.get("X-CSRF-Token"))) {
        return make_problem(ProblemKind::csrf, "changes need the header X-CSRF-Token with the token of the session");
      }
      principal = session->principal();
    } else {
      principal = std::unexpected(session.error());
    }
  } else {
    principal = who(credentials);
  }
  if (!principal) return to_problem(principal.error());
  if (need.kind() != Need::Kind::session && !principal->rights.has(need.right())) {
    return make_problem(ProblemKind::forbidden, "this needs the right " + std::string(access::to_string(need.right())));
  }
  request.principal = std::move(*principal);
  return std::nullopt;
}

void OpenSockets::add(const std::string& session_id, const std::shared_ptr<Outbox>& outbox) {
  if (session_id.empty()) return;
  const std::scoped_lock lock(mutex_);
  for (auto entry = sockets_.begin(); entry != sockets_.end();) {
    std::erase_if(entry->second, [](const auto& socket) { return socket.expired(); });
    entry = entry->second.empty() ? sockets_.erase(entry) : std::next(entry);
  }
  sockets_[session_id].push_back(outbox);
}

void OpenSockets::session_ended(const std::string& session_id) {
  std::vector<std::weak_ptr<Outbox>> ending;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = sockets_.find(session_id);
    if (found == sockets_.end()) return;
    ending = std::move(found->second);
    sockets_.erase(found);
  }
  for (const auto& socket : ending) {
    if (const auto outbox = socket.lock()) outbox->close(1008, "the log-in has ended");
  }
}

access::Actor actor_of(const Request& request) {
  access::Actor actor;
  if (request.principal) actor.name = request.principal->name;
  actor.address = request.remote_address;
  return actor;
}

}  // namespace ccoc::api
