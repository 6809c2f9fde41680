#include "retention.h"

#include <algorithm>

#include "ccoc/base/log.h"

namespace ccoc::archive {
namespace {

/// Counting reads every row; between counts the sum follows what is removed here.
constexpr Duration count_interval = std::chrono::minutes{5};
constexpr auto any_time = UtcTime{std::chrono::hours{24 * 365 * 200}};

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

Retention::Retention(const Volumes& volumes, const Ledger& ledger, SegmentStore& store, const Clock& clock)
    : volumes_(volumes), ledger_(ledger), store_(store), clock_(clock) {}

Result<RetentionReport> Retention::enforce(const RetentionPolicy& policy, std::size_t batch) {
  RetentionReport report;
  auto done = remove_old(policy, batch, report);
  if (done) done = keep_quota(policy, batch, report);
  if (done) done = keep_free(policy, batch, report);
  if (done) done = store_.tidy(clock_.utc_now());
  if (!done) return std::unexpected(done.error());
  return report;
}

/// The last count, less what was removed since, and what was closed or is open since.
std::map<std::string, std::uint64_t> Retention::footage_bytes() const {
  auto closed = ledger_.closed_bytes();
  const auto open = ledger_.open_segments();
  const std::lock_guard lock(mutex_);
  auto sums = bytes_;
  for (const auto& [volume, bytes] : closed) {
    const auto counted = closed_when_counted_.find(volume);
    sums[volume] += bytes - (counted == closed_when_counted_.end() ? 0 : counted->second);
  }
  for (const auto& segment : open) sums[segment.volume] += segment.bytes;
  return sums;
}

Status Retention::remove_old(const RetentionPolicy& policy, std::size_t batch, RetentionReport& report) {
  if (!policy.days_of) return {};
  const auto cameras = store_.cameras();
  if (!cameras) return std::unexpected(cameras.error());
  for (const auto& camera : *cameras) {
    const unsigned days = policy.days_of(camera);
    if (days == 0) continue;
    const auto limit = clock_.utc_now() - std::chrono::hours{24} * days;
    const auto old = store_.removable(camera, {}, limit, batch - std::min<std::size_t>(batch, report.files_removed));
    if (!old) return std::unexpected(old.error());
    if (auto done = forget(*old, report); !done) return done;
    if (report.files_removed >= batch) {
      report.more = true;
      return {};
    }
  }
  return {};
}

Status Retention::keep_quota(const RetentionPolicy& policy, std::size_t batch, RetentionReport& report) {
  if (!counted_at_ || clock_.now() - *counted_at_ >= count_interval) {
    auto closed = ledger_.closed_bytes();
    auto sums = store_.total_bytes();
    if (!sums) return std::unexpected(sums.error());
    const std::lock_guard lock(mutex_);
    bytes_ = std::move(*sums);
    closed_when_counted_ = std::move(closed);
    counted_at_ = clock_.now();
  }
  if (policy.max_bytes == 0 || report.more) return {};
  std::uint64_t used = 0;
  for (const auto& [volume, bytes] : footage_bytes()) used += bytes;
  if (used <= policy.max_bytes) return {};
  return remove_bytes({}, used - policy.max_bytes, batch, report);
}

Status Retention::keep_free(const RetentionPolicy& policy, std::size_t batch, RetentionReport& report) {
  if (policy.min_free_bytes == 0) return {};
  for (const auto& [name, disk] : volumes_) {
    const auto space = disk->space();
    if (!space) {
      log::warn("archive", "volume {}: {}", name, space.error().message);
      continue;
    }
    if (space->free_bytes >= policy.min_free_bytes) continue;
    if (auto done = remove_bytes(name, policy.min_free_bytes - space->free_bytes, batch, report); !done) return done;
  }
  return {};
}

Status Retention::remove_bytes(const std::string& volume, std::uint64_t bytes, std::size_t batch,
                               RetentionReport& report) {
  if (report.files_removed >= batch) {
    report.more = true;
    return {};
  }
  const auto oldest = store_.removable({}, volume, any_time, batch - report.files_removed);
  if (!oldest) return std::unexpected(oldest.error());
  std::vector<Segment> chosen;
  std::uint64_t sum = 0;
  for (const auto& segment : *oldest) {
    if (sum >= bytes) break;
    sum += segment.bytes;
    chosen.push_back(segment);
  }
  if (auto done = forget(chosen, report); !done) return done;
  report.more = report.more || (sum < bytes && report.files_removed >= batch);
  return {};
}

/// File first, then row: a crash between the two leaves a row that `check` finds, never a file nobody knows.
Status Retention::forget(const std::vector<Segment>& segments, RetentionReport& report) {
  IndexBatch batch;
  std::uint64_t bytes = 0;
  for (const auto& segment : segments) {
    const SegmentId id{segment.volume, segment.path};
    if (ledger_.knows(id)) continue;
    const auto disk = volumes_.find(segment.volume);
    if (disk == volumes_.end()) continue;
    const auto gone = disk->second->remove(segment.path);
    if (!gone && gone.error().code != ErrorCode::not_found) {
      log::warn("archive", "{}", gone.error().message);
      continue;
    }
    // The last file of a day takes the folder with it; a folder that is not empty stays.
    if (format_day(segment.start) != format_day(clock_.utc_now())) {
      if (disk->second->remove(parent_of(segment.path))) {
        log::debug("archive", "{}: the day is over", parent_of(segment.path));
      }
    }
    batch.removed.push_back(id);
    bytes += segment.bytes;
    // May pass below zero until the next count, which then knows what was closed since the last: unsigned sums wrap back.
    const std::lock_guard lock(mutex_);
    bytes_[segment.volume] -= segment.bytes;
  }
  if (batch.empty()) return {};
  report.files_removed += batch.removed.size();
  report.bytes_removed += bytes;
  return store_.apply(batch);
}

}  // namespace ccoc::archive
