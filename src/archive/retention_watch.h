// Retention's own watchdog: what it says holds also while a call of retention never returns.
#pragma once

#include <mutex>

#include "ccoc/archive/archive.h"
#include "ccoc/base/clock.h"

namespace ccoc::archive {

/// Thread-safe; nothing blocks.
class RetentionWatch {
 public:
  explicit RetentionWatch(const Clock& clock);

  void begins();
  void ends(const Status& how);
  std::optional<RetentionProblem> problem() const;

 private:
  const Clock& clock_;
  mutable std::mutex mutex_;
  struct Moment {
    MonoTime at;
    UtcTime utc;
  };
  Moment now() const { return {clock_.now(), clock_.utc_now()}; }
  std::optional<Moment> running_since_;
  Moment last_end_;      ///< of any call, however it went; at first: when the watch was made
  Moment last_success_;  ///< likewise
  std::string last_error_;
};

}  // namespace ccoc::archive
