// What travels from a recorder to its volume's writer thread, and the bound on how much may travel.
#pragma once

#include <atomic>
#include <string>
#include <variant>
#include <vector>

#include "ccoc/media/frame_sink.h"

namespace ccoc::archive {

struct TimedUnit {
  media::AccessUnitPtr unit;
  UtcTime time;  ///< capture time, strictly rising within a stream
};

/// A fragment in the making: at most one GOP, and the sound that came meanwhile.
struct FragmentJob {
  std::vector<TimedUnit> units;            ///< never empty
  std::vector<media::AudioUnitPtr> audio;  ///< one format, capture times strictly rising
  UtcTime end;                             ///< where the last unit's duration ends
  std::size_t bytes = 0;                   ///< of pictures and sound
  bool starts_run = false;
};

struct InterruptJob {
  UtcTime at;
  media::GapCause cause = media::GapCause::hub;
  std::string reason;
};

/// The recorder is gone.
struct FinishJob {};

using Job = std::variant<FragmentJob, InterruptJob, FinishJob>;

/// Bytes that may wait for all disks together. Thread-safe.
class WriteBudget {
 public:
  explicit WriteBudget(std::size_t limit) : limit_(limit) {}
  bool take(std::size_t bytes) {
    if (used_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= limit_) return true;
    give_back(bytes);
    return false;
  }
  void give_back(std::size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> used_{0};
  const std::size_t limit_;
};

}  // namespace ccoc::archive
