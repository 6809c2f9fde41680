#include "ccoc/vision/motion_watch.h"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace ccoc::vision {
namespace {

/// Pictures further apart are not compared: what changed, changed some time between.
constexpr Duration furthest_apart = std::chrono::seconds{15};

}  // namespace

struct MotionWatch::Thread {
  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;
  std::thread thread;
};

MotionWatch::MotionWatch(MotionWatchOptions options, const Clock& clock, PictureWatch::CameraList cameras, PictureWatch::Source source,
                         Listener listener)
    : options_(std::move(options)),
      clock_(clock),
      cameras_(std::move(cameras)),
      source_(std::move(source)),
      listener_(std::move(listener)),
      service_(SnapshotOptions{.worker = options_.worker, .timeout = std::chrono::seconds{3}, .max_waiting = 1}),
      thread_(std::make_unique<Thread>()) {}

MotionWatch::~MotionWatch() { end(); }

void MotionWatch::end() {
  {
    const std::lock_guard lock(thread_->mutex);
    thread_->stopping = true;
  }
  thread_->wake.notify_all();
  if (thread_->thread.joinable()) thread_->thread.join();
}

void MotionWatch::start() {
  const std::lock_guard lock(thread_->mutex);
  if (thread_->stopping || thread_->thread.joinable()) return;
  thread_->thread = std::thread([this] {
    pthread_setname_np(pthread_self(), "ccoc-motion");
    run();
  });
}

void MotionWatch::run() {
  const auto stopped = [this] {
    const std::lock_guard lock(thread_->mutex);
    return thread_->stopping;
  };
  for (;;) {
    const auto begin = clock_.now();
    const auto cameras = cameras_();
    std::erase_if(seen_, [&](const auto& entry) { return std::ranges::find(cameras, entry.first) == cameras.end(); });
    for (const auto& camera : cameras) {
      if (stopped()) return;
      look_at(source_(camera));
    }
    std::unique_lock lock(thread_->mutex);
    const auto left = std::max<Duration>(begin + options_.interval - clock_.now(), std::chrono::milliseconds{50});
    if (thread_->wake.wait_for(lock, left, [this] { return thread_->stopping; })) return;
  }
}

void MotionWatch::look_at(const WatchedCamera& camera) {
  auto& seen = seen_[camera.camera];
  if (!camera.key || camera.key == seen.key) return;
  auto look = service_.look(*camera.key);
  if (!look) {
    seen = {};
    return;
  }
  const bool comparable = seen.key && seen.stream == camera.stream && camera.key->capture_time > seen.key->capture_time &&
                          camera.key->capture_time - seen.key->capture_time <= furthest_apart;
  if (comparable) {
    const auto cells = find_motion(seen.look, *look);
    if (cells.any()) listener_(camera.camera, camera.key->capture_time, cells);
  }
  seen = {camera.key, camera.stream, *look};
}

SnapshotStats MotionWatch::stats() const { return service_.stats(); }

}  // namespace ccoc::vision
