#include <algorithm>
#include <filesystem>
#include <thread>

#include "archive_check.h"
#include "measure.h"
#include "stage.h"

namespace ccoc::bench {
namespace {

double share(double cpu_s, double seconds) { return cpu_s / seconds * 100; }
std::string percent(double value) { return decimal(value) + " %"; }

/// CPU as a share of one core, the rest as it was at the end.
struct Load {
  double farm = 0, program = 0, postgres = 0;
  double others = 0;  ///< all else on the machine
  Usage memory, postgres_memory;
  double written_mb_s = 0;
};

Load load_of(const std::vector<pid_t>& roots, pid_t farm, int seconds) {
  const auto begin = measure(roots);
  const auto farm_begin = measure({farm});
  const auto machine_begin = machine_cpu_s();
  const auto clock = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(std::chrono::seconds{seconds});
  const auto end = measure(roots);
  const auto farm_end = measure({farm});
  const auto machine_end = machine_cpu_s();
  const double taken = std::chrono::duration<double>(std::chrono::steady_clock::now() - clock).count();
  Load out;
  out.memory = between(begin.program, end.program);
  out.postgres_memory = between(begin.postgres, end.postgres);
  out.program = share(out.memory.cpu_s, taken);
  out.postgres = share(out.postgres_memory.cpu_s, taken);
  out.farm = share(between(farm_begin.program, farm_end.program).cpu_s, taken);
  out.others = std::max(0.0, share(machine_end - machine_begin, taken) - out.program - out.postgres - out.farm);
  out.written_mb_s = static_cast<double>(out.memory.written_bytes) / taken / 1e6;
  return out;
}

struct Run {
  Load load;
  ArchiveVerdict archive;
  double start_s = 0, live_s = 0;
  std::chrono::milliseconds stop{0};
  double total() const { return load.program + load.postgres; }
};

Result<Run> record_once(const Options& options, int number) {
  const auto folder = fresh_folder(options, "record" + std::to_string(number));
  auto farm = FarmProcess::start(options, folder);
  if (!farm) return std::unexpected(farm.error());
  std::vector<std::string> settings;
  if (options.encrypted) settings.push_back("CCOC_VOLUMES__MAIN__ENCRYPTED=true");
  auto hub = HubProcess::start(options, *farm, folder, settings);
  if (!hub) return std::unexpected(hub.error());
  say("hub, run " + std::to_string(number) + ": warming up");
  std::this_thread::sleep_for(std::chrono::seconds{options.warm_up_s});
  say("hub, run " + std::to_string(number) + ": recording for " + std::to_string(options.seconds) + " s");
  Run out;
  out.load = load_of({hub->pid()}, farm->pid(), options.seconds);
  out.start_s = hub->start_s();
  out.live_s = hub->live_s();
  // The cameras end first, so that all they sent has arrived when the hub is asked to stop.
  const auto sent = farm->stop();
  if (!sent) return std::unexpected(sent.error());
  wait_until([&] { return hub->live_cameras().value_or(0) == 0; }, std::chrono::seconds{10});
  const auto stopped = hub->stop();
  if (!stopped) return std::unexpected(stopped.error());
  out.stop = *stopped;
  say("hub, run " + std::to_string(number) + ": reading the archive back");
  auto verdict = check_archive(options, hub->footage(), *sent, options.encrypted ? hub->data() + "/footage.key" : "");
  if (!verdict) return std::unexpected(verdict.error());
  out.archive = std::move(*verdict);
  say("hub, run " + std::to_string(number) + ": " + percent(out.load.program) + " + PostgreSQL " + percent(out.load.postgres) + ", " +
      mebibytes(out.load.memory.rss_bytes) + ", archived " + std::to_string(out.archive.archived) + " of " +
      std::to_string(out.archive.sent));
  remove_folder(options, folder);
  return out;
}

std::vector<std::string> cells(const std::string& name, const Load& load) {
  const auto& usage = load.memory;
  return {name,
          percent(load.program),
          mebibytes(usage.rss_bytes),
          usage.pss_bytes > 0 ? mebibytes(usage.pss_bytes) : "–",
          std::to_string(usage.threads),
          std::to_string(usage.processes),
          decimal(load.written_mb_s),
          percent(load.farm),
          percent(load.others)};
}

const std::vector<std::string> load_heads{"recorder",       "CPU of a core",          "RSS", "PSS", "threads", "processes", "written MB/s",
                                          "the farm's CPU", "all else on the machine"};

}  // namespace

Status measure_recording(const Options& options, Report& report) {
  std::vector<Run> runs;
  for (int number = 1; number <= options.runs; ++number) {
    auto run = record_once(options, number);
    if (!run) return std::unexpected(run.error());
    runs.push_back(std::move(*run));
  }
  std::ranges::sort(runs, {}, &Run::total);
  const auto& run = runs[(runs.size() - 1) / 2];  // the median; of two the better, and the table has both
  const auto sum = run.total();
  report.add(
      {"CPU with PostgreSQL, recording " + std::to_string(options.cameras) + " cameras for " + std::to_string(options.seconds) + " s",
       percent(sum), "≤ 15 % of a core (goal 12 %)", sum <= 15});
  report.add({"RSS without PostgreSQL", mebibytes(run.load.memory.rss_bytes), "≤ 150 MiB", run.load.memory.rss_bytes <= (150U << 20)});
  report.add({"threads", std::to_string(run.load.memory.threads), "≤ 16", run.load.memory.threads <= 16});
  const auto whole = std::ranges::all_of(runs, [](const Run& r) { return r.archive.whole(); });
  const auto& archive = run.archive;
  report.add({"frames in the archive of frames sent, every run", std::to_string(archive.archived) + " of " + std::to_string(archive.sent),
              "all", whole});
  const auto beside =
      static_cast<double>(archive.bytes - archive.payload) / static_cast<double>(std::max<std::uint64_t>(archive.payload, 1)) * 100;
  report.add({"what the files hold beside the pictures (headers, times, checksums), 4 Mbit/s", decimal(beside, 2) + " %", "≤ 0.5 %",
              beside <= 0.5});
  report.add({"start to ready, empty data folder", decimal(run.start_s, 2) + " s", "", true});
  report.add({"registered to all cameras live", decimal(run.live_s, 2) + " s", "", true});
  const auto slowest = std::ranges::max(runs, {}, &Run::stop).stop;
  report.add({"SIGTERM to exit, recording closed", std::to_string(slowest.count()) + " ms", "≤ 3 s", slowest.count() <= 3000});

  Table table{"Recording", load_heads, {}};
  for (const auto& each : runs) {
    table.rows.push_back(cells("the hub", each.load));
    auto postgres = each.load;
    postgres.program = each.load.postgres;
    postgres.memory = each.load.postgres_memory;
    postgres.written_mb_s = static_cast<double>(postgres.memory.written_bytes) / options.seconds / 1e6;
    table.rows.push_back(cells("· its PostgreSQL", postgres));
  }
  report.add(std::move(table));
  for (const auto& each : runs) {
    for (const auto& complaint : each.archive.complaints) report.note(complaint);
  }
  if (runs.size() > 1) {
    report.note("noise: the runs differ by " + decimal(runs.back().total() - runs.front().total()) +
                " % of a core; figures are of the median run (of two, the cheaper)");
  }
  if (options.sub_streams) report.note("the hub also takes every camera's sub stream; the peers take only the main one");
  return {};
}

namespace {

/// One camera's 1 Mbit/s, made once by ffmpeg: 1280×720, 25 fps, GOP 2 s.
Result<std::string> small_clip(const Options& options) {
  const auto path = options.tools + "/bench-1mbit.h264";
  if (std::filesystem::exists(path)) return path;
  auto child = Child::start({"ffmpeg",   "-nostdin",     "-loglevel",
                             "error",    "-y",           "-f",
                             "lavfi",    "-i",           "testsrc2=size=1280x720:rate=25:duration=10",
                             "-c:v",     "libx264",      "-preset",
                             "veryfast", "-tune",        "zerolatency",
                             "-b:v",     "1M",           "-minrate",
                             "1M",       "-maxrate",     "1M",
                             "-bufsize", "1M",           "-g",
                             "50",       "-x264-params", "nal-hrd=cbr:scenecut=0",
                             "-f",       "h264",         path},
                            path + ".log");
  if (!child) return std::unexpected(child.error());
  if (!wait_until([&] { return !child->running(); }, std::chrono::minutes{2}) || !std::filesystem::exists(path)) {
    return fail(ErrorCode::unavailable, "ffmpeg made no clip:\n" + tail(path + ".log"));
  }
  return path;
}

}  // namespace

namespace {

struct IngestCase {
  const char* name;
  int cameras;
  bool small, udp;
  double bar;  ///< % of a core; 0: none of its own
};

Result<Run> record_case(const Options& options, const IngestCase& each, const std::string& small, int number) {
  Options own = options;
  own.cameras = each.cameras;
  own.udp = each.udp;
  own.sub_streams = false;
  if (each.small) own.main_clip = small;
  return record_once(own, number);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// The figures of a case: CPU of the median run, frames of all runs.
void report_case(const IngestCase& each, std::vector<Run> runs, Report& report, Table& table) {
  std::ranges::sort(runs, {}, &Run::total);
  const auto& run = runs[runs.size() / 2];
  auto row = run.load;
  row.program = run.total();
  table.rows.push_back(cells(each.name, row));
  std::string cpu = percent(run.total());
  if (runs.size() > 1) cpu += " (" + decimal(runs.front().total()) + " to " + percent(runs.back().total()) + ")";
  const std::string bar = each.bar > 0 ? "≤ " + decimal(each.bar, 0) + " % of a core" : "";
  report.add({std::string("CPU, ") + each.name, cpu, bar, each.bar <= 0 || run.total() <= each.bar});
  std::uint64_t sent = 0, archived = 0;
  bool whole = true;
  for (const auto& one : runs) {
    sent += one.archive.sent;
    archived += one.archive.archived;
    whole = whole && one.archive.whole();
    constexpr std::size_t shown = 4;
    const auto& complaints = one.archive.complaints;
    for (std::size_t i = 0; i < std::min(shown, complaints.size()); ++i) report.note(std::string(each.name) + ": " + complaints[i]);
    if (complaints.size() > shown) report.note("… and " + std::to_string(complaints.size() - shown) + " more cameras");
  }
  report.add(
      {std::string("frames kept of frames sent, ") + each.name, std::to_string(archived) + " of " + std::to_string(sent), "all", whole});
}

}  // namespace

Status measure_ingest(const Options& options, Report& report) {
  const auto clip = small_clip(options);
  if (!clip) return std::unexpected(clip.error());
  constexpr IngestCase by_tcp{"60 × 4 Mbit/s by TCP", 60, false, false, 12};
  constexpr IngestCase by_udp{"60 × 4 Mbit/s by UDP", 60, false, true, 0};
  constexpr IngestCase many[] = {{"250 × 1 Mbit/s by TCP", 250, true, false, 20}, {"1000 × 1 Mbit/s by TCP", 1000, true, false, 100}};
  constexpr int pairs = 3;  // the machine drifts: each run by UDP is compared with the one by TCP before it
  Table table{"Ingest (main streams only)", load_heads, {}};
  std::vector<Run> tcp, udp;
  std::vector<double> ratios;
  for (int number = 1; number <= pairs; ++number) {
    for (const auto* each : {&by_tcp, &by_udp}) {
      auto run = record_case(options, *each, *clip, number);
      if (!run) return std::unexpected(run.error());
      (each->udp ? udp : tcp).push_back(std::move(*run));
    }
    ratios.push_back(udp.back().total() / tcp.back().total());
  }
  report_case(by_tcp, std::move(tcp), report, table);
  report_case(by_udp, std::move(udp), report, table);
  report.add({"UDP against TCP, median of " + std::to_string(pairs) + " pairs", decimal(median(ratios), 2) + " times", "≤ 1.5 times",
              median(ratios) <= 1.5});
  for (const auto& each : many) {
    auto run = record_case(options, each, *clip, 1);
    if (!run) return std::unexpected(run.error());
    std::vector<Run> one;
    one.push_back(std::move(*run));
    report_case(each, std::move(one), report, table);
  }
  report.add(std::move(table));
  return {};
}

Status measure_encryption(const Options& options, Report& report) {
  constexpr int pairs = 3;  // the machine drifts: each encrypted run is compared with the plain one before it
  Table table{"Encryption at rest", load_heads, {}};
  std::vector<double> ratios;
  bool whole = true;
  for (int number = 1; number <= pairs; ++number) {
    std::vector<double> totals;
    for (const bool encrypted : {false, true}) {
      Options own = options;
      own.encrypted = encrypted;
      const auto run = record_once(own, number);
      if (!run) return std::unexpected(run.error());
      auto row = run->load;
      row.program = run->total();
      table.rows.push_back(cells(encrypted ? "encrypted (AES-256)" : "in clear", row));
      totals.push_back(run->total());
      whole = whole && run->archive.whole();
    }
    ratios.push_back(totals[1] / totals[0]);
  }
  report.add({"CPU of recording " + std::to_string(options.cameras) + " cameras encrypted, against in clear, median of " +
                  std::to_string(pairs) + " pairs",
              decimal(median(ratios), 2) + " times", "", true});
  report.add({"frames in the archive of frames sent, every run", whole ? "all" : "not all", "all", whole});
  report.add(std::move(table));
  return {};
}

namespace {

Result<Load> peer_once(const Options& options, const FarmProcess& farm, const std::vector<std::vector<std::string>>& commands,
                       const std::string& log) {
  std::vector<Child> children;
  std::vector<pid_t> roots;
  for (const auto& command : commands) {
    auto child = Child::start(command, log);
    if (!child) return std::unexpected(child.error());
    roots.push_back(child->pid());
    children.push_back(std::move(*child));
  }
  std::this_thread::sleep_for(std::chrono::seconds{options.warm_up_s});
  auto out = load_of(roots, farm.pid(), options.seconds);
  for (auto& child : children) {
    if (!child.running()) return fail(ErrorCode::unavailable, commands[0][0] + " ended early:\n" + tail(log));
  }
  for (auto& child : children) (void)child.stop();
  return out;
}

std::vector<std::vector<std::string>> ffmpeg_commands(const Options& options, const FarmProcess& farm, const std::string& folder) {
  std::vector<std::vector<std::string>> out;
  for (int camera = 1; camera <= options.cameras; ++camera) {
    out.push_back({"ffmpeg", "-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", farm.url(camera, "main"), "-c", "copy", "-f",
                   "segment", "-segment_time", "60", "-segment_format", "mp4", folder + "/" + camera_id(camera) + "-%03d.mp4"});
  }
  return out;
}

}  // namespace

Status measure_peers(const Options& options, Report& report) {
  const auto folder = fresh_folder(options, "peers");
  auto farm = FarmProcess::start(options, folder);
  if (!farm) return std::unexpected(farm.error());
  std::vector<std::string> gstreamer{options.tools + "/bench_gst_record", folder};
  std::vector<std::string> floor{options.tools + "/ccoc_bench", "floor", std::to_string(farm->port()), folder};
  for (int camera = 1; camera <= options.cameras; ++camera) {
    gstreamer.push_back(farm->url(camera, "main"));
    floor.push_back(farm->url(camera, "main"));
  }
  const std::vector<std::pair<std::string, std::vector<std::vector<std::string>>>> peers{
      {"`ffmpeg -c copy -f segment`, a process per camera", ffmpeg_commands(options, *farm, folder)},
      {"GStreamer `rtspsrc ! rtph264depay ! h264parse ! splitmuxsink`, one process", {gstreamer}},
      {"the floor: epoll, recv, strip, write", {floor}},
  };
  Table table{"Peers under the same farm (main streams only)", load_heads, {}};
  for (const auto& [name, commands] : peers) {
    say("peer: " + name);
    auto load = peer_once(options, *farm, commands, folder + "/peer.log");
    if (!load) {
      report.note(name + " was not measured: " + load.error().message);
      continue;
    }
    table.rows.push_back(cells(name, *load));
    say("peer: " + percent(load->program) + ", " + mebibytes(load->memory.rss_bytes));
  }
  report.add(std::move(table));
  if (auto stopped = farm->stop(); !stopped) return std::unexpected(stopped.error());
  remove_folder(options, folder);
  return {};
}

}  // namespace ccoc::bench
