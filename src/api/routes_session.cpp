#include "context.h"

namespace ccoc::api {
namespace {

namespace json = boost::json;

json::array right_names(access::Rights rights) {
  json::array out;
  for (const auto& name : rights.names()) out.emplace_back(name);
  return out;
}

std::string session_json(const access::Session& session) {
  return to_text(json::object{{"user",
                               {{"id", session.user.id},
                                {"username", session.user.username},
                                {"name", session.user.name},
                                {"role", access::to_string(session.user.role)},
                                {"must_change_password", session.user.must_change_password}}},
                              {"rights", right_names(session.rights)},
                              {"csrf_token", session.csrf_token}});
}

/// A key has no role of its own: the least one that covers its rights is named.
std::string key_json(const access::Principal& principal) {
  auto role = access::Role::administrator;
  for (const auto candidate : access::all_roles) {
    if ((access::rights_of(candidate) & principal.rights) == principal.rights) role = candidate;
  }
  return to_text(json::object{{"user",
                               {{"id", principal.id},
                                {"username", principal.name},
                                {"name", principal.name},
                                {"role", access::to_string(role)},
                                {"must_change_password", false}}},
                              {"rights", right_names(principal.rights)},
                              {"csrf_token", ""}});
}

std::string cookie_header(const Request& request, std::string_view value, std::string_view more) {
  std::string out = std::string(session_cookie) + "=" + std::string(value) + "; Path=/; HttpOnly; SameSite=Strict";
  if (request.secure) out += "; Secure";
  return out + std::string(more);
}

Response log_in(Context& context, const Request& request) {
  auto body = parse_body(request);
  if (!body) return refuse(request, body.error());
  FieldReader fields(*body);
  const auto username = fields.text("username", {1, 64}, true);
  const auto password = fields.text("password", {1, 1024}, true);
  fields.text("totp", {0, 16}, false);
  if (!fields.finish()) return refuse(request, invalid_fields(fields.take_errors()));
  const auto entered = context.services.access.log_in(*username, *password, request.remote_address, request.cookie(session_cookie));
  if (!entered) {
    auto problem = to_problem(entered.error().error);
    if (entered.error().retry_after.count() > 0) {
      problem.retry_after_s = static_cast<unsigned>(entered.error().retry_after.count());
    }
    return refuse(request, problem);
  }
  auto out = json_response(200, session_json(entered->session));
  out.headers.add("Set-Cookie", cookie_header(request, entered->cookie, ""));
  return out;
}

Response change_password(Context& context, const Request& request) {
  auto body = parse_body(request);
  if (!body) return refuse(request, body.error());
  FieldReader fields(*body);
  const auto current = fields.text("current", {1, 1024}, true);
  const auto replacement = fields.text("new", {1, 1024}, true);
  if (!fields.finish()) return refuse(request, invalid_fields(fields.take_errors()));
  const auto session = context.services.access.session(request.cookie(session_cookie));
  if (!session || request.principal->kind != access::Principal::Kind::user) {
    return refuse(request, make_problem(ProblemKind::forbidden, "only a person who logged in has a password"));
  }
  const auto changed = context.services.access.change_password(*session, *current, *replacement, actor_of(request));
  if (changed) return no_content();
  Error error = changed.error();
  if (error.code == ErrorCode::unauthenticated || error.code == ErrorCode::permission_denied) {
    return refuse(request, invalid_fields({{"current", error.message}}));
  }
  if (error.field == "password") error.field = "new";
  return refuse(request, error);
}

}  // namespace

void add_session_routes(Router& router, Context& context) {
  const std::string path = api_prefix + "/session";
  router.add({Method::post, path, Need::nothing(), [&context](const Request& r) { return log_in(context, r); }, std::size_t{16} << 10});
  router.add({Method::get, path, Need::session(), [&context](const Request& request) {
                if (request.principal->kind != access::Principal::Kind::user) {
                  return json_response(200, key_json(*request.principal));
                }
                const auto session = context.services.access.session(request.cookie(session_cookie));
                return session ? json_response(200, session_json(*session)) : refuse(request, session.error());
              }});
  router.add({Method::delete_, path, Need::session(), [&context](const Request& request) {
                const auto gone = context.services.access.log_out(request.cookie(session_cookie), actor_of(request));
                if (!gone) return refuse(request, gone.error());
                auto out = no_content();
                out.headers.add("Set-Cookie", cookie_header(request, "", "; Max-Age=0"));
                return out;
              }});
  router.add({Method::post, path + "/password", Need::session(), [&context](const Request& r) { return change_password(context, r); },
              std::size_t{16} << 10});
}

}  // namespace ccoc::api
