#include "ccoc/simulator/command.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "ccoc/base/clock.h"
#include "ccoc/simulator/clip_maker.h"
#include "ccoc/simulator/control.h"
#include "ccoc/simulator/farm.h"

namespace ccoc::simulator {
namespace {

struct Options {
  unsigned cameras = 60;
  std::uint16_t port = 9554;
  std::string address = "127.0.0.1";
  std::string main_file, sub_file;
  double fps = 0;
  std::string user, password;
  bool udp = true;
  unsigned with_sound = 0;
  std::string clips, footage;
  std::vector<std::string> faults;
  double seconds = 0;
  std::string stats;
  bool only_clips = false;
  std::string control;
};

std::string default_clip_folder() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache == '/') return std::string(cache) + "/ccoc/clips";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') return std::string(home) + "/.cache/ccoc/clips";
  return "var/clips";
}

int report(const Error& error) {
  std::fprintf(stderr, "ccoc simulate: %s\n", error.message.c_str());
  return error.code == ErrorCode::invalid_argument ? 2 : 1;
}

Result<std::vector<CameraMedia>> media_for(const Options& o) {
  if (o.main_file.empty()) {
    ClipRequest request{o.cameras, o.clips.empty() ? default_clip_folder() : o.clips, o.footage, {}, {}};
    request.progress = [&request](unsigned done, unsigned all) {
      std::fprintf(stderr, "clips of %u of %u cameras made (once; kept in %s)\n", done, all, request.folder.c_str());
    };
    request.cancelled = [] {
      sigset_t pending;
      return sigpending(&pending) == 0 && (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1);
    };
    return make_clips(request);
  }
  auto main = load_clip(o.main_file, o.fps);
  if (!main) return std::unexpected(main.error());
  ClipPtr sub;
  if (!o.sub_file.empty()) {
    auto loaded = load_clip(o.sub_file, 0);
    if (!loaded) return std::unexpected(loaded.error());
    sub = std::move(*loaded);
  }
  return std::vector<CameraMedia>(o.cameras, CameraMedia{std::move(*main), std::move(sub)});
}

/// Until SIGINT or SIGTERM, which are blocked, or until the time is over.
void wait_for_end(const sigset_t& signals, double seconds) {
  if (seconds <= 0) {
    int caught = 0;
    sigwait(&signals, &caught);
    return;
  }
  const auto until = SystemClock().now() + Duration{static_cast<std::int64_t>(seconds * 1e6)};
  for (auto left = until - SystemClock().now(); left > Duration{0}; left = until - SystemClock().now()) {
    const timespec wait{static_cast<time_t>(left.count() / 1'000'000), static_cast<long>(left.count() % 1'000'000 * 1000)};
    if (sigtimedwait(&signals, nullptr, &wait) > 0) return;
  }
}

int write_stats(const Farm& farm, const std::string& path) {
  const auto text = to_json(farm.counts());
  if (path.empty()) return std::fputs(text.c_str(), stdout) < 0 ? 1 : 0;
  std::ofstream out(path, std::ios::trunc);
  if (out << text && out.flush()) return 0;
  return report({ErrorCode::io, "the statistics could not be written to " + path, {}});
}

Result<std::unique_ptr<Control>> start_control(Farm& farm, const Options& o) {
  const auto colon = o.control.rfind(':');
  unsigned port = 0;
  const auto digits = colon == std::string::npos ? std::string_view{} : std::string_view(o.control).substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size() || port > 65535) {
    return fail(ErrorCode::invalid_argument, "--control takes ADDRESS:PORT, such as 127.0.0.1:9555", "control");
  }
  return Control::start(farm, o.control.substr(0, colon), static_cast<std::uint16_t>(port), o.cameras);
}

int simulate(const Options& o) {
  FarmOptions farm_options;
  for (const auto& spec : o.faults) {
    auto fault = parse_fault(spec);
    if (fault && fault->camera > o.cameras) {
      fault = fail(ErrorCode::invalid_argument,
                   "the fault '" + spec + "' names a camera beyond the " + std::to_string(o.cameras) + " simulated");
    }
    if (!fault) return report(fault.error());
    farm_options.faults.add(*fault);
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  auto media = media_for(o);
  if (!media) return report(media.error());
  if (o.only_clips) return 0;
  farm_options.address = o.address;
  farm_options.port = o.port;
  farm_options.user = o.user;
  farm_options.password = o.password;
  farm_options.udp = o.udp;
  farm_options.with_sound = o.with_sound;
  farm_options.cameras = std::move(*media);
  auto farm = Farm::start(std::move(farm_options));
  if (!farm) return report(farm.error());
  std::fprintf(stderr, "%u cameras play: %s … %s (Ctrl-C stops them)\n", o.cameras, (*farm)->url(1, "main").c_str(),
               (*farm)->url(o.cameras, "main").c_str());
  std::unique_ptr<Control> control;
  if (!o.control.empty()) {
    auto started = start_control(**farm, o);
    if (!started) return report(started.error());
    control = std::move(*started);
    std::fprintf(stderr, "faults by HTTP at http://%s\n", o.control.c_str());
  }
  wait_for_end(signals, o.seconds);
  control.reset();
  (*farm)->stop();
  return write_stats(**farm, o.stats);
}

}  // namespace

void add_simulate_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("simulate", "play N RTSP cameras: rtsp://ADDRESS:PORT/cam01/main, /cam01/sub, ...");
  command->add_option("--cameras", options->cameras, "how many")->check(CLI::Range(1, 10000))->capture_default_str();
  command->add_option("--port", options->port, "TCP port; 0 takes a free one")->capture_default_str();
  command->add_option("--address", options->address, "numeric address to listen on")->capture_default_str();
  command->add_option("--main", options->main_file, "play this file on every main stream (.h264 or .h265 Annex B; others through ffmpeg)");
  command->add_option("--sub", options->sub_file, "play this file on every sub stream (with --main)")->needs("--main");
  command->add_option("--fps", options->fps, "frames per second of --main, where the file does not say")->check(CLI::Range(0.1, 240.0));
  command->add_option("--user", options->user, "ask for this user by Digest");
  command->add_option("--password", options->password, "with this password")->envname("CCOC_SIMULATOR_PASSWORD");
  command->add_flag("--udp,!--no-udp", options->udp, "also offer RTP over UDP (default)");
  command->add_option("--sound", options->with_sound, "so many cameras, from the first, have a microphone (G.711, by TCP)");
  command->add_option("--clips", options->clips, "folder where the cameras' clips are kept (default: the user's cache)");
  command->add_option("--footage", options->footage,
                      "video to make the clips from (default: opencv-doc's vtest.avi, CCOC_FOOTAGE, or drawn)");
  command
      ->add_option("--fault", options->faults,
                   "misbehave: cam03:drop@10s, cam03:stall@10s+20s, cam03:reboot@10s+5s, cam03:jump@10s=+7200s, "
                   "all:loss@10s+30s=5%, cam03:drift@0s=500ppm, ...; docs/simulator.md has all; each with ,every=30s to repeat")
      ->allow_extra_args(false);
  command->add_option("--control", options->control, "take faults by HTTP at ADDRESS:PORT (docs/simulator.md)");
  command->add_option("--seconds", options->seconds, "stop after this long");
  command->add_option("--stats", options->stats, "write what was sent to this file at the end, as JSON (default: standard output)");
  command->add_flag("--only-clips", options->only_clips, "make the clips and stop");
  command->callback([options, &exit_code] { exit_code = simulate(*options); });
}

}  // namespace ccoc::simulator
