// One camera to many viewers, many cameras to some viewers each, by RTSP and by /stream: what it costs, how late it is, and that
// nothing is left out which the viewers could take. Then the recording with players beside it.
#include <algorithm>
#include <filesystem>
#include <map>
#include <thread>

#include "archive_check.h"
#include "ccoc/simulator/stamp.h"
#include "crowd.h"
#include "measure.h"
#include "rtsp_reader.h"
#include "stage.h"
#include "viewer.h"

namespace ccoc::bench {
namespace {
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr int measured_seconds = 15;
constexpr int one_cameras_viewers = 500;
constexpr int viewers_of_each = 10;
constexpr int players = 64;
constexpr double percent_per_gbit = 15, latest_ms = 5;

double cpu_of(pid_t pid) { return measure({pid}).program.cpu_s; }

double idle_cpu(pid_t hub) {
  const auto begin = cpu_of(hub);
  std::this_thread::sleep_for(seconds{measured_seconds});
  return (cpu_of(hub) - begin) / measured_seconds * 100;
}

/// KEYID:SECRET in base64, as RTSP's Basic wants it.
std::string basic_of(const HttpClient& http) {
  auto key = http.authorization.substr(http.authorization.find(' ') + 1);
  key[key.find('.')] = ':';
  static constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < key.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) bits = bits << 8 | (i + j < key.size() ? static_cast<std::uint8_t>(key[i + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j) out += i + j > key.size() ? '=' : letters[bits >> (18 - 6 * j) & 63];
  }
  return "Basic " + out;
}

struct Case {
  std::string name;
  CrowdPlan plan;
};

struct Outcome {
  CrowdReport seen;
  double hub = 0, viewers = 0, machine = 0;  ///< shares of a core
  double gbit_s() const { return static_cast<double>(seen.bytes) * 8 / measured_seconds / 1e9; }
};

Result<Outcome> measure_case(const Options& options, const Case& what, HubProcess& hub, const std::string& folder) {
  auto crowd = Crowd::start(options, what.plan, folder, "crowd");
  if (!crowd) return std::unexpected(crowd.error());
  if (auto all = crowd->wait_for_all(); !all) return std::unexpected(all.error());
  const auto hub_begin = cpu_of(hub.pid()), crowd_begin = cpu_of(crowd->pid()), machine_begin = machine_cpu_s();
  // Looked at shortly before it ends, for its CPU ends with it.
  std::this_thread::sleep_for(seconds{measured_seconds} - std::chrono::milliseconds{500});
  const double taken = measured_seconds - 0.5;
  Outcome out;
  out.hub = (cpu_of(hub.pid()) - hub_begin) / taken * 100;
  out.viewers = (cpu_of(crowd->pid()) - crowd_begin) / taken * 100;
  out.machine = (machine_cpu_s() - machine_begin) / taken * 100;
  auto seen = crowd->report();
  if (!seen) return std::unexpected(seen.error());
  out.seen = *seen;
  std::filesystem::remove_all(folder + "/crowd");
  return out;
}

std::vector<Case> cases_of(const Options& options, const HubProcess& hub, std::uint16_t rtsp_port) {
  std::vector<Case> out;
  const auto add = [&](CrowdPlan::Kind kind, const std::string& name, std::vector<std::string> streams, int per_connection) {
    CrowdPlan plan;
    plan.kind = kind;
    plan.port = kind == CrowdPlan::Kind::rtsp ? rtsp_port : hub.http().port();
    plan.authorization = kind == CrowdPlan::Kind::rtsp ? basic_of(hub.http()) : hub.http().authorization;
    plan.streams = std::move(streams);
    plan.per_connection = per_connection;
    plan.seconds = measured_seconds;
    out.push_back({name, std::move(plan)});
  };
  const auto times = [](const std::string& stream, int count) { return std::vector<std::string>(static_cast<std::size_t>(count), stream); };
  const auto each = [&](const std::string& stream) {
    std::vector<std::string> all;
    for (int i = 0; i < viewers_of_each; ++i) {
      for (int camera = 1; camera <= options.cameras; ++camera) all.push_back(camera_id(camera) + "/" + stream);
    }
    return all;
  };
  using enum CrowdPlan::Kind;
  const auto cameras = std::to_string(options.cameras) + " cameras × " + std::to_string(viewers_of_each) + " viewers, ";
  const auto one = "1 camera × " + std::to_string(one_cameras_viewers) + " viewers, ";
  add(rtsp, one + "main, RTSP", times("cam01/main", one_cameras_viewers), 1);
  add(rtsp, one + "sub, RTSP", times("cam01/sub", one_cameras_viewers), 1);
  add(rtsp, "1 camera × 200 viewers, main, RTSP", times("cam01/main", 200), 1);
  add(rtsp, cameras + "main, RTSP", each("main"), 1);
  add(rtsp, cameras + "sub, RTSP", each("sub"), 1);
  add(stream, one + "main, /stream", times("cam01/main", one_cameras_viewers), 1);
  add(stream, one + "sub, /stream", times("cam01/sub", one_cameras_viewers), 1);
  add(stream, cameras + "main, /stream (" + std::to_string(viewers_of_each) + " walls)", each("main"), options.cameras);
  add(stream, cameras + "sub, /stream (" + std::to_string(viewers_of_each) + " walls)", each("sub"), options.cameras);
  return out;
}

/// Players of recorded footage at speed 1: how far each picture came from when it was due, and that none is missing.
struct Playing {
  Samples late_ms;
  std::uint64_t frames = 0, missing = 0, skipped = 0;
  double hub = 0, machine = 0;
};

Result<Playing> play_many(const Options& options, HubProcess& hub) {
  auto viewer = Viewer::open(hub.http());
  if (!viewer) return std::unexpected(viewer.error());
  const auto now = now_utc();
  for (int i = 0; i < players; ++i) {
    // Each somewhere else in what was recorded until now.
    const auto position = format_rfc3339(now - seconds{measured_seconds + 12} + std::chrono::milliseconds{40 * i});
    if (auto sent = viewer->subscribe(i, camera_id(i % options.cameras + 1), "main", position); !sent) return std::unexpected(sent.error());
  }
  struct Player {
    std::optional<Duration> behind;  ///< of its first shown picture
    std::optional<std::uint64_t> last;
  };
  std::map<int, Player> all;
  Playing out;
  const auto settled = steady_clock::now() + seconds{2};
  const auto end = settled + seconds{measured_seconds - 5};
  std::optional<double> hub_begin;
  double machine_begin = 0;
  auto measured_from = settled;
  while (steady_clock::now() < end) {
    auto picture = viewer->next_picture(end, [](const Picture&) { return true; });
    if (!picture && picture.error().code == ErrorCode::timeout) break;
    if (!picture) return std::unexpected(picture.error());
    const auto stamp = simulator::find_stamp(picture->data);
    if (!stamp) return fail(ErrorCode::corrupt, "a picture came without its stamp");
    auto& player = all[picture->id];
    const auto last = std::exchange(player.last, stamp->frame);
    if (picture->hidden()) continue;
    const auto behind = picture->received - picture->capture;
    if (!player.behind) player.behind = behind;
    if (steady_clock::now() < settled) {
      player.behind = std::min(*player.behind, behind);
      continue;
    }
    if (!hub_begin) hub_begin = cpu_of(hub.pid()), machine_begin = machine_cpu_s(), measured_from = steady_clock::now();
    out.late_ms.add(std::chrono::duration<double, std::milli>(behind - *player.behind).count());
    ++out.frames;
    out.skipped += picture->skipped() ? 1 : 0;
    if (last && stamp->frame > *last + 1) out.missing += stamp->frame - *last - 1;
  }
  if (!hub_begin) return fail(ErrorCode::timeout, "no recorded pictures came");
  const double taken = std::chrono::duration<double>(steady_clock::now() - measured_from).count();
  out.hub = (cpu_of(hub.pid()) - *hub_begin) / taken * 100;
  out.machine = (machine_cpu_s() - machine_begin) / taken * 100;
  return out;
}

}  // namespace

Status measure_fanout(const Options& options, Report& report) {
  const auto folder = fresh_folder(options, "fanout");
  auto farm = FarmProcess::start(options, folder);
  if (!farm) return std::unexpected(farm.error());
  const auto rtsp_port = free_port();
  if (!rtsp_port) return std::unexpected(rtsp_port.error());
  auto hub = HubProcess::start(options, *farm, folder,
                               {"CCOC_RTSP__LISTEN=127.0.0.1:" + std::to_string(*rtsp_port), "CCOC_RTSP__MAX_CONNECTIONS=5000"});
  if (!hub) return std::unexpected(hub.error());
  std::this_thread::sleep_for(seconds{options.warm_up_s});
  say("fan-out: what the hub takes without viewers");
  const double idle = idle_cpu(hub->pid());

  Table table{"Fan-out (" + std::to_string(measured_seconds) + " s each, the hub recording " + std::to_string(options.cameras) +
                  " cameras at " + decimal(idle) + " % of a core)",
              {"viewers", "Gbit/s", "the hub's CPU beside recording", "per Gbit/s", "latency p50", "p99", "worst", "frames", "missing",
               "the viewers' own CPU", "the machine"},
              {}};
  for (const auto& what : cases_of(options, *hub, *rtsp_port)) {
    if (!options.only.empty() && what.name.find(options.only) == std::string::npos) continue;
    say("fan-out: " + what.name);
    auto outcome = measure_case(options, what, *hub, folder);
    if (!outcome) return std::unexpected(outcome.error().within(what.name));
    const auto& seen = outcome->seen;
    const double more = outcome->hub - idle;
    const double per_gbit = more / outcome->gbit_s();
    table.rows.push_back({what.name, decimal(outcome->gbit_s(), 2), decimal(more) + " %", decimal(per_gbit) + " %",
                          decimal(seen.p50_ms, 2) + " ms", decimal(seen.p99_ms, 2) + " ms", decimal(seen.worst_ms, 1) + " ms",
                          std::to_string(seen.frames), std::to_string(seen.missing), decimal(outcome->viewers) + " %",
                          decimal(outcome->machine) + " % of 2 cores"});
    const bool large = what.name.find("main") != std::string::npos;
    if (large) {
      report.add({"CPU per Gbit/s, " + what.name, decimal(per_gbit) + " %", "≤ 15 % of a core", per_gbit <= percent_per_gbit});
    }
    report.add({"latency from the camera's send to the viewer, p99, " + what.name, decimal(seen.p99_ms, 2) + " ms", "≤ 5 ms",
                seen.p99_ms <= latest_ms});
    report.add({"frames that viewers missed, " + what.name, std::to_string(seen.missing) + " of " + std::to_string(seen.frames), "none",
                seen.missing == 0});
    std::this_thread::sleep_for(seconds{1});
  }
  report.add(std::move(table));

  if (options.only.empty() || options.only == "players") {
    say("fan-out: " + std::to_string(players) + " players of footage beside the recording");
    std::this_thread::sleep_for(seconds{measured_seconds + 10});
    auto playing = play_many(options, *hub);
    if (!playing) return std::unexpected(playing.error().within("players"));
    report.add({std::to_string(players) + " players at speed 1 beside the recording: pictures missing",
                std::to_string(playing->missing) + " of " + std::to_string(playing->frames), "none", playing->missing == 0});
    report.add({"… how late a picture came against when it was due (p50, p99, worst)",
                decimal(playing->late_ms.at(0.5), 1) + " ms, " + decimal(playing->late_ms.at(0.99), 1) + " ms, " +
                    decimal(playing->late_ms.max(), 1) + " ms",
                "p99 ≤ 40 ms, a frame", playing->late_ms.at(0.99) <= 40});
    report.add({"… the hub's CPU with the recording; the whole machine",
                decimal(playing->hub) + " %; " + decimal(playing->machine) + " % of 2 cores", "", true});
  }

  const auto sent = farm->stop();
  if (!sent) return std::unexpected(sent.error());
  wait_until([&] { return hub->live_cameras().value_or(0) == 0; }, seconds{10});
  if (auto stopped = hub->stop(); !stopped) return std::unexpected(stopped.error());
  const auto verdict = check_archive(options, hub->footage(), *sent);
  if (!verdict) return std::unexpected(verdict.error());
  report.add({"frames in the archive of frames sent, all that time",
              std::to_string(verdict->archived) + " of " + std::to_string(verdict->sent), "all", verdict->whole()});
  for (const auto& complaint : verdict->complaints) report.note(complaint);
  remove_folder(options, folder);
  return {};
}

}  // namespace ccoc::bench
