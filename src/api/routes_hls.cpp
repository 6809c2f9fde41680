#include <charconv>
#include <cmath>

#include "ccoc/playback/hls.h"
#include "ccoc/playback/range_file.h"
#include "context.h"

namespace ccoc::api {
namespace {

using access::Right;

constexpr std::string_view playlist_type = "application/vnd.apple.mpegurl";

std::string microseconds(UtcTime t) { return std::to_string(t.time_since_epoch().count()); }

std::optional<UtcTime> parse_microseconds(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  constexpr std::int64_t latest = 253'402'300'800'000'000;  // the year 10000
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value >= latest) return std::nullopt;
  return UtcTime{Duration{value}};
}

/// Behind every address in a playlist; a token has no characters that would need escaping.
std::string token_part(const Request& request) { return request.token.empty() ? "" : "&token=" + request.token; }

std::string seconds(Duration d) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6f", std::chrono::duration<double>(d).count());
  return text;
}

Response text_response(std::string body, std::string_view type) {
  Response out;
  out.headers.add("Content-Type", std::string(type));
  out.headers.add("Cache-Control", "private, no-cache");
  out.body = std::move(body);
  return out;
}

Response media_response(Bytes bytes, std::string_view type) {
  Response out;
  out.headers.add("Content-Type", std::string(type));
  out.headers.add("Cache-Control", "private, max-age=3600");
  out.body = std::make_shared<const Bytes>(std::move(bytes));
  return out;
}

struct RangeOfUrl {
  std::string stream;
  UtcTime from, to;
};

std::string playlist_text(const playback::HlsPlan& plan, const RangeOfUrl& range, const std::string& token) {
  const std::string folder = "playback/" + range.stream + "/";
  const std::string query =
      "?f=" + microseconds(range.from) + "&t=" + microseconds(range.to) + "&o=" + microseconds(plan.segments.front().start) + token;
  const auto target = static_cast<long>(std::ceil(std::chrono::duration<double>(plan.longest).count()));
  std::string out = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:" + std::to_string(std::max(target, 1L)) +
                    "\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-INDEPENDENT-SEGMENTS\n";
  for (const auto& segment : plan.segments) {
    if (segment.discontinuity) out += "#EXT-X-DISCONTINUITY\n";
    if (segment.new_init) {
      out += "#EXT-X-MAP:URI=\"" + folder + "init-" + microseconds(segment.start) + ".mp4" + query + "\"\n";
    }
    out += "#EXT-X-PROGRAM-DATE-TIME:" + format_rfc3339(segment.start) + "\n#EXTINF:" + seconds(segment.length) + ",\n" + folder +
           microseconds(segment.start) + "-" + std::to_string(segment.fragments) + ".m4s" + query + "\n";
  }
  return out + "#EXT-X-ENDLIST\n";
}

Response playlist(Context& context, const Request& request) {
  QueryReader query(request.query);
  const auto from = query.time("from", true);
  const auto to = query.time("to", true);
  const auto stream = query.choice("stream", {"main", "sub"});
  if (from && to && *from >= *to) query.reject("to", "must be after from");
  if (from && to && *to - *from > playback::longest_range) query.reject("to", "must be at most 24 hours after from");
  if (!query.ok()) return query.refusal(request);
  const auto& camera = request.parameter("id");
  if (auto problem = check_token(request, camera, from, to)) return refuse(request, *problem);
  const auto plan = playback::plan_hls(context.services.archive.catalog(), {camera, stream}, *from, *to);
  if (!plan) return refuse(request, plan.error());
  if (request.method == Method::get) {
    context.audit(request, "playback.opened", camera, {{"stream", stream}, {"position", format_rfc3339(*from)}, {"by", "hls"}});
  }
  auto out = text_response(playlist_text(*plan, {stream, *from, *to}, token_part(request)), playlist_type);
  add_coverage(out, plan->spans, *from, *to);
  return out;
}

/// "init-START.mp4" and "START-FRAGMENTS.m4s".
Response piece(Context& context, const Request& request) {
  const auto unknown = [&] { return refuse(request, make_problem(ProblemKind::not_found, "there is no such segment")); };
  const auto number = [&](std::string_view name) { return parse_microseconds(request.query.get(name).value_or("")); };
  const auto from = number("f"), to = number("t"), origin = number("o");
  const archive::StreamKey key{request.parameter("id"), request.parameter("stream")};
  if (!from || !to || !origin || *from >= *to || (key.stream != "main" && key.stream != "sub")) return unknown();
  if (auto problem = check_token(request, key.camera, from, to)) return refuse(request, *problem);
  std::string_view file = request.parameter("file");
  auto& catalog = context.services.archive.catalog();
  if (file.starts_with("init-") && file.ends_with(".mp4")) {
    const auto start = parse_microseconds(file.substr(5, file.size() - 9));
    if (!start) return unknown();
    auto bytes = playback::hls_init(catalog, key, *start);
    return bytes ? media_response(std::move(*bytes), "video/mp4") : refuse(request, bytes.error());
  }
  const auto dash = file.find('-');
  if (!file.ends_with(".m4s") || dash == std::string_view::npos) return unknown();
  const auto start = parse_microseconds(file.substr(0, dash));
  const auto count = parse_microseconds(file.substr(dash + 1, file.size() - dash - 5));
  if (!start || !count || count->time_since_epoch().count() > 1000 || *start >= *to) return unknown();
  auto segment = playback::hls_segment(catalog, key, *start, static_cast<unsigned>(count->time_since_epoch().count()), *origin, *from);
  return segment ? media_response(std::move(*segment), "video/iso.segment") : refuse(request, segment.error());
}

Response live_playlist(Context& context, const Request& request) {
  QueryReader query(request.query);
  const auto stream = query.choice("stream", {"main", "sub"});
  constexpr std::int64_t most = std::int64_t{1} << 48;
  const auto sequence = query.integer("_HLS_msn", 0, most);
  const auto part = query.integer("_HLS_part", 0, 10'000);
  if (part && !sequence) query.reject("_HLS_msn", "is missing");
  if (!query.ok()) return query.refusal(request);
  const auto& camera = request.parameter("id");
  if (auto problem = check_token(request, camera, std::nullopt, std::nullopt)) return refuse(request, *problem);
  if (const auto known = context.services.cameras.get(camera); !known) return refuse(request, known.error());
  const auto viewer = request.principal->name + " " + request.remote_address + " " + camera + "/" + stream;
  if (context.hls->is_new_viewer(viewer, context.services.clock.now())) {
    context.audit(request, "live.watched", camera, {{"stream", stream}, {"by", "hls"}});
  }
  LiveHls::Wanted wanted;
  if (sequence) wanted.sequence = static_cast<std::uint64_t>(*sequence);
  if (part) wanted.part = static_cast<std::uint64_t>(*part);
  if (!request.token.empty()) wanted.token = "?token=" + request.token;
  Response out;
  out.later = [hls = context.hls, key = archive::StreamKey{camera, stream}, wanted](LiveHls::Done done) {
    hls->playlist(key, wanted, std::move(done));
  };
  return out;
}

Response live_piece(Context& context, const Request& request) {
  const archive::StreamKey key{request.parameter("id"), request.parameter("stream")};
  if (auto problem = check_token(request, key.camera, std::nullopt, std::nullopt)) return refuse(request, *problem);
  Response out;
  out.later = [hls = context.hls, key, name = request.parameter("file")](LiveHls::Done done) { hls->file(key, name, std::move(done)); };
  return out;
}

}  // namespace

void add_hls_routes(Router& router, Context& context) {
  const std::string camera = api_prefix + "/cameras/{id}";
  Route list{Method::get, camera + "/playback.m3u8", Need::right(Right::playback_view),
             [&context](const Request& r) { return playlist(context, r); }};
  list.takes_token = true;
  router.add(std::move(list));
  Route live{Method::get, camera + "/live.m3u8", Need::right(Right::live_view),
             [&context](const Request& r) { return live_playlist(context, r); }};
  live.takes_token = true;
  router.add(std::move(live));
  Route live_part{Method::get, camera + "/live/{stream}/{file}", Need::right(Right::live_view),
                  [&context](const Request& r) { return live_piece(context, r); }};
  live_part.takes_token = true;
  router.add(std::move(live_part));
  Route part{Method::get, camera + "/playback/{stream}/{file}", Need::right(Right::playback_view),
             [&context](const Request& r) { return piece(context, r); }};
  part.takes_token = true;
  router.add(std::move(part));
}

}  // namespace ccoc::api
