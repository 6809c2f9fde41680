#include <algorithm>
#include <random>

#include "measure.h"
#include "stage.h"
#include "viewer.h"

namespace ccoc::bench {
namespace {
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr int downloads = 10;
constexpr int seeks = 100;
constexpr auto key_distance = seconds{3};  // more than a GOP of the cameras

struct Range {
  UtcTime from, to;
};

/// recording.mp4 of one camera after the other: bytes, seconds, ms until the first byte of the body.
Status measure_downloads(const Options& options, HubProcess& hub, const Range& range, Report& report) {
  Samples first_byte;
  std::uint64_t bytes = 0;
  const auto begin = steady_clock::now();
  for (int i = 0; i < downloads; ++i) {
    const auto target = "/api/v1/cameras/" + camera_id(i % options.cameras + 1) +
                        "/recording.mp4?from=" + format_rfc3339(range.from) + "&to=" + format_rfc3339(range.to);
    const auto asked = steady_clock::now();
    bool first = true;
    auto answer = hub.http().request("GET", target, {}, {}, [&](ByteView block) {
      if (!first || block.empty()) return;
      first = false;
      first_byte.add(std::chrono::duration<double, std::milli>(steady_clock::now() - asked).count());
    });
    if (!answer) return std::unexpected(answer.error().within("recording.mp4"));
    if (answer->status != 200) {
      return fail(ErrorCode::unavailable, "recording.mp4: " + std::to_string(answer->status) + " for " + target);
    }
    bytes += answer->body_size;
  }
  const double taken = std::chrono::duration<double>(steady_clock::now() - begin).count();
  report.add({"recording.mp4, " + std::to_string(downloads) + " downloads of " +
                  std::to_string(std::chrono::duration_cast<seconds>(range.to - range.from).count()) + " s",
              decimal(static_cast<double>(bytes) / taken / 1e6, 0) + " MB/s, first byte p50 " +
                  decimal(first_byte.at(0.5)) + " ms, worst " + decimal(first_byte.max()) + " ms",
              "", true});
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
