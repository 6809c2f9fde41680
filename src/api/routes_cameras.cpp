#include <boost/json/array.hpp>

#include "ccoc/registry/camera_json.h"
#include "context.h"

namespace ccoc::api {
namespace {

namespace json = boost::json;

constexpr std::size_t import_limit = std::size_t{10} << 20;
constexpr int most_probes = 2;
constexpr Duration probe_time = std::chrono::seconds{10};

json::array names(const std::vector<std::string>& list) {
  json::array out;
  for (const auto& name : list) out.emplace_back(name);
  return out;
}

std::expected<registry::CameraPatch, Problem> read_patch(const Request& request) {
  auto body = parse_body(request);
  if (!body) return std::unexpected(body.error());
  auto patch = registry::camera_patch_from_json(*body);
  if (patch) return std::move(*patch);
  std::vector<FieldProblem> errors;
  for (const auto& error : patch.error()) errors.push_back({error.field, error.message});
  return std::unexpected(invalid_fields(std::move(errors)));
}

Response list(Context& context, const Request& request) {
  QueryReader query(request.query);
  registry::CameraFilter filter;
  filter.limit = static_cast<int>(query.integer("limit", 1, 500).value_or(100));
  filter.cursor = query.text("cursor", 200).value_or("");
  filter.zone = query.text("zone", 40).value_or("");
  filter.community = query.text("community", 40).value_or("");
  filter.text = query.text("q", 400).value_or("");
  if (!query.ok()) return query.refusal(request);
  const auto page = context.services.cameras.list(filter);
  if (!page) return refuse(request, page.error());
  json::array items;
  for (const auto& camera : page->items) items.push_back(registry::to_json(camera));
  return json_response(200, to_text(json::object{{"items", std::move(items)}, {"next", text_or_null(page->next)}}));
}

Response create(Context& context, const Request& request) {
  const auto patch = read_patch(request);
  if (!patch) return refuse(request, patch.error());
  const auto camera = context.services.cameras.create(*patch);
  if (!camera) return refuse(request, camera.error());
  context.audit(request, "camera.created", camera->id);
  auto out = json_response(201, to_text(registry::to_json(*camera)));
  out.headers.add("Location", api_prefix + "/cameras/" + camera->id);
  return out;
}

Response change(Context& context, const Request& request) {
  const auto patch = read_patch(request);
  if (!patch) return refuse(request, patch.error());
  const auto& id = request.parameter("id");
  const auto before = context.services.cameras.get(id);
  if (!before) return refuse(request, before.error());
  if (patch->id && *patch->id != id) {
    return refuse(request, invalid_fields({{"id", "cannot be changed: footage is kept under it"}}));
  }
  const auto camera = context.services.cameras.update(id, *patch);
  if (!camera) return refuse(request, camera.error());
  if (camera->version != before->version) {
    json::array fields;
    auto body = parse_body(request);
    for (const auto& [name, value] : body->get_object()) fields.emplace_back(name);
    context.audit(request, "camera.changed", id, {{"fields", std::move(fields)}});
  }
  return json_response(200, to_text(registry::to_json(*camera)));
}

Response import_csv(Context& context, const Request& request) {
  QueryReader query(request.query);
  const bool dry_run = query.boolean("dry_run").value_or(false);
  if (!query.ok()) return query.refusal(request);
  const auto type = request.headers.get("Content-Type");
  if (type.starts_with("multipart/") || type.starts_with("application/json")) {
    return refuse(request, make_problem(ProblemKind::unsupported_type, "send the file itself, as text/csv"));
  }
  const auto report = context.services.cameras.import_csv(request.body, dry_run);
  if (!report) return refuse(request, report.error());
  json::array rows;
  for (const auto& row : report->rows) {
    json::array errors;
    for (const auto& error : row.errors) errors.push_back({{"field", error.field}, {"message", error.message}});
    rows.push_back({{"line", row.line},
                    {"id", row.id},
                    {"result", registry::to_string(row.result)},
                    {"fields", names(row.fields)},
                    {"errors", std::move(errors)}});
  }
  if (!dry_run && report->created + report->changed > 0) {
    context.audit(request, "cameras.imported", "",
                  {{"created", report->created}, {"changed", report->changed}, {"rejected", report->rejected}});
  }
  return json_response(200, to_text(json::object{{"dry_run", report->dry_run},
                                                 {"created", report->created},
                                                 {"changed", report->changed},
                                                 {"unchanged", report->unchanged},
                                                 {"rejected", report->rejected},
                                                 {"rows", std::move(rows)}}));
}

/// Counts in, and out again.
struct Slot {
  explicit Slot(std::atomic<int>& given) : count(given), number(++given) {}
  ~Slot() { --count; }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  std::atomic<int>& count;
  const int number;
};

Response probe(Context& context, const Request& request) {
  auto body = parse_body(request);
  if (!body) return refuse(request, body.error());
  FieldReader fields(*body);
  const auto url = fields.text("url", {1, 2048}, true);
  const auto username = fields.text("username", {0, 256}, false);
  const auto password = fields.text("password", {0, 256}, false);
  if (!fields.finish()) return refuse(request, invalid_fields(fields.take_errors()));
  const auto parsed = registry::parse_camera_url(*url, context.services.cameras.rules());
  if (!parsed) return refuse(request, invalid_fields({{"url", parsed.error()}}));
  const Slot slot(context.probes);
  if (slot.number > most_probes) {
    auto problem = make_problem(ProblemKind::unavailable, "other cameras are being tried; again in a moment");
    problem.retry_after_s = 3;
    return refuse(request, problem);
  }
  ingest::StreamConfig config;
  config.camera = "probe";
  config.role = "main";
  config.url = parsed->url;
  config.username = username ? *username : parsed->username.value_or("");
  config.password = password ? *password : parsed->password.value_or("");
  const auto result = context.services.ingest.probe(config, probe_time);
  json::object out{{"ok", result.ok},
                   {"codec", nullptr},
                   {"width", nullptr},
                   {"height", nullptr},
                   {"fps", nullptr},
                   {"bitrate_bps", nullptr},
                   {"transport", nullptr},
                   {"reason", text_or_null(result.reason)},
                   {"certificate_sha256", nullptr},
                   {"audio_codec", nullptr},
                   {"client", nullptr}};
  if (result.ok) {
    out["codec"] = result.codec;
    out["audio_codec"] = text_or_null(result.audio_codec);
    out["width"] = result.width;
    out["height"] = result.height;
    out["fps"] = result.fps;
    out["bitrate_bps"] = result.bitrate_bps;
    out["transport"] = result.transport;
    out["client"] = text_or_null(result.client);
    out["certificate_sha256"] = text_or_null(result.certificate);
    out["reason"] = nullptr;
  }
  return json_response(200, to_text(out));
}

}  // namespace

void add_camera_routes(Router& router, Context& context) {
  using access::Right;
  const std::string path = api_prefix + "/cameras";
  const auto read = Need::right(Right::cameras_read);
  const auto manage = Need::right(Right::cameras_manage);
  router.add({Method::get, path, read, [&context](const Request& r) { return list(context, r); }});
  router.add({Method::post, path, manage, [&context](const Request& r) { return create(context, r); }});
  router.add({Method::post, path + "/import", manage, [&context](const Request& r) { return import_csv(context, r); }, import_limit});
  router.add({Method::post, path + "/probe", manage, [&context](const Request& r) { return probe(context, r); }});
  router.add({Method::get, path + "/{id}", read, [&context](const Request& request) {
                const auto camera = context.services.cameras.get(request.parameter("id"));
                return camera ? json_response(200, to_text(registry::to_json(*camera))) : refuse(request, camera.error());
              }});
  router.add({Method::patch, path + "/{id}", manage, [&context](const Request& r) { return change(context, r); }});
  router.add({Method::delete_, path + "/{id}", manage, [&context](const Request& request) {
                const auto& id = request.parameter("id");
                const auto gone = context.services.cameras.remove(id);
                if (!gone) return refuse(request, gone.error());
                context.audit(request, "camera.removed", id);
                return no_content();
              }});
}

}  // namespace ccoc::api
