// ccoc_bench: the hub, its cameras and its peers on this machine, measured from outside.
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <thread>

#include "crowd.h"
#include "measure.h"
#include "rtsp_reader.h"
#include "stage.h"

namespace ccoc::bench {
namespace fs = std::filesystem;

void say(const std::string& text) { std::cerr << "bench: " << text << std::endl; }

std::string fresh_folder(const Options& options, const std::string& name) {
  const auto folder = options.work + "/" + name;
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

void remove_folder(const Options& options, const std::string& folder) {
  std::error_code ignored;
  if (!options.keep) fs::remove_all(folder, ignored);
}

namespace {

constexpr const char* usage =
    R"(usage: ccoc_bench [record|peers|ingest|latency|fanout|playback|seeks|index|archive|kills|encryption|all] [OPTIONS]
  record     the hub recording the cameras: CPU, memory, threads, every frame counted
  peers      ffmpeg, GStreamer and the floor under the same cameras
  ingest     more and smaller cameras, and UDP
  latency    viewers: first pictures, added latency, cost
  fanout     many viewers by RTSP and /stream, players beside the recording
  playback   downloads and seeks
  seeks      seeks in a month of 60 cameras (not part of all)
  index      the index of a month of 1000 cameras (not part of all)
  archive    both, fanout and playback
  kills      kill -9 under recording cameras, again and again (not part of all)
  encryption recording in clear and encrypted, in turns (not part of all)
  all        everything else, in this order (default)
    --cameras N      default 60
    --seconds N      of each recording measurement (default 60)
    --warm-up N      seconds before it (default 14)
    --runs N         of the hub's recording (default 2)
    --only TEXT      of the fan-out, cases whose name holds TEXT ("RTSP", "/stream", "players"); of the index, "reads"
    --udp            the hub takes the pictures by UDP
    --no-sub         the hub takes only main streams, as the peers do
    --kills N        kills: how many (default 100)
    --rows N         archive: rows of the index (default 43200000)
    --index URL      archive, index: the index alone, in a database that an earlier run with --keep has filled
    --main FILE      every camera plays this H.264 file instead of its own clip
    --program FILE   ccoc (default: beside this program)
    --clips DIR      cache of the cameras' clips
    --work DIR       scratch folder (default: bench/ beside this program)
    --keep           leave the scratch folder
    --write          put the table of all, or of archive, into docs/benchmarks.md
Exit: 0 every bar is met, 1 one is missed or something failed, 2 misuse.
)";

Result<Options> parse(int argc, char** argv) {
  Options out;
  out.tools = fs::canonical("/proc/self/exe").parent_path();
  out.program = out.tools + "/ccoc";
  out.work = out.tools + "/bench";
  const auto number = [](const std::string& text, int& into) {
    into = std::atoi(text.c_str());
    return into > 0;
  };
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    bool good = true, takes_value = true;
    if (name == "--cameras")
      good = number(value, out.cameras);
    else if (name == "--seconds")
      good = number(value, out.seconds);
    else if (name == "--warm-up")
      good = number(value, out.warm_up_s);
    else if (name == "--runs")
      good = number(value, out.runs);
    else if (name == "--kills")
      good = number(value, out.kills);
    else if (name == "--rows")
      good = (out.rows = std::atoll(value.c_str())) > 0;
    else if (name == "--index")
      out.index = value;
    else if (name == "--main")
      out.main_clip = value;
    else if (name == "--program")
      out.program = value;
    else if (name == "--only")
      out.only = value;
    else if (name == "--clips")
      out.clips = value;
    else if (name == "--work")
      out.work = value;
    else {
      takes_value = false;
      if (name == "--no-sub")
        out.sub_streams = false;
      else if (name == "--udp")
        out.udp = true;
      else if (name == "--keep")
        out.keep = true;
      else if (name == "--write")
        out.document = CCOC_SOURCE_DIR "/docs/benchmarks.md";
      else if (!name.starts_with("-"))
        out.mode = name;
      else
        good = false;
    }
    if (!good || (takes_value && value.empty())) {
      return fail(ErrorCode::invalid_argument, "'" + name + (takes_value ? " " + value : "") + "' is not understood");
    }
    if (takes_value) ++i;
  }
  if (!out.document.empty() && out.mode != "all" && out.mode != "archive") {
    return fail(ErrorCode::invalid_argument, "--write is for all or archive: the page has no place for '" + out.mode + "' alone");
  }
  for (const auto* mode :
       {"record", "peers", "ingest", "latency", "fanout", "playback", "seeks", "index", "archive", "kills", "encryption", "all"}) {
    if (out.mode == mode) return out;
  }
  return fail(ErrorCode::invalid_argument, "there is no '" + out.mode + "'");
}

/// Viewers and playback share one hub that records.
Status measure_watching(const Options& options, Report& report) {
  const auto folder = fresh_folder(options, "watch");
  auto farm = FarmProcess::start(options, folder);
  if (!farm) return std::unexpected(farm.error());
  auto hub = HubProcess::start(options, *farm, folder);
  if (!hub) return std::unexpected(hub.error());
  const bool viewers = options.mode == "all" || options.mode == "latency";
  const auto lead = viewers ? options.warm_up_s : options.seconds + 5;
  say("watching: recording for " + std::to_string(lead) + " s first");
  std::this_thread::sleep_for(std::chrono::seconds{lead});
  if (viewers) {
    if (auto done = measure_viewers(options, *farm, *hub, report); !done) return done;
  }
  if (options.mode != "latency") {
    if (auto done = measure_playback(options, *hub, report); !done) return done;
  }
  if (auto stopped = hub->stop(); !stopped) return std::unexpected(stopped.error());
  if (auto stopped = farm->stop(); !stopped) return std::unexpected(stopped.error());
  remove_folder(options, folder);
  return {};
}

Status measure_all(const Options& options, Report& report) {
  if (options.mode == "kills") return measure_kills(options, report);
  if (options.mode == "encryption") return measure_encryption(options, report);
  if (options.mode == "seeks" || (options.mode == "archive" && options.index.empty())) {
    if (auto done = measure_seeks(options, report); !done) return done;
  }
  if (options.mode == "index" || options.mode == "archive") {
    if (auto done = measure_index(options, report); !done) return done;
  }
  const bool archive = options.mode == "archive" && options.index.empty();
  const auto asked = [&](const char* mode) { return options.mode == "all" || options.mode == mode; };
  if (asked("record")) {
    if (auto done = measure_recording(options, report); !done) return done;
  }
  if (asked("peers")) {
    if (auto done = measure_peers(options, report); !done) return done;
  }
  if (asked("ingest")) {
    if (auto done = measure_ingest(options, report); !done) return done;
  }
  if (asked("fanout") || archive) {
    if (auto done = measure_fanout(options, report); !done) return done;
  }
  if (asked("latency") || asked("playback") || archive) return measure_watching(options, report);
  return {};
}

int run(int argc, char** argv) {
  if (argc >= 5 && std::strcmp(argv[1], "floor") == 0) {
    const std::vector<std::string> urls(argv + 4, argv + argc);
    const auto done = record_floor(static_cast<std::uint16_t>(std::atoi(argv[2])), urls, argv[3]);
    if (!done) say(done.error().message);
    return done ? 0 : 1;
  }
  if (argc == 3 && std::strcmp(argv[1], "crowd") == 0) {
    const auto done = run_crowd(argv[2]);
    if (!done) say(done.error().message);
    return done ? 0 : 1;
  }
  if (argc > 1 && (std::strcmp(argv[1], "--help") == 0 || std::strcmp(argv[1], "-h") == 0)) {
    std::cout << usage;
    return 0;
  }
  const auto options = parse(argc, argv);
  if (!options) {
    say(options.error().message);
    std::cerr << usage;
    return 2;
  }
  fs::create_directories(options->work);
  Report report;
  const auto done = measure_all(*options, report);
  const auto text = report.markdown(*options);
  std::cout << text << std::flush;
  if (!done) {
    say("stopped: " + done.error().message);
    say("what was running left its logs in " + options->work);
    return 1;
  }
  if (!options->document.empty()) {
    if (auto written = write_between_markers(options->document, options->mode == "archive" ? "archive" : "bench", text); !written) {
      say(written.error().message);
      return 1;
    }
    say("written to " + options->document);
  }
  return report.all_met() ? 0 : 1;
}

}  // namespace
}  // namespace ccoc::bench

int main(int argc, char** argv) { return ccoc::bench::run(argc, argv); }
