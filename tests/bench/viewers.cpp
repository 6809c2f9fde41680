#include <algorithm>
#include <map>
#include <thread>

#include "ccoc/simulator/stamp.h"
#include "measure.h"
#include "rtsp_reader.h"
#include "stage.h"
#include "viewer.h"

namespace ccoc::bench {
namespace {
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr int subscribes = 100;
constexpr int wall_rounds = 5;
constexpr int latency_seconds = 15;
constexpr int settle_seconds = 3;  // the cached GOP and the start of everything are not latency

std::string milliseconds_text(double value) { return decimal(value, value < 10 ? 2 : 1) + " ms"; }

/// ms from each subscribe to its first picture, one at a time.
Result<Samples> first_pictures(const Options& options, HubProcess& hub, const std::string& stream) {
  auto viewer = Viewer::open(hub.http());
  if (!viewer) return std::unexpected(viewer.error());
  Samples out;
  for (int i = 0; i < subscribes; ++i) {
    const auto begin = steady_clock::now();
    if (auto sent = viewer->subscribe(i, camera_id(i % options.cameras + 1), stream); !sent) {
      return std::unexpected(sent.error());
    }
    auto picture = viewer->next_picture(begin + seconds{10}, [&](const Picture& p) { return p.id == i && p.key(); });
    if (!picture) return std::unexpected(picture.error().within("first picture of " + stream));
    out.add(std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count());
    if (auto sent = viewer->unsubscribe(i); !sent) return std::unexpected(sent.error());
  }
  return out;
}

/// ms until every tile of a wall had its first picture.
Result<double> whole_wall(const Options& options, HubProcess& hub) {
  auto viewer = Viewer::open(hub.http());
  if (!viewer) return std::unexpected(viewer.error());
  const auto begin = steady_clock::now();
  for (int camera = 1; camera <= options.cameras; ++camera) {
    if (auto sent = viewer->subscribe(camera, camera_id(camera), "sub"); !sent) return std::unexpected(sent.error());
  }
  std::vector<bool> seen(static_cast<std::size_t>(options.cameras) + 1);
  for (int left = options.cameras; left > 0; --left) {
    auto picture = viewer->next_picture(begin + seconds{20}, [&](const Picture& p) { return p.key() && !seen[p.id]; });
    if (!picture) return std::unexpected(picture.error().within("a wall of " + std::to_string(options.cameras)));
    seen[picture->id] = true;
  }
  return std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count();
}

struct Latency {
  Samples ms;
  std::uint64_t bytes = 0;
  double hub_cpu = 0;  ///< share of a core, with the viewers
  std::uint64_t skipped = 0;
};

/// ms from each frame's stamp to its last byte at the viewer.
Result<Latency> hub_latency(HubProcess& hub, int tiles, const std::string& stream) {
  auto viewer = Viewer::open(hub.http());
  if (!viewer) return std::unexpected(viewer.error());
  for (int camera = 1; camera <= tiles; ++camera) {
    if (auto sent = viewer->subscribe(camera, camera_id(camera), stream); !sent) return std::unexpected(sent.error());
  }
  const auto settled = steady_clock::now() + seconds{settle_seconds};
  const auto end = settled + seconds{latency_seconds};
  Latency out;
  std::optional<TreeUsage> begin_usage;
  std::uint64_t begin_bytes = 0;
  while (steady_clock::now() < end) {
    auto picture = viewer->next_picture(end, [](const Picture&) { return true; });
    if (!picture && picture.error().code == ErrorCode::timeout) break;
    if (!picture) return std::unexpected(picture.error());
    if (steady_clock::now() < settled) continue;
    if (!begin_usage) begin_usage = measure({hub.pid()}), begin_bytes = viewer->bytes_received();
    const auto stamp = simulator::find_stamp(picture->data);
    if (!stamp) return fail(ErrorCode::corrupt, "a picture came without its stamp");
    out.ms.add(std::chrono::duration<double, std::milli>(picture->received - stamp->sent).count());
    out.skipped += picture->skipped() ? 1 : 0;
  }
  if (!begin_usage) return fail(ErrorCode::timeout, "no pictures came");
  out.hub_cpu = (measure({hub.pid()}).program.cpu_s - begin_usage->program.cpu_s) / latency_seconds * 100;
  out.bytes = viewer->bytes_received() - begin_bytes;
  return out;
}

Result<Samples> direct_latency(const FarmProcess& farm, int streams, const std::string& stream) {
  std::vector<std::string> urls;
  for (int camera = 1; camera <= streams; ++camera) urls.push_back(farm.url(camera, stream));
  Samples out;
  const auto settled = now_utc() + seconds{settle_seconds};
  const auto on_frame = [&](ByteView first, UtcTime received) {
    const auto stamp = simulator::find_stamp(first);
    if (stamp && received > settled) {
      out.add(std::chrono::duration<double, std::milli>(received - stamp->sent).count());
    }
  };
  if (auto read = read_frames(farm.port(), urls, settle_seconds + latency_seconds, on_frame); !read) {
    return std::unexpected(read.error());
  }
  return out;
}

double idle_cpu(HubProcess& hub) {
  const auto begin = measure({hub.pid()});
  std::this_thread::sleep_for(seconds{latency_seconds});
  return (measure({hub.pid()}).program.cpu_s - begin.program.cpu_s) / latency_seconds * 100;
}

Status measure_first_pictures(const Options& options, HubProcess& hub, Report& report) {
  for (const std::string stream : {"sub", "main"}) {
    say("viewers: first picture of a tile, " + stream);
    auto first = first_pictures(options, hub, stream);
    if (!first) return std::unexpected(first.error());
    report.add({"first picture after subscribing, " + stream + ", of " + std::to_string(subscribes) + " (p50, p99)",
                milliseconds_text(first->at(0.5)) + ", " + milliseconds_text(first->at(0.99)), "≤ 300 ms", first->at(0.99) <= 300});
  }
  say("viewers: a whole wall at once");
  Samples wall;
  for (int round = 0; round < wall_rounds; ++round) {
    auto taken = whole_wall(options, hub);
    if (!taken) return std::unexpected(taken.error());
    wall.add(*taken);
  }
  report.add({std::to_string(options.cameras) + " tiles subscribed at once, until the last one's first picture (p50, worst of " +
                  std::to_string(wall_rounds) + ")",
              milliseconds_text(wall.at(0.5)) + ", " + milliseconds_text(wall.max()), "≤ 1 s", wall.max() <= 1000});
  return {};
}

}  // namespace

Status measure_viewers(const Options& options, const FarmProcess& farm, HubProcess& hub, Report& report) {
  if (auto done = measure_first_pictures(options, hub, report); !done) return done;

  say("viewers: what the hub takes without any");
  const double idle = idle_cpu(hub);
  Table table{"Latency, send stamp to viewer, ms (" + std::to_string(latency_seconds) + " s each, the hub recording)",
              {"streams", "hub p50", "p99", "worst", "frames", "direct p50", "p99", "the hub's CPU beside recording", "per Gbit/s"},
              {}};
  const std::vector<std::pair<int, std::string>> walls{
      {1, "main"}, {std::min(16, options.cameras), "main"}, {options.cameras, "sub"}, {options.cameras, "main"}};
  double worst_p99 = 0;
  const auto quiet_begin = machine_cpu_s();
  const auto clock_begin = steady_clock::now();
  for (const auto& [tiles, stream] : walls) {
    const auto name = std::to_string(tiles) + " × " + stream;
    say("viewers: latency of " + name);
    auto through = hub_latency(hub, tiles, stream);
    if (!through) return std::unexpected(through.error().within(name));
    auto direct = direct_latency(farm, tiles, stream);
    if (!direct) return std::unexpected(direct.error().within(name + " directly"));
    const double gbit_s = static_cast<double>(through->bytes) * 8 / latency_seconds / 1e9;
    const double more = through->hub_cpu - idle;
    table.rows.push_back({name, decimal(through->ms.at(0.5), 2), decimal(through->ms.at(0.99), 2), decimal(through->ms.max(), 2),
                          std::to_string(through->ms.size()), decimal(direct->at(0.5), 2), decimal(direct->at(0.99), 2),
                          decimal(more) + " %", gbit_s > 0.05 ? decimal(more / gbit_s, 0) + " %" : "–"});
    worst_p99 = std::max(worst_p99, through->ms.at(0.99));
    if (through->skipped > 0) report.note(name + ": frames were skipped " + std::to_string(through->skipped) + " times");
  }
  report.add({"latency from the camera's send to the viewer, p99, worst of the walls below", milliseconds_text(worst_p99),
              "≤ 10 ms (goal 5 ms)", worst_p99 <= 10});
  report.add(std::move(table));
  const double taken = std::chrono::duration<double>(steady_clock::now() - clock_begin).count();
  report.note("while latency was measured the whole machine was busy with " + decimal((machine_cpu_s() - quiet_begin) / taken * 100, 0) +
              " % of a core; waiting for one is in the latency");
  return {};
}

}  // namespace ccoc::bench
