// How one stream's recording fares, shared by its recorder and the writers it has had. Thread-safe.
#pragma once

#include <atomic>
#include <mutex>
#include <utility>

#include "ccoc/archive/types.h"

namespace ccoc::archive {

class RecordingCell {
 public:
  /// A frame the recorder was given.
  void count_taken() { frames_taken_.fetch_add(1, std::memory_order_relaxed); }
  void count_dropped(std::size_t frames) {
    update([&](RecordingStatus& status) { status.frames_dropped += frames; });
  }
  /// Under the cell's lock.
  template <class Change>
  void update(Change&& change) {
    const std::lock_guard lock(mutex_);
    std::forward<Change>(change)(status_);
  }
  RecordingStatus status() const {
    const std::lock_guard lock(mutex_);
    auto status = status_;
    status.frames_taken = frames_taken_.load(std::memory_order_relaxed);
    return status;
  }

 private:
  std::atomic<std::uint64_t> frames_taken_{0};
  mutable std::mutex mutex_;
  RecordingStatus status_;
};

}  // namespace ccoc::archive
