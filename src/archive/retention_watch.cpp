#include "retention_watch.h"

namespace ccoc::archive {
namespace {

/// A batch takes a second or two; the first one also counts the bytes of all footage, by a hundred million rows a few minutes.
constexpr Duration longest_step = std::chrono::minutes{5};
/// Calls are twenty seconds apart.
constexpr Duration longest_pause = std::chrono::minutes{2};
/// A database that is started anew is no failure of retention.
constexpr Duration longest_failing = std::chrono::minutes{10};

}  // namespace

RetentionWatch::RetentionWatch(const Clock& clock) : clock_(clock), last_end_(now()), last_success_(now()) {}

void RetentionWatch::begins() {
  const std::lock_guard lock(mutex_);
  running_since_ = now();
}

void RetentionWatch::ends(const Status& how) {
  const std::lock_guard lock(mutex_);
  running_since_.reset();
  last_end_ = now();
  if (how) {
    last_success_ = last_end_;
    last_error_.clear();
  } else {
    last_error_ = how.error().message;
  }
}

std::optional<RetentionProblem> RetentionWatch::problem() const {
  const std::lock_guard lock(mutex_);
  const auto at = clock_.now();
  if (running_since_) {
    if (at - running_since_->at < longest_step) return std::nullopt;
    return RetentionProblem{running_since_->utc,
                            "retention hangs: a batch of files has not come to its end; the disk or the database may be stuck"};
  }
  if (at - last_end_.at >= longest_pause) return RetentionProblem{last_end_.utc, "retention does not run any more"};
  if (!last_error_.empty() && at - last_success_.at >= longest_failing) {
    return RetentionProblem{last_success_.utc, "retention fails: " + last_error_};
  }
  return std::nullopt;
}

}  // namespace ccoc::archive
