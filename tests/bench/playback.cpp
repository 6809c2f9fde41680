#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <utility>

#include "measure.h"
#include "stage.h"
#include "viewer.h"

namespace ccoc::bench {
namespace fs = std::filesystem;
namespace {
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr int downloads = 10;
constexpr int turns = 5;
constexpr int seeks = 100;
constexpr auto key_distance = seconds{3};  // more than a GOP of the cameras

struct Range {
  UtcTime from, to;
};

/// GETs of one after the other: MB/s, and ms until the first byte of each body.
struct Downloaded {
  double mb_s = 0;
  Samples first_byte;
};

Result<Downloaded> download(const HttpClient& http, const std::vector<std::string>& targets) {
  Downloaded out;
  std::uint64_t bytes = 0;
  const auto begin = steady_clock::now();
  for (const auto& target : targets) {
    const auto asked = steady_clock::now();
    bool first = true;
    auto answer = http.request("GET", target, {}, {}, [&](ByteView block) {
      if (!std::exchange(first, first && block.empty())) return;
      out.first_byte.add(std::chrono::duration<double, std::milli>(steady_clock::now() - asked).count());
    });
    if (!answer) return std::unexpected(answer.error().within(target));
    if (answer->status != 200) return fail(ErrorCode::unavailable, std::to_string(answer->status) + " for " + target);
    bytes += answer->body_size;
  }
  out.mb_s = static_cast<double>(bytes) / std::chrono::duration<double>(steady_clock::now() - begin).count() / 1e6;
  return out;
}

/// The file server that many would put over the same folder.
class Nginx {
 public:
  static Result<Nginx> start(const std::string& root, const std::string& folder) {
    const auto port = free_port();
    if (!port) return std::unexpected(port.error());
    const auto own = folder + "/nginx";
    fs::create_directories(own);
    std::ofstream(own + "/nginx.conf") << "daemon off; master_process off; pid " << own << "/pid; error_log stderr;\n"
                                       << "events {}\nhttp { access_log off; sendfile on; client_body_temp_path " << own
                                       << "/body; proxy_temp_path " << own << "/proxy; fastcgi_temp_path " << own
                                       << "/fastcgi; uwsgi_temp_path " << own << "/uwsgi; scgi_temp_path " << own
                                       << "/scgi;\nserver { listen 127.0.0.1:" << *port << "; root " << root << "; } }\n";
    auto child = Child::start({"nginx", "-p", own, "-c", own + "/nginx.conf"}, own + "/log");
    if (!child) return std::unexpected(child.error());
    Nginx out(std::move(*child), *port);
    wait_until([&] { return !out.child_.running() || out.http_.request("GET", "/").has_value(); }, seconds{5});
    if (!out.child_.running()) return fail(ErrorCode::unavailable, "nginx was not measured: " + tail(out.child_.log()));
    return out;
  }
  const HttpClient& http() const { return http_; }

 private:
  Nginx(Child child, std::uint16_t port) : child_(std::move(child)), http_(port) {}
  Child child_;
  HttpClient http_;
};

/// Whole files of the first cameras' main streams, as paths beneath the folder of footage.
std::vector<std::string> files_in(const std::string& footage) {
  std::vector<std::string> out;
  for (int i = 1; i <= downloads; ++i) {
    std::error_code ignored;
    for (const auto& entry : fs::recursive_directory_iterator(footage + "/" + camera_id(i) + "/main", ignored)) {
      if (entry.path().extension() == ".mp4") out.push_back("/" + fs::relative(entry.path(), footage).string());
    }
  }
  return out;
}

/// recording.mp4 of one camera after the other, and the files themselves from a file server, in turns.
Status measure_downloads(const Options& options, HubProcess& hub, const Range& range, Report& report) {
  std::vector<std::string> targets;
  for (int i = 0; i < downloads; ++i) {
    targets.push_back("/api/v1/cameras/" + camera_id(i % options.cameras + 1) + "/recording.mp4?from=" + format_rfc3339(range.from) +
                      "&to=" + format_rfc3339(range.to));
  }
  auto server = Nginx::start(hub.footage(), options.work);
  if (!server) report.note(server.error().message);
  Samples own, beside, first_byte;
  for (int turn = 0; turn < turns; ++turn) {
    auto taken = download(hub.http(), targets);
    if (!taken) return std::unexpected(taken.error());
    own.add(taken->mb_s);
    first_byte.add(taken->first_byte.at(0.5));
    if (!server) continue;
    taken = download(server->http(), files_in(hub.footage()));
    if (!taken) return std::unexpected(taken.error());
    beside.add(taken->mb_s);
  }
  report.add({"recording.mp4, " + std::to_string(downloads) + " downloads of " +
                  std::to_string(std::chrono::duration_cast<seconds>(range.to - range.from).count()) + " s, median of " +
                  std::to_string(turns) + " turns",
              decimal(own.at(0.5), 0) + " MB/s, first byte " + decimal(first_byte.at(0.5)) + " ms", "≥ 500 MB/s", own.at(0.5) >= 500});
  if (server) report.add({"… the same cameras' files from nginx", decimal(beside.at(0.5), 0) + " MB/s", "", true});
  return {};
}

/// ms from a seek to the first picture that is to be shown.
Result<Samples> seek_times(HubProcess& hub, const Range& range, const std::vector<int>& cameras) {
  Samples out;
  auto viewer = Viewer::open(hub.http());
  if (!viewer) return std::unexpected(viewer.error());
  std::mt19937 random(1);  // the same instants in every run
  const auto span = std::chrono::duration_cast<milliseconds>(range.to - range.from).count();
  for (const int camera : cameras) {
    if (auto sent = viewer->subscribe(camera, camera_id(camera), "main", format_rfc3339(range.from)); !sent) {
      return std::unexpected(sent.error());
    }
    UtcTime before = range.from;
    for (int i = 0; i < seeks / static_cast<int>(cameras.size()); ++i) {
      UtcTime target = before;  // far enough from the last one to tell its pictures apart
      while (std::chrono::abs(target - before) < 2 * key_distance) {
        target = range.from + milliseconds{std::uniform_int_distribution<std::int64_t>(0, span)(random)};
      }
      before = target;
      const auto begin = steady_clock::now();
      if (auto sent = viewer->seek(camera, target); !sent) return std::unexpected(sent.error());
      auto shown = viewer->next_picture(begin + seconds{10}, [&](const Picture& p) {
        return p.id == camera && !p.hidden() && std::chrono::abs(p.capture - target) < key_distance;
      });
      if (!shown) return std::unexpected(shown.error().within("seek to " + format_rfc3339(target)));
      out.add(std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count());
    }
    if (auto sent = viewer->unsubscribe(camera); !sent) return std::unexpected(sent.error());
  }
  return out;
}

}  // namespace

Status measure_playback(const Options& options, HubProcess& hub, Report& report) {
  // What was recorded since the hub is up, short of the fragment being written.
  const auto recorded = [&]() -> Result<Range> {
    const UtcTime now = now_utc();
    return Range{now - seconds{options.seconds}, now - seconds{3}};
  };
  const auto range = recorded();
  if (!range) return std::unexpected(range.error());
  say("playback: recording.mp4");
  if (auto done = measure_downloads(options, hub, *range, report); !done) return done;
  say("playback: seeks");
  std::vector<int> cameras;
  for (int camera = 1; camera <= std::min(5, options.cameras); ++camera) cameras.push_back(camera);
  auto times = seek_times(hub, *range, cameras);
  if (!times) return std::unexpected(times.error());
  report.add({"seek to the first picture shown, " + std::to_string(times->size()) + " seeks (p50, p99)",
              decimal(times->at(0.5)) + " ms, " + decimal(times->at(0.99)) + " ms", "", true});
  return {};
}

}  // namespace ccoc::bench
