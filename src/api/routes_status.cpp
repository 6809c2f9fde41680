#include <sys/resource.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <cmath>
#include <fstream>
#include <map>
#include <mutex>

#include "ccoc/base/metrics.h"
#include "ccoc/ingest/outages.h"
#include "context.h"

namespace ccoc::api {
namespace {

namespace json = boost::json;

/// The share of one core this process used since it was asked last (or since it started).
class CpuMeter {
 public:
  double percent(MonoTime now) {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto time = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
    const double used = time(usage.ru_utime) + time(usage.ru_stime);
    const std::scoped_lock lock(mutex_);
    const double wall = std::chrono::duration<double>(now - at_).count();
    if (wall < 0.5) return last_;  // asked by several people at once
    last_ = std::round((used - used_) / wall * 1000) / 10;
    used_ = used;
    at_ = now;
    return last_;
  }
  explicit CpuMeter(MonoTime now) : at_(now) {}

 private:
  std::mutex mutex_;
  MonoTime at_;
  double used_ = 0;
  double last_ = 0;
};

std::uint64_t rss_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  file >> size >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::int64_t thread_count() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("Threads:")) return std::strtoll(line.c_str() + 8, nullptr, 10);
  }
  return 0;
}

json::object stream_json(const ingest::StreamStatus& status, const archive::RecordingStatus* recording) {
  json::object out{{"role", status.role},
                   {"state", ingest::to_string(status.state)},
                   {"since", format_rfc3339(status.since)},
                   {"fps", status.fps},
                   {"declared_fps", nullptr},
                   {"gop_frames", nullptr},
                   {"bitrate_bps", status.bitrate_bps},
                   {"last_frame_at", time_or_null(status.last_frame_at)},
                   {"clock_offset_ms", nullptr},
                   {"reconnects", status.reconnects},
                   {"lost_packets", status.lost_packets},
                   {"reordered_packets", status.reordered_packets},
                   {"jitter_ms", nullptr},
                   {"transport", text_or_null(status.transport)},
                   {"last_error", text_or_null(status.last_error)},
                   {"codec", text_or_null(status.codec)},
                   {"audio_codec", text_or_null(status.audio_codec)},
                   {"width", nullptr},
                   {"height", nullptr},
                   {"writing", recording != nullptr && recording->writing},
                   {"last_written_at", nullptr},
                   {"recording_error", nullptr}};
  if (status.clock_offset_ms) out["clock_offset_ms"] = *status.clock_offset_ms;
  if (status.jitter_ms) out["jitter_ms"] = *status.jitter_ms;
  if (status.declared_fps > 0) out["declared_fps"] = status.declared_fps;
  if (status.gop_frames > 0) out["gop_frames"] = status.gop_frames;
  if (status.width > 0) {
    out["width"] = status.width;
    out["height"] = status.height;
  }
  if (recording != nullptr) out["last_written_at"] = time_or_null(recording->last_written_at);
  return out;
}

using Problems = std::map<archive::StreamKey, std::string>;

Problems recording_problems(archive::Archive& archive) {
  Problems out;
  for (auto& problem : archive.problems()) out[problem.key] = std::move(problem.reason);
  return out;
}

/// A stream nobody runs: its camera is switched off, or about to be started.
ingest::StreamStatus idle_status(const registry::Camera& camera, const std::string& role) {
  ingest::StreamStatus out;
  out.camera = camera.id;
  out.role = role;
  out.state = camera.enabled ? ingest::StreamState::connecting : ingest::StreamState::disabled;
  out.since = camera.updated_at;
  return out;
}

using ByCamera = std::map<std::string, std::vector<ingest::StreamStatus>>;

ByCamera by_camera(std::vector<ingest::StreamStatus> statuses) {
  ByCamera out;
  for (auto& status : statuses) out[status.camera].push_back(std::move(status));
  return out;
}

/// The status of the main stream.
ingest::StreamStatus head_status(const registry::Camera& camera, const ByCamera& statuses) {
  const auto found = statuses.find(camera.id);
  if (found != statuses.end()) {
    for (const auto& status : found->second) {
      if (status.role == "main") return status;
    }
  }
  return idle_status(camera, "main");
}

Response camera_status(Context& context, const Request& request) {
  auto& services = context.services;
  const auto camera = services.cameras.get(request.parameter("id"));
  if (!camera) return refuse(request, camera.error());
  const auto statuses = by_camera(services.ingest.statuses_of(camera->id));
  const auto recordings = services.archive.recordings();
  const auto problems = recording_problems(services.archive);
  json::array streams;
  for (const auto& stream : camera->streams) {
    auto status = idle_status(*camera, stream.role);
    if (const auto found = statuses.find(camera->id); found != statuses.end()) {
      for (const auto& known : found->second) {
        if (known.role == stream.role) status = known;
      }
    }
    const auto recording = recordings.find({camera->id, stream.role});
    auto item = stream_json(status, recording == recordings.end() ? nullptr : &recording->second);
    if (const auto problem = problems.find({camera->id, stream.role}); problem != problems.end()) {
      item["writing"] = false;
      item["recording_error"] = problem->second;
    }
    streams.push_back(std::move(item));
  }
  const auto head = head_status(*camera, statuses);
  return json_response(200, to_text(json::object{{"id", camera->id},
                                                 {"state", ingest::to_string(head.state)},
                                                 {"since", format_rfc3339(head.since)},
                                                 {"picture", picture_json(context.picture_of(camera->id))},
                                                 {"streams", std::move(streams)}}));
}

/// How the clock of a camera went, and how fast it runs away.
Response camera_clock(Context& context, const Request& request) {
  constexpr int most_readings = 2000;
  constexpr Duration usual_span = std::chrono::hours{24 * 7};
  QueryReader query(request.query);
  const auto to = query.time("to", false).value_or(context.services.clock.utc_now());
  const auto from = query.time("from", false).value_or(to - usual_span);
  const auto stream = query.choice("stream", {"main", "sub"});
  if (from >= to) query.reject("to", "must be after from");
  if (!query.ok()) return query.refusal(request);
  const auto camera = context.services.cameras.get(request.parameter("id"));
  if (!camera) return refuse(request, camera.error());
  const auto readings = context.services.clocks.read(camera->id, stream, from, to, most_readings);
  if (!readings) return refuse(request, readings.error());
  json::array items;
  for (const auto& reading : *readings) items.push_back({{"at", format_rfc3339(reading.at)}, {"offset_ms", reading.offset_ms}});
  json::object out{{"items", std::move(items)}, {"next", nullptr}, {"drift_ppm", nullptr}};
  if (const auto drift = registry::drift_ppm(*readings)) out["drift_ppm"] = *drift;
  return json_response(200, to_text(out));
}

json::object scrub_json(const archive::ScrubStatus& scrub) {
  const auto begun = scrub.round_began_at != UtcTime{};
  return {{"round_began_at", begun ? json::value(format_rfc3339(scrub.round_began_at)) : json::value(nullptr)},
          {"reached_at", scrub.reached_at != UtcTime{} ? json::value(format_rfc3339(scrub.reached_at)) : json::value(nullptr)},
          {"last_round_ended_at", time_or_null(scrub.last_round_ended_at)},
          {"damaged_files", scrub.damaged_files}};
}

/// Footage that is not as it was written.
Response list_damage(Context& context, const Request& request) {
  constexpr std::int64_t usual = 100, most = 500;
  QueryReader query(request.query);
  const auto limit = query.integer("limit", 1, most).value_or(usual);
  if (!query.ok()) return query.refusal(request);
  const auto found = context.services.archive.damage(static_cast<std::size_t>(limit));
  if (!found) return refuse(request, found.error());
  json::array items;
  for (const auto& damage : *found) {
    items.push_back({{"volume", damage.volume},
                     {"path", damage.path},
                     {"camera", damage.key.camera},
                     {"stream", damage.key.stream},
                     {"from", format_rfc3339(damage.from)},
                     {"to", format_rfc3339(damage.to)},
                     {"offset", damage.offset},
                     {"detail", damage.detail},
                     {"found_at", format_rfc3339(damage.found_at)}});
  }
  return json_response(200, to_text(json::object{{"items", std::move(items)}, {"next", nullptr}}));
}

/// JSON has no infinity: null stands for "without end".
json::value finite(double value) { return std::isfinite(value) ? json::value(value) : json::value(nullptr); }

Response show_forecast(Context& context, const Request&) {
  const auto forecast = context.services.forecast ? context.services.forecast() : std::nullopt;
  json::array cameras;
  json::object out{{"made_at", nullptr}, {"capacity_bytes", nullptr}, {"used_bytes", 0.0}, {"bytes_per_day", 0.0}, {"full_at", nullptr}};
  if (forecast) {
    out = {{"made_at", format_rfc3339(forecast->made_at)},
           {"capacity_bytes", finite(forecast->capacity_bytes)},
           {"used_bytes", forecast->used_bytes},
           {"bytes_per_day", forecast->bytes_per_day},
           {"full_at", time_or_null(forecast->full_at)}};
    for (const auto& camera : forecast->cameras) {
      cameras.push_back({{"camera", camera.camera},
                         {"bytes_per_day", camera.bytes_per_day},
                         {"oldest", time_or_null(camera.oldest)},
                         {"oldest_goes_at", time_or_null(camera.oldest_goes_at)},
                         {"lasting_days", finite(camera.lasting_days)},
                         {"max_days", camera.max_days},
                         {"promised_days", camera.promised_days},
                         {"promise_at_risk", camera.promise_at_risk}});
    }
  }
  out["cameras"] = std::move(cameras);
  return json_response(200, to_text(out));
}

json::array storage_json(Context& context) {
  json::array out;
  const auto volumes = context.services.archive.volumes();
  for (const auto& volume : volumes) {
    out.push_back({{"path", volumes.size() == 1 && !context.services.footage_dir.empty() ? context.services.footage_dir : volume.name},
                   {"name", volume.name},
                   {"recorded_to", volume.weight > 0},
                   {"total_bytes", volume.space.total_bytes},
                   {"free_bytes", volume.space.total_bytes > 0 ? volume.space.free_bytes : 0},
                   {"footage_bytes", volume.footage_bytes},
                   {"writing", volume.healthy},
                   {"scrub", scrub_json(volume.scrub)},
                   {"last_error", text_or_null(volume.last_error)}});
  }
  return out;
}

json::array outages_json(const std::vector<ingest::Outage>& outages) {
  json::array out;
  for (const auto& outage : outages) {
    json::array ids;
    for (const auto& id : outage.cameras) ids.emplace_back(id);
    out.push_back({{"shared", ingest::to_string(outage.shared)},
                   {"name", outage.name},
                   {"since", format_rfc3339(outage.since)},
                   {"cameras", std::move(ids)}});
  }
  return out;
}

Response hub_status(Context& context, CpuMeter& meter, const Request& request) {
  auto& services = context.services;
  const auto cameras = services.cameras.all();
  if (!cameras) return refuse(request, cameras.error());
  const auto statuses = by_camera(services.ingest.statuses());
  const auto recordings = services.archive.recordings();
  const auto problems = recording_problems(services.archive);
  json::array list;
  for (const auto& camera : *cameras) {
    const auto head = head_status(camera, statuses);
    const auto recording = recordings.find({camera.id, "main"});
    const auto problem = problems.find({camera.id, "main"});
    const bool fails = problem != problems.end();
    list.push_back({{"id", camera.id},
                    {"state", ingest::to_string(head.state)},
                    {"since", format_rfc3339(head.since)},
                    {"fps", head.fps},
                    {"bitrate_bps", head.bitrate_bps},
                    {"last_error", text_or_null(head.last_error)},
                    {"picture", picture_json(context.picture_of(camera.id))},
                    {"recording", recording != recordings.end() && recording->second.writing && !fails},
                    {"recording_error", fails ? json::value(problem->second) : json::value(nullptr)}});
  }
  const auto index = services.archive.index_status();
  const auto retention = services.archive.retention_problem();
  const auto now = services.clock.utc_now();
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(now - context.started_at).count();
  return json_response(
      200, to_text(json::object{
               {"hub",
                {{"version", services.version},
                 {"started_at", format_rfc3339(context.started_at)},
                 {"uptime_s", std::max<std::int64_t>(0, uptime)},
                 {"cpu_percent", meter.percent(services.clock.now())},
                 {"rss_bytes", rss_bytes()},
                 {"threads", thread_count()},
                 {"storage", storage_json(context)},
                 {"retention_error", retention ? json::value(retention->reason) : json::value(nullptr)},
                 {"database", {{"state", index.reachable ? "ok" : "unavailable"}, {"last_error", text_or_null(index.last_error)}}},
                 {"viewers", {{"connections", context.stream_connections.load()}, {"subscriptions", context.subscriptions.load()}}}}},
               {"outages", outages_json(ingest::find_outages(*cameras, services.ingest.statuses()))},
               {"cameras", std::move(list)}}));
}

Response readiness(Context& context) {
  auto& services = context.services;
  const auto database = services.database.ping();
  std::string storage = "ok";
  for (const auto& volume : services.archive.volumes()) {
    if (!volume.healthy) storage = volume.last_error.empty() ? "not writable" : volume.last_error;
  }
  const bool ready = database.has_value() && storage == "ok";
  return json_response(ready ? 200 : 503, to_text(json::object{{"status", ready ? "ready" : "not ready"},
                                                               {"database", database ? "ok" : "unavailable"},
                                                               {"storage", storage == "ok" ? "ok" : "not writable"}}));
}

}  // namespace

void add_status_routes(Router& router, Context& context) {
  using access::Right;
  const auto meter = std::make_shared<CpuMeter>(context.services.clock.now());
  meter->percent(context.services.clock.now());
  router.add({Method::get, api_prefix + "/status", Need::right(Right::status_read),
              [&context, meter](const Request& r) { return hub_status(context, *meter, r); }});
  router.add({Method::get, api_prefix + "/archive/forecast", Need::right(Right::status_read),
              [&context](const Request& request) { return show_forecast(context, request); }});
  router.add({Method::get, api_prefix + "/archive/damage", Need::right(Right::status_read),
              [&context](const Request& request) { return list_damage(context, request); }});
  router.add({Method::get, api_prefix + "/cameras/{id}/clock", Need::right(Right::status_read),
              [&context](const Request& request) { return camera_clock(context, request); }});
  router.add({Method::get, api_prefix + "/cameras/{id}/status", Need::right(Right::status_read),
              [&context](const Request& r) { return camera_status(context, r); }});
  router.add({Method::get, "/healthz", Need::nothing(), [](const Request&) { return json_response(200, R"({"status":"ok"})"); }});
  router.add({Method::get, "/readyz", Need::nothing(), [&context](const Request&) { return readiness(context); }});
  router.add({Method::get, "/metrics", Need::right_unless_local(Right::system_manage), [](const Request&) {
                Response out;
                out.headers.add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
                out.headers.add("Cache-Control", "no-store");
                out.body = metrics::global().expose();
                return out;
              }});
}

}  // namespace ccoc::api
