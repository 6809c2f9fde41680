#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "context.h"

namespace ccoc::api {
namespace {

namespace json = boost::json;

json::array right_names(access::Rights rights) {
  json::array out;
  for (const auto& name : rights.names()) out.emplace_back(name);
  return out;
}

json::object user_json(const access::User& user) {
  return {{"id", user.id},
          {"username", user.username},
          {"name", user.name},
          {"role", access::to_string(user.role)},
          {"enabled", !user.disabled},
          {"must_change_password", user.must_change_password},
          {"created_at", format_rfc3339(user.created_at)},
          {"last_login_at", time_or_null(user.last_login_at)}};
}

json::object key_json(const access::ApiKey& key) {
  return {{"id", key.id},
          {"name", key.name},
          {"user_id", key.user_id},
          {"rights", right_names(key.rights)},
          {"created_at", format_rfc3339(key.created_at)},
          {"expires_at", time_or_null(key.expires_at)},
          {"last_used_at", time_or_null(key.last_used_at)}};
}

std::optional<access::Role> read_role(FieldReader& fields, bool required) {
  const auto name = fields.text("role", {1, 40}, required);
  if (!name) return std::nullopt;
  const auto role = access::parse_role(*name);
  if (!role) fields.reject("role", "must be administrator, investigator, operator or viewer");
  return role;
}

Response list_users(Context& context, const Request& request) {
  QueryReader query(request.query);
  const auto limit = static_cast<std::size_t>(query.integer("limit", 1, 500).value_or(100));
  const auto cursor = query.text("cursor", 200).value_or("");
  if (!query.ok()) return query.refusal(request);
  const auto users = context.services.access.list_users();
  if (!users) return refuse(request, users.error());
  json::array items;
  std::string next;
  for (const auto& user : *users) {
    if (user.username <= cursor) continue;
    if (items.size() == limit) {
      next = items.back().at("username").as_string();
      break;
    }
    items.push_back(user_json(user));
  }
  return json_response(200, to_text(json::object{{"items", std::move(items)}, {"next", text_or_null(next)}}));
}

Response create_user(Context& context, const Request& request) {
  auto body = parse_body(request);
  if (!body) return refuse(request, body.error());
  FieldReader fields(*body);
  access::NewUser user;
  user.username = fields.text("username", {1, 64}, true).value_or("");
  user.name = fields.text("name", {0, 100}, false).value_or("");
  user.password = fields.text("password", {1, 1024}, true).value_or("");
  user.role = read_role(fields, true).value_or(access::Role::viewer);
  if (!fields.finish()) return refuse(request, invalid_fields(fields.take_errors()));
  const auto made = context.services.access.create_user(user, actor_of(request));
  if (!made) return refuse(request, made.error());
  auto out = json_response(201, to_text(user_json(*made)));
  out.headers.add("Location", api_prefix + "/users/" + made->id);
  return out;
}

Response change_user(Context& context, const Request& request) {
  auto body = parse_body(request);
  if (!body) return refuse(request, body.error());
  FieldReader fields(*body);
  access::UserPatch patch;
  patch.name = fields.text("name", {0, 100}, false);
  patch.password = fields.text("password", {1, 1024}, false);
  patch.role = read_role(fields, false);
  if (const auto enabled = fields.boolean("enabled", false)) patch.disabled = !*enabled;
  if (!fields.finish()) return refuse(request, invalid_fields(fields.take_errors()));
  const auto changed = context.services.access.update_user(request.parameter("id"), patch, actor_of(request));
  return changed ? json_response(200, to_text(user_json(*changed))) : refuse(request, changed.error());
}

Response create_key(Context& context, const Request& request) {
  auto body = parse_body(request);
  if (!body) return refuse(request, body.error());
  FieldReader fields(*body);
  const auto name = fields.text("name", {1, 100}, true);
  const auto wanted = fields.texts("rights", access::all_rights.size(), false);
  const auto expires_at = fields.time("expires_at", false);
  access::Rights rights;
  if (wanted) {
    for (const auto& text : *wanted) {
      const auto right = access::parse_right(text);
      if (right)
        rights = rights | access::Rights{*right};
      else
        fields.reject("rights", "names " + text.substr(0, 40) + ", which is no right");
    }
  }
  if (expires_at && *expires_at <= context.services.clock.utc_now()) fields.reject("expires_at", "lies in the past");
  if (!fields.finish()) return refuse(request, invalid_fields(fields.take_errors()));
  if (request.principal->kind != access::Principal::Kind::user) {
    return refuse(request, make_problem(ProblemKind::forbidden, "a key cannot make keys: log in"));
  }
  const auto owner = context.services.access.user(request.principal->id);
  if (!owner) return refuse(request, owner.error());
  if (!wanted) rights = access::rights_of(owner->role);
  const auto made = context.services.access.create_key(*owner, *name, rights, expires_at, actor_of(request));
  if (!made) return refuse(request, made.error());
  return json_response(201, to_text(json::object{{"key", key_json(made->key)}, {"bearer", made->key.id + "." + made->secret}}));
}

Response list_audit(Context& context, const Request& request) {
  QueryReader query(request.query);
  access::AuditFilter filter;
  filter.limit = static_cast<int>(query.integer("limit", 1, 500).value_or(100));
  filter.before = query.integer("cursor", 1, std::numeric_limits<std::int64_t>::max());
  filter.from = query.time("from", false);
  filter.to = query.time("to", false);
  filter.actor = query.text("actor", 200).value_or("");
  filter.action = query.text("action", 200).value_or("");
  filter.object = query.text("object", 200).value_or("");
  if (!query.ok()) return query.refusal(request);
  const auto entries = context.services.access.audit_entries(filter);
  if (!entries) return refuse(request, entries.error());
  json::array items;
  for (const auto& entry : *entries) {
    boost::system::error_code error;
    auto details = json::parse(entry.details, error);
    items.push_back({{"seq", entry.number},
                     {"at", format_rfc3339(entry.at)},
                     {"actor", entry.actor},
                     {"action", entry.action},
                     {"object", entry.object},
                     {"address", entry.address},
                     {"details", !error && details.is_object() ? details : json::value(json::object{})},
                     {"hash", entry.hash}});
  }
  const bool more = static_cast<int>(entries->size()) == filter.limit && entries->back().number > 1;
  const std::string next = more ? std::to_string(entries->back().number) : "";
  return json_response(200, to_text(json::object{{"items", std::move(items)}, {"next", text_or_null(next)}}));
}

}  // namespace

void add_administration_routes(Router& router, Context& context) {
  using access::Right;
  const auto users = Need::right(Right::users_manage);
  const std::string user_path = api_prefix + "/users";
  const std::string key_path = api_prefix + "/keys";
  router.add({Method::get, user_path, users, [&context](const Request& r) { return list_users(context, r); }});
  router.add({Method::post, user_path, users, [&context](const Request& r) { return create_user(context, r); }});
  router.add({Method::patch, user_path + "/{id}", users, [&context](const Request& r) { return change_user(context, r); }});
  router.add({Method::get, api_prefix + "/roles", users, [](const Request&) {
                json::array items;
                for (const auto role : access::all_roles) {
                  items.push_back({{"role", access::to_string(role)}, {"rights", right_names(access::rights_of(role))}});
                }
                return json_response(200, to_text(json::object{{"items", std::move(items)}, {"next", nullptr}}));
              }});
  router.add({Method::get, key_path, users, [&context](const Request& request) {
                const auto keys = context.services.access.list_keys();
                if (!keys) return refuse(request, keys.error());
                json::array items;
                for (const auto& key : *keys) items.push_back(key_json(key));
                return json_response(200, to_text(json::object{{"items", std::move(items)}, {"next", nullptr}}));
              }});
  router.add({Method::post, key_path, users, [&context](const Request& r) { return create_key(context, r); }});
  router.add({Method::delete_, key_path + "/{id}", users, [&context](const Request& request) {
                const auto gone = context.services.access.remove_key(request.parameter("id"), actor_of(request));
                return gone ? no_content() : refuse(request, gone.error());
              }});
  router.add({Method::get, api_prefix + "/audit", Need::right(Right::audit_read),
              [&context](const Request& r) { return list_audit(context, r); }});
}

}  // namespace ccoc::api
