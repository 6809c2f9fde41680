#include "ccoc/vision/picture_watch.h"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <random>
#include <thread>

#include "ccoc/base/log.h"

namespace ccoc::vision {
namespace {

/// Looking takes at most a fiftieth of a core: with many cameras, or large pictures, a round lasts longer.
constexpr int rest_after_look = 49;
constexpr Duration longest_rest = std::chrono::seconds{5};
constexpr Duration shortest_rest = std::chrono::milliseconds{5};
/// A picture of more pixels, which only a camera without a small stream has to be looked at by, costs many times as much to decode:
/// while it is in order, one look in so many.
constexpr std::uint64_t large_pixels = 500'000;
constexpr unsigned large_every = 4;
/// Older key frames say nothing about now.
constexpr Duration oldest_key = std::chrono::minutes{2};

}  // namespace

struct PictureWatch::Thread {
  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;
  std::thread thread;
};

PictureWatch::PictureWatch(PictureWatchOptions options, const Clock& clock, CameraList cameras, Source source, Listener listener)
    : options_(std::move(options)),
      clock_(clock),
      cameras_(std::move(cameras)),
      source_(std::move(source)),
      listener_(std::move(listener)),
      service_(SnapshotOptions{.worker = options_.worker, .timeout = std::chrono::seconds{3}, .max_waiting = 1}),
      thread_(std::make_unique<Thread>()) {}

PictureWatch::~PictureWatch() { end(); }

void PictureWatch::end() {
  {
    const std::lock_guard lock(thread_->mutex);
    thread_->stopping = true;
  }
  thread_->wake.notify_all();
  if (thread_->thread.joinable()) thread_->thread.join();
}

void PictureWatch::start() {
  thread_->thread = std::thread([this] {
    pthread_setname_np(pthread_self(), "ccoc-watch");
    run();
  });
}

/// False when it is time to end.
bool PictureWatch::rest(Duration time) {
  std::unique_lock lock(thread_->mutex);
  return !thread_->wake.wait_for(lock, time, [this] { return thread_->stopping; });
}

void PictureWatch::run() {
  std::minstd_rand random(std::random_device{}());
  for (;;) {
    const auto cameras = cameras_();
    forget_others(cameras);
    // Never in step with something that repeats itself.
    const auto round = options_.interval * static_cast<int>(75 + random() % 51) / 100;
    if (cameras.empty() && !rest(round)) return;
    const auto each = std::max(round / static_cast<int>(std::max<std::size_t>(cameras.size(), 1)), shortest_rest);
    for (const auto& camera : cameras) {
      const auto begin = clock_.now();
      look_at(source_(camera));
      const auto taken = clock_.now() - begin;
      if (!rest(std::max<Duration>(each, std::min<Duration>(taken * rest_after_look, longest_rest)))) return;
    }
  }
}

void PictureWatch::forget_others(const std::vector<std::string>& cameras) {
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [&](const auto& entry) { return std::ranges::find(cameras, entry.first) == cameras.end(); });
}

void PictureWatch::look_at(const WatchedCamera& camera) {
  const auto now = clock_.utc_now();
  PictureStatus changed;
  {
    std::unique_lock lock(mutex_);
    auto& entry = entries_.try_emplace(camera.camera, Entry{PictureJudge(options_.frozen_after), {}, nullptr, 0}).first->second;
    // No new key frame came since: long GOPs are looked at less often.
    if (camera.key && camera.key == entry.last && now - camera.key->capture_time < oldest_key) return;
    const auto& format = camera.key ? camera.key->format : nullptr;
    const bool large = format && std::uint64_t{format->width} * format->height > large_pixels;
    if (large && entry.status.state == PictureState::ok && ++entry.passed_over % large_every != 0) return;
    const bool other_stream = entry.status.stream != camera.stream;
    const auto before = entry.judge.state();
    const bool usable = camera.key && now - camera.key->capture_time < oldest_key;
    if (!usable || other_stream) entry.judge.lost(now);
    if (usable) {
      lock.unlock();
      const auto look = service_.look(*camera.key);
      lock.lock();
      // What cannot be decoded once may be a damaged picture; nothing is known then, and nothing said.
      if (look) {
        entry.judge.see(*look, camera.key->capture_time);
        entry.status.looked_at = camera.key->capture_time;
      }
    }
    entry.last = camera.key;
    entry.status.camera = camera.camera;
    entry.status.stream = camera.stream;
    entry.status.state = entry.judge.state();
    entry.status.since = entry.judge.since();
    if (entry.status.state == before) return;
    const bool first_ok = before == PictureState::unknown && entry.status.state == PictureState::ok;
    if (first_ok || (entry.status.state == PictureState::unknown && before == PictureState::ok)) return;
    changed = entry.status;
  }
  log::info("vision", "{}: the picture is {}", changed.camera, to_string(changed.state));
  if (listener_) listener_(changed);
}

std::optional<PictureStatus> PictureWatch::status(const std::string& camera) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(camera);
  if (found == entries_.end()) return std::nullopt;
  return found->second.status;
}

SnapshotStats PictureWatch::stats() const { return service_.stats(); }

}  // namespace ccoc::vision
