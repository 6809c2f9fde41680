// GET /cameras/{id}/thumbnail.jpg: small pictures for the timeline, one for each ten seconds of footage.
#include "ccoc/playback/cursor.h"
#include "ccoc/vision/thumbnail_cache.h"
#include "context.h"

namespace ccoc::api {
namespace {

using access::Right;

/// Requests within the same ten seconds get the same picture.
constexpr Duration slot = std::chrono::seconds{10};
/// Beyond the end of a file: frames that are still to come are no gap.
constexpr Duration tolerance = std::chrono::milliseconds{500};
constexpr std::int64_t widest = 640;
constexpr std::int64_t usual_width = 320;
/// Younger footage may still be written to.
constexpr Duration settled = std::chrono::seconds{30};

/// 160, 320 or 640: what is asked for, rounded up.
unsigned width_class(std::int64_t wanted) {
  unsigned width = 160;
  while (width < wanted) width *= 2;
  return width;
}

/// The key frame at or before the beginning of the slot of `at`; where footage begins within the slot, the one at or
/// before `at`. `not_found` when nothing was recorded at `at` itself.
Result<playback::KeyFrame> pick(archive::Catalog& catalog, const archive::StreamKey& key, UtcTime at) {
  auto exact = playback::key_frame_at(catalog, key, at, tolerance);
  if (!exact) return exact;
  const UtcTime begin{at.time_since_epoch() / slot * slot};
  if (exact->time <= begin) return exact;
  auto first = playback::key_frame_at(catalog, key, begin, tolerance);
  return first ? std::move(first) : std::move(exact);
}

Response with_headers(Response out, const playback::KeyFrame& frame, const std::string& tag, UtcTime now) {
  out.headers.add("ETag", tag);
  const bool stays = !frame.open && now - frame.time > settled;
  out.headers.add("Cache-Control", stays ? "private, max-age=3600" : "private, no-cache");
  out.headers.add("X-Capture-Time", format_rfc3339(frame.time));
  return out;
}

Result<SharedBytes> picture_of(Services& services, const vision::ThumbnailKey& key, const playback::KeyFrame& frame) {
  if (services.thumbnails != nullptr) {
    if (auto kept = services.thumbnails->find(key)) return std::make_shared<const Bytes>(std::move(*kept));
  }
  if (!services.thumbnail) return fail(ErrorCode::unavailable, "this hub runs without its picture decoder");
  const auto unit = frame.read();
  if (!unit) return std::unexpected(unit.error());
  auto made = services.thumbnail(**unit, key.width);
  if (!made) return std::unexpected(made.error());
  if (services.thumbnails != nullptr) services.thumbnails->put(key, *made);
  return std::make_shared<const Bytes>(std::move(*made));
}

Response thumbnail(Context& context, const Request& request) {
  QueryReader query(request.query);
  const auto at = query.time("at", true);
  const auto stream = query.choice("stream", {"main", "sub"});
  const auto width = width_class(query.integer("width", 16, widest).value_or(usual_width));
  if (!query.ok()) return query.refusal(request);
  const auto& camera = request.parameter("id");
  if (auto problem = check_token(request, camera, at, at)) return refuse(request, *problem);
  auto& services = context.services;
  const auto frame = pick(services.archive.catalog(), {camera, stream}, end_of_millisecond(*at));
  if (!frame) return refuse(request, frame.error());
  const vision::ThumbnailKey key{camera, stream, frame->time, width};
  const auto tag = "\"" + std::to_string(frame->time.time_since_epoch().count()) + "-" + std::to_string(width) + "\"";
  const auto now = services.clock.utc_now();
  const auto known = request.headers.get("If-None-Match");
  if (known == "*" || known.find(tag) != std::string_view::npos) {
    Response out;
    out.status = 304;
    return with_headers(std::move(out), *frame, tag, now);
  }
  auto picture = picture_of(services, key, *frame);
  if (!picture) return refuse(request, picture.error());
  Response out;
  out.headers.add("Content-Type", "image/jpeg");
  out.body = std::move(*picture);
  return with_headers(std::move(out), *frame, tag, now);
}

}  // namespace

void add_thumbnail_routes(Router& router, Context& context) {
  Route route{Method::get, api_prefix + "/cameras/{id}/thumbnail.jpg", Need::right(Right::playback_view),
              [&context](const Request& request) { return thumbnail(context, request); }};
  route.takes_token = true;
  router.add(std::move(route));
}

}  // namespace ccoc::api
