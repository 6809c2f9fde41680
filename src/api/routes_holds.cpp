#include <boost/json/array.hpp>
#include <charconv>

#include "ccoc/archive/holds.h"
#include "context.h"

namespace ccoc::api {
namespace {

namespace json = boost::json;

json::object hold_json(const archive::Hold& hold) {
  return {{"id", std::to_string(hold.id)},
          {"camera", hold.camera},
          {"from", format_rfc3339(hold.from)},
          {"to", format_rfc3339(hold.to)},
          {"reason", hold.reason},
          {"created_by", hold.created_by},
          {"created_at", format_rfc3339(hold.created_at)},
          {"released_at", time_or_null(hold.released_at)},
          {"released_by", text_or_null(hold.released_by)}};
}

Response list_holds(Context& context, const Request& request) {
  QueryReader query(request.query);
  const auto camera = query.text("camera", 40).value_or("");
  const bool released = query.boolean("released").value_or(false);
  const auto limit = static_cast<std::size_t>(query.integer("limit", 1, 500).value_or(100));
  if (!query.ok()) return query.refusal(request);
  const auto holds = context.holds.list(camera, released, limit);
  if (!holds) return refuse(request, holds.error());
  json::array items;
  for (const auto& hold : *holds) items.push_back(hold_json(hold));
  return json_response(200, to_text(json::object{{"items", std::move(items)}, {"next", nullptr}}));
}

Response place_hold(Context& context, const Request& request) {
  auto body = parse_body(request);
  if (!body) return refuse(request, body.error());
  FieldReader fields(*body);
  const auto camera = fields.text("camera", {1, 40}, true).value_or("");
  const auto from = fields.time("from", true);
  const auto to = fields.time("to", true);
  const auto reason = fields.text("reason", {1, 500}, true).value_or("");
  if (!fields.finish()) return refuse(request, invalid_fields(fields.take_errors()));
  const auto hold = context.holds.place(camera, *from, *to, reason, actor_of(request).name, context.services.clock.utc_now());
  if (!hold) return refuse(request, hold.error());
  context.audit(
      request, "hold.placed", camera,
      {{"id", std::to_string(hold->id)}, {"from", format_rfc3339(hold->from)}, {"to", format_rfc3339(hold->to)}, {"reason", reason}});
  auto out = json_response(201, to_text(hold_json(*hold)));
  out.headers.add("Location", api_prefix + "/holds/" + std::to_string(hold->id));
  return out;
}

Response release_hold(Context& context, const Request& request) {
  const auto& text = request.parameter("id");
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size())
    return refuse(request, Error{ErrorCode::not_found, "there is no hold '" + text + "'", {}});
  const auto hold = context.holds.release(id, actor_of(request).name, context.services.clock.utc_now());
  if (!hold) return refuse(request, hold.error());
  context.audit(request, "hold.released", hold->camera,
                {{"id", text}, {"from", format_rfc3339(hold->from)}, {"to", format_rfc3339(hold->to)}, {"reason", hold->reason}});
  return json_response(200, to_text(hold_json(*hold)));
}

}  // namespace

void add_hold_routes(Router& router, Context& context) {
  using access::Right;
  router.add({Method::get, api_prefix + "/holds", Need::right(Right::playback_view),
              [&context](const Request& request) { return list_holds(context, request); }});
  router.add({Method::post, api_prefix + "/holds", Need::right(Right::recordings_export),
              [&context](const Request& request) { return place_hold(context, request); }});
  router.add({Method::delete_, api_prefix + "/holds/{id}", Need::right(Right::recordings_export),
              [&context](const Request& request) { return release_hold(context, request); }});
}

}  // namespace ccoc::api
