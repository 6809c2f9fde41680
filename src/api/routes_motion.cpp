// GET /footage/motion: when something moved in a part of a camera's picture.
#include <boost/json/array.hpp>
#include <charconv>
#include <cmath>

#include "context.h"

namespace ccoc::api {
namespace {

namespace json = boost::json;
using access::Right;

constexpr Duration longest = std::chrono::hours{24 * 31};
constexpr std::size_t most_spans = 1000;
constexpr std::int64_t usual_join_s = 5;

/// "x,y,width,height", each 0 to 1, from the upper left; the whole picture when not given.
registry::MotionArea read_area(QueryReader& query) {
  const auto text = query.text("area", 100);
  if (!text) return registry::motion_area(0, 0, 1, 1);
  double numbers[4] = {};
  const char* at = text->data();
  const char* end = at + text->size();
  bool good = true;
  for (int i = 0; i < 4 && good; ++i) {
    const auto parsed = std::from_chars(at, end, numbers[i], std::chars_format::fixed);
    good = parsed.ec == std::errc{} && numbers[i] >= 0 && numbers[i] <= 1 &&
           (i == 3 ? parsed.ptr == end : parsed.ptr < end && *parsed.ptr == ',');
    at = parsed.ptr + (good && i < 3 ? 1 : 0);
  }
  auto area = good ? registry::motion_area(numbers[0], numbers[1], numbers[2], numbers[3]) : registry::MotionArea{};
  if (area.none()) query.reject("area", "must be x,y,width,height, each from 0 to 1: 0.5,0,0.5,0.5 is the upper right quarter");
  return area;
}

Response motion(Context& context, const Request& request) {
  QueryReader query(request.query);
  const auto camera = query.text("camera", 40, true);
  const auto from = query.time("from", true);
  const auto to = query.time("to", true);
  const auto join = std::chrono::seconds{query.integer("join_s", 0, 3600).value_or(usual_join_s)};
  const auto area = read_area(query);
  if (from && to && *from >= *to) query.reject("to", "must be after from");
  if (from && to && *to - *from > longest) query.reject("to", "must be at most 31 days after from");
  if (!query.ok()) return query.refusal(request);
  if (const auto known = context.services.cameras.get(*camera); !known) return refuse(request, known.error());
  const auto spans = context.services.motion.find(*camera, *from, *to, area, join, most_spans + 1);
  if (!spans) return refuse(request, spans.error());
  json::array items;
  for (const auto& span : *spans) {
    if (items.size() == most_spans) break;
    items.push_back({{"from", format_rfc3339(span.from)}, {"to", format_rfc3339(span.to)}, {"cells", span.cells}});
  }
  json::object out{{"items", std::move(items)}, {"next", nullptr}};
  // Where there are more, they begin here.
  if (spans->size() > most_spans) out["next"] = format_rfc3339((*spans)[most_spans].from);
  return json_response(200, to_text(out));
}

}  // namespace

void add_motion_routes(Router& router, Context& context) {
  router.add({Method::get, api_prefix + "/footage/motion", Need::right(Right::playback_view),
              [&context](const Request& request) { return motion(context, request); }});
}

}  // namespace ccoc::api
