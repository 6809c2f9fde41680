#include <algorithm>
#include <boost/json/array.hpp>
#include <cstdio>

#include "ccoc/playback/cursor.h"
#include "ccoc/playback/range_file.h"
#include "context.h"

namespace ccoc::api {
namespace {

namespace json = boost::json;
using access::Right;

constexpr std::size_t most_cameras = 64;
constexpr Duration longest_timeline = std::chrono::hours{24 * 31};
constexpr std::int64_t shortest_token_s = 10;
constexpr std::int64_t longest_token_s = 3600;
constexpr std::int64_t usual_token_s = 300;

class RangeBody final : public BodySource {
 public:
  explicit RangeBody(std::unique_ptr<playback::VirtualFile> file) : file_(std::move(file)) {}
  std::uint64_t size() const override { return file_->size(); }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override { return file_->read_at(offset, into); }

 private:
  std::unique_ptr<playback::VirtualFile> file_;
};

std::string compact_time(UtcTime at) {
  std::string out;
  for (const char c : format_rfc3339(at).substr(0, 19)) {
    if (c != '-' && c != ':') out += c;
  }
  return out + "Z";
}

Response recording(Context& context, const Request& request) {
  QueryReader query(request.query);
  const auto from = query.time("from", true);
  const auto to = query.time("to", true);
  const auto stream = query.choice("stream", {"main", "sub"});
  if (from && to && *from >= *to) query.reject("to", "must be after from");
  if (from && to && *to - *from > playback::longest_range) query.reject("to", "must be at most 24 hours after from");
  if (!query.ok()) return query.refusal(request);
  const auto& camera = request.parameter("id");
  if (auto problem = check_token(request, camera, from, to)) return refuse(request, *problem);
  auto file = playback::export_range(context.services.archive.catalog(), {camera, stream}, *from, *to);
  if (!file) return refuse(request, file.error());
  const auto covers = (*file)->covers();
  const auto spans = (*file)->spans();
  const auto tag = (*file)->tag();
  auto out = source_response(request, std::make_shared<RangeBody>(std::move(*file)), "video/mp4", tag);
  if (out.status != 200 && out.status != 206) return out;
  out.headers.add("Content-Disposition", "attachment; filename=\"" + camera + "_" + stream + "_" + compact_time(covers.from) + ".mp4\"");
  add_coverage(out, spans, *from, *to);
  out.headers.add("Cache-Control", "private, no-cache");
  const auto* part = std::get_if<BodyPart>(&out.body);
  if (request.method == Method::get && part != nullptr && part->offset == 0) {
    context.audit(request, "recording.exported", camera,
                  {{"stream", stream}, {"from", format_rfc3339(*from)}, {"to", format_rfc3339(*to)}});
  }
  return out;
}

Response snapshot(Context& context, const Request& request) {
  QueryReader query(request.query);
  const auto at = query.time("at", false);
  const auto stream = query.choice("stream", {"main", "sub"});
  const auto width = static_cast<unsigned>(query.integer("width", 16, 3840).value_or(0));
  if (!query.ok()) return query.refusal(request);
  auto& services = context.services;
  const auto& camera = request.parameter("id");
  if (auto problem = check_token(request, camera, at, at)) return refuse(request, *problem);
  if (at && !request.principal->rights.has(Right::playback_view)) {
    return refuse(request, make_problem(ProblemKind::forbidden, "this needs the right playback.view"));
  }
  if (const auto known = services.cameras.get(camera); !known && !at) return refuse(request, known.error());
  media::AccessUnitPtr unit;
  if (at) {
    auto found = playback::key_unit_at(services.archive.catalog(), {camera, stream}, end_of_millisecond(*at));
    if (!found) return refuse(request, found.error());
    unit = std::move(*found);
  } else {
    if (const auto channel = services.live.find(camera, stream)) unit = channel->last_key();
    if (!unit) return refuse(request, make_problem(ProblemKind::not_found, "no picture of " + camera + " has come yet"));
  }
  if (!services.snapshot) {
    return refuse(request, Error{ErrorCode::unavailable, "this hub runs without its picture decoder", {}});
  }
  auto jpeg = services.snapshot(*unit, width);
  if (!jpeg) return refuse(request, jpeg.error());
  Response out;
  out.headers.add("Content-Type", "image/jpeg");
  out.headers.add("Cache-Control", "private, no-cache");
  out.headers.add("X-Capture-Time", format_rfc3339(unit->capture_time));
  out.body = std::make_shared<const Bytes>(std::move(*jpeg));
  return out;
}

std::vector<std::string> split_ids(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    if (end > 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

/// What /timeline and /recording/account ask for alike.
struct CameraRange {
  std::vector<std::string> ids;
  std::string stream;
  std::optional<UtcTime> from, to;
};

CameraRange read_range(QueryReader& query) {
  CameraRange out;
  out.ids = split_ids(query.text("cameras", 4096, true).value_or(""));
  out.from = query.time("from", true);
  out.to = query.time("to", true);
  out.stream = query.choice("stream", {"main", "sub"});
  if (query.ok() && out.ids.empty()) query.reject("cameras", "must name at least one camera");
  if (out.ids.size() > most_cameras) query.reject("cameras", "may name at most " + std::to_string(most_cameras));
  if (out.from && out.to && *out.from >= *out.to) query.reject("to", "must be after from");
  if (out.from && out.to && *out.to - *out.from > longest_timeline) query.reject("to", "must be at most 31 days after from");
  return out;
}

Status all_known(Context& context, const std::vector<std::string>& ids) {
  for (const auto& id : ids) {
    if (const auto known = context.services.cameras.get(id); !known) return std::unexpected(known.error());
  }
  return {};
}

Response timeline(Context& context, const Request& request) {
  QueryReader query(request.query);
  const auto range = read_range(query);
  const auto buckets = static_cast<unsigned>(query.integer("buckets", 1, 4096).value_or(0));
  if (!query.ok()) return query.refusal(request);
  if (const auto known = all_known(context, range.ids); !known) return refuse(request, known.error());
  const auto found = context.services.archive.catalog().timeline(range.ids, range.stream, *range.from, *range.to, buckets);
  if (!found) return refuse(request, found.error());
  json::array items;
  for (const auto& camera : *found) {
    json::array spans;
    for (const auto& span : camera.spans) {
      spans.push_back({{"from", format_rfc3339(span.from)}, {"to", format_rfc3339(span.to)}});
    }
    json::array gaps;
    for (const auto& gap : camera.gaps) {
      json::object entry{
          {"from", format_rfc3339(gap.from)}, {"to", format_rfc3339(gap.to.value_or(*range.to))}, {"cause", media::to_string(gap.cause)}};
      if (!gap.reason.empty()) entry["reason"] = gap.reason;
      gaps.push_back(std::move(entry));
    }
    json::array activity;
    for (const double value : camera.activity) activity.emplace_back(value);
    items.push_back({{"camera", camera.camera}, {"spans", std::move(spans)}, {"gaps", std::move(gaps)}, {"activity", std::move(activity)}});
  }
  return json_response(200, to_text(json::object{{"items", std::move(items)}}));
}

double seconds_of(Duration d) { return static_cast<double>(d.count()) / 1e6; }

Response account(Context& context, const Request& request) {
  QueryReader query(request.query);
  const auto range = read_range(query);
  if (!query.ok()) return query.refusal(request);
  if (const auto known = all_known(context, range.ids); !known) return refuse(request, known.error());
  json::array items;
  for (const auto& id : range.ids) {
    const auto found = context.services.archive.catalog().account({id, range.stream}, *range.from, *range.to);
    if (!found) return refuse(request, found.error());
    json::object gaps;
    for (const auto cause : {media::GapCause::camera, media::GapCause::network, media::GapCause::hub, media::GapCause::disk}) {
      const auto it = found->gaps.find(cause);
      gaps[media::to_string(cause)] = seconds_of(it == found->gaps.end() ? Duration{0} : it->second);
    }
    json::array holes;
    for (const auto& hole : found->holes) holes.push_back({{"from", format_rfc3339(hole.from)}, {"to", format_rfc3339(hole.to)}});
    items.push_back({{"camera", id},
                     {"from", format_rfc3339(found->from)},
                     {"to", format_rfc3339(found->to)},
                     {"due_s", seconds_of(found->due())},
                     {"footage_s", seconds_of(found->footage)},
                     {"gaps_s", std::move(gaps)},
                     {"disabled_s", seconds_of(found->disabled)},
                     {"unexplained_s", seconds_of(found->unexplained)},
                     {"holes", std::move(holes)}});
  }
  return json_response(200, to_text(json::object{{"items", std::move(items)}}));
}

Response create_token(Context& context, const Request& request) {
  auto body = parse_body(request);
  if (!body) return refuse(request, body.error());
  FieldReader fields(*body);
  const auto camera = fields.text("camera", {1, 40}, true);
  const auto from = fields.time("from", false);
  const auto to = fields.time("to", false);
  const auto life = fields.integer("ttl_s", shortest_token_s, longest_token_s, false).value_or(usual_token_s);
  if (from.has_value() != to.has_value() && fields.errors().empty()) {
    fields.reject(from ? "to" : "from", "is missing: give both, or none for live");
  }
  if (from && to && *from >= *to) fields.reject("to", "must be after from");
  if (!fields.finish()) return refuse(request, invalid_fields(fields.take_errors()));
  const auto& own = request.principal->rights;
  if (from && !own.has(Right::playback_view)) {
    return refuse(request, make_problem(ProblemKind::forbidden, "a range needs the right playback.view"));
  }
  if (const auto known = context.services.cameras.get(*camera); !known) return refuse(request, known.error());
  access::StreamToken token;
  token.camera = *camera;
  token.from = from;
  token.to = to;
  token.expires_at = context.services.clock.utc_now() + std::chrono::seconds{life};
  // A token for live is no key to the archive, and the other way round; a picture of the range is part of it.
  token.rights =
      own & (from ? access::Rights{Right::live_view, Right::playback_view, Right::recordings_export} : access::Rights{Right::live_view});
  token.issued_to = request.principal->name;
  context.audit(request, "token.created", *camera);
  return json_response(
      201, to_text(json::object{{"token", context.services.access.create_token(token)}, {"expires_at", format_rfc3339(token.expires_at)}}));
}

}  // namespace

void add_coverage(Response& out, const std::vector<archive::Span>& spans, UtcTime from, UtcTime to) {
  constexpr std::size_t most_spans = 50;
  std::string list;
  Duration missing = to - from;
  std::size_t count = 0;
  for (const auto& span : spans) {
    if (++count <= most_spans) {
      list += (list.empty() ? "" : ", ") + format_rfc3339(span.from) + "/" + format_rfc3339(span.to);
    }
    missing -= std::max(Duration{0}, std::min(span.to, to) - std::max(span.from, from));
  }
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.3f", std::chrono::duration<double>(std::max(missing, Duration{0})).count());
  out.headers.add("X-Covers-From", format_rfc3339(spans.front().from));
  out.headers.add("X-Covers-To", format_rfc3339(spans.back().to));
  out.headers.add("X-Footage", list);
  out.headers.add("X-Missing-Seconds", seconds);
}

void add_footage_routes(Router& router, Context& context) {
  const std::string camera = api_prefix + "/cameras/{id}";
  Route shot{Method::get, camera + "/snapshot.jpg", Need::right(Right::live_view),
             [&context](const Request& r) { return snapshot(context, r); }};
  shot.takes_token = true;
  router.add(std::move(shot));
  Route mp4{Method::get, camera + "/recording.mp4", Need::right(Right::recordings_export),
            [&context](const Request& r) { return recording(context, r); }};
  mp4.takes_token = true;
  router.add(std::move(mp4));
  router.add({Method::get, api_prefix + "/timeline", Need::right(Right::playback_view),
              [&context](const Request& r) { return timeline(context, r); }});
  router.add({Method::get, api_prefix + "/recording/account", Need::right(Right::playback_view),
              [&context](const Request& r) { return account(context, r); }});
  router.add({Method::post, api_prefix + "/tokens", Need::right(Right::live_view),
              [&context](const Request& r) { return create_token(context, r); }});
}

}  // namespace ccoc::api
