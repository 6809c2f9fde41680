#include "retention.h"

#include <algorithm>
#include <iterator>

#include "ccoc/base/log.h"
#include "unset_clock.h"

namespace ccoc::archive {
namespace {

/// Counting reads every row; between counts the sum follows what is removed here.
constexpr Duration count_interval = std::chrono::minutes{5};
/// Few, because so many of every camera are looked at.
constexpr std::size_t unpromised_at_once = 50;
constexpr const char* every_volume = "";  ///< as the store names them all
constexpr auto any_time = UtcTime{std::chrono::hours{24 * 365 * 200}};

/// At most `limit` of what `ask` finds on each volume.
template <class Ask>
Result<std::vector<Segment>> oldest_of(const std::vector<std::string>& volumes, std::size_t limit, const Ask& ask) {
  std::vector<Segment> all;
  for (const auto& volume : volumes) {
    auto found = ask(volume);
    if (!found) return found;
    std::ranges::move(*found, std::back_inserter(all));
  }
  std::ranges::stable_sort(all, {}, &Segment::start);
  if (all.size() > limit) all.resize(limit);
  return all;
}

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

Retention::Retention(const Volumes& volumes, std::map<std::string, Limits> limits, const Ledger& ledger, SegmentStore& store,
                     MoveStore* moves, const Clock& clock)
    : volumes_(volumes), limits_(std::move(limits)), ledger_(ledger), store_(store), moves_(moves), clock_(clock) {}

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
  if (!policy.days_of || is_unset(clock_.utc_now())) return {};
  const auto cameras = store_.cameras();
  if (!cameras) return std::unexpected(cameras.error());
  std::vector<Due> due;
  for (const auto& camera : *cameras) {
    if (const unsigned days = policy.days_of(camera); days > 0) due.push_back({camera, clock_.utc_now() - std::chrono::hours{24} * days});
  }
  for (std::span<const Due> rest = due; !rest.empty();) {
    const auto room = batch - std::min<std::size_t>(batch, report.files_removed);
    // How old footage is that was recorded before the clock was set nobody knows (faults.md D4): it goes for want of room only.
    const auto old = store_.due(rest, clock_unset_before, room);
    if (!old) return std::unexpected(old.error());
    if (auto done = forget(*old, report); !done) return done;
    if (report.files_removed >= batch) {
      report.more = true;
      return {};
    }
    if (old->size() < room) return {};
    // What cannot be removed keeps no other camera's footage: it goes on with the one it ended in, unless that had all the room.
    const auto& last = old->back().key.camera;
    const auto at = std::ranges::find(rest, last, &Due::camera) - rest.begin();
    rest = rest.subspan(static_cast<std::size_t>(at) + (old->front().key.camera == last ? 1 : 0));
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
  const auto bytes = footage_bytes();
  for (const auto& [name, limits] : limits_) {
    const auto used = bytes.find(name);
    if (limits.quota_bytes == 0 || used == bytes.end() || used->second <= limits.quota_bytes) continue;
    if (auto done = remove_bytes(policy, {name}, used->second - limits.quota_bytes, batch, report); !done) return done;
  }
  if (policy.max_bytes == 0 || report.more) return {};
  std::uint64_t used = 0;
  for (const auto& [volume, size] : footage_bytes()) used += size;
  if (used <= policy.max_bytes) return {};
  return remove_bytes(policy, {every_volume}, used - policy.max_bytes, batch, report);
}

Status Retention::keep_free(const RetentionPolicy& policy, std::size_t batch, RetentionReport& report) {
  for (const auto& [name, limits] : limits_) {
    const auto disk = volumes_.find(name);
    if (limits.min_free_bytes == 0 || disk == volumes_.end()) continue;
    const auto space = disk->second->space();
    if (!space) {
      log::warn("archive", "volume {}: {}", name, space.error().message);
      continue;
    }
    if (space->free_bytes >= limits.min_free_bytes) continue;
    const auto missing = limits.min_free_bytes - space->free_bytes;
    if (auto done = remove_bytes(policy, sharing_with(name, *space), missing, batch, report); !done) return done;
  }
  return {};
}

std::vector<std::string> Retention::sharing_with(const std::string& volume, const DiskSpace& space) const {
  if (space.file_system == 0) return {volume};
  std::vector<std::string> names;
  for (const auto& [name, disk] : volumes_) {
    const auto other = disk->space();
    if (other && other->file_system == space.file_system) names.push_back(name);
  }
  return names;
}

Result<std::vector<Segment>> Retention::oldest_unpromised(const RetentionPolicy& policy, const std::vector<std::string>& volumes,
                                                          std::size_t limit) {
  const auto cameras = store_.cameras();
  if (!cameras) return std::unexpected(cameras.error());
  const auto now = clock_.utc_now();
  std::vector<Due> due;
  for (const auto& camera : *cameras) {
    const auto promised = policy.promised_days_of ? policy.promised_days_of(camera) : 0;
    due.push_back({camera, promised == 0 ? any_time : now - std::chrono::hours{24} * promised});
  }
  return oldest_of(volumes, limit, [&](const std::string& volume) { return store_.oldest_due(due, volume, limit); });
}

Status Retention::remove_bytes(const RetentionPolicy& policy, const std::vector<std::string>& volumes, std::uint64_t bytes,
                               std::size_t batch, RetentionReport& report) {
  const auto take = [&](Result<std::vector<Segment>> oldest) -> Result<std::size_t> {
    if (!oldest) return std::unexpected(oldest.error());
    const auto files_before = report.files_removed;
    const auto gone = remove_first(std::move(*oldest), bytes, report);
    if (!gone) return std::unexpected(gone.error());
    bytes -= std::min(bytes, *gone);
    return static_cast<std::size_t>(report.files_removed - files_before);
  };
  const auto room = [&] { return batch - std::min<std::size_t>(batch, report.files_removed); };
  while (bytes > 0 && room() > 0) {
    const auto removed = take(oldest_unpromised(policy, volumes, std::min(room(), unpromised_at_once)));
    if (!removed) return std::unexpected(removed.error());
    if (*removed == 0) break;
  }
  if (bytes > 0 && room() > 0) {
    const auto removable = [&](const std::string& volume) { return store_.removable(volume, any_time, room()); };
    const auto removed = take(oldest_of(volumes, room(), removable));
    if (!removed) return std::unexpected(removed.error());
    if (*removed > 0) {
      report.promised_files_removed += *removed;
      log::error("archive", "{} files were removed for want of room although they were to be kept longer", *removed);
    }
  }
  report.more = report.more || (bytes > 0 && room() == 0);
  return {};
}

Result<std::uint64_t> Retention::remove_first(std::vector<Segment> oldest, std::uint64_t bytes, RetentionReport& report) {
  std::uint64_t sum = 0;
  std::size_t count = 0;
  while (count < oldest.size() && sum < bytes) sum += oldest[count++].bytes;
  oldest.resize(count);
  if (auto done = forget(oldest, report); !done) return std::unexpected(done.error());
  return sum;
}

/// A copy whose volume is away stays behind, unknown: `check` finds it.
void Retention::remove_copies(const std::vector<SegmentId>& files) {
  if (!moves_) return;
  const auto copies = moves_->copies_of(files);
  if (!copies || copies->empty()) return;
  for (const auto& copy : *copies) {
    const auto disk = volumes_.find(copy.copy.first);
    if (disk == volumes_.end()) continue;
    if (auto gone = disk->second->remove(copy.copy.second); !gone && gone.error().code != ErrorCode::not_found) {
      log::warn("archive", "{}", gone.error().message);
    }
  }
  if (auto forgotten = moves_->remove_copies(files); !forgotten) log::warn("archive", "{}", forgotten.error().message);
}

/// File first, then row: a crash between the two leaves a row that `check` finds, never a file nobody knows.
Status Retention::forget(const std::vector<Segment>& segments, RetentionReport& report) {
  IndexBatch batch;
  std::uint64_t bytes = 0;
  std::unique_lock<std::mutex> keeping;
  if (moves_) keeping = std::unique_lock(moves_->keeping);
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
  remove_copies(batch.removed);
  report.files_removed += batch.removed.size();
  report.bytes_removed += bytes;
  return store_.apply(batch);
}

}  // namespace ccoc::archive
