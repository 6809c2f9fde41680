// A clock that moves when the test says so.
#pragma once

#include <atomic>

#include "ccoc/base/clock.h"

namespace ccoc::test {

class ManualClock final : public Clock {
 public:
  /// Starts at 2026-11-24T00:00:00Z.
  UtcTime utc_now() const override { return UtcTime{std::chrono::sys_days{std::chrono::year{2026} / 11 / 24}} + passed(); }
  MonoTime now() const override { return MonoTime{std::chrono::hours(1)} + passed(); }
  void advance(Duration by) { passed_us_ += by.count(); }

 private:
  Duration passed() const { return Duration{passed_us_.load()}; }
  std::atomic<Duration::rep> passed_us_{0};
};

}  // namespace ccoc::test
