// Removes footage that is too old or too much.
#pragma once

#include <mutex>

#include "ledger.h"
#include "move_store.h"
#include "recovery.h"

namespace ccoc::archive {

class Retention {
 public:
  /// Quota and least free room by volume.
  struct Limits {
    std::uint64_t quota_bytes = 0;     ///< 0: none
    std::uint64_t min_free_bytes = 0;  ///< 0: none
  };

  Retention(const Volumes& volumes, std::map<std::string, Limits> limits, const Ledger& ledger, SegmentStore& store, MoveStore* moves,
            const Clock& clock);

  Result<RetentionReport> enforce(const RetentionPolicy& policy, std::size_t batch);
  /// By volume: as last counted, and what was removed, closed and opened since.
  std::map<std::string, std::uint64_t> footage_bytes() const;
  const Limits& limits_of(const std::string& volume) const { return limits_.at(volume); }

 private:
  Status remove_old(const RetentionPolicy& policy, std::size_t batch, RetentionReport& report);
  Status keep_quota(const RetentionPolicy& policy, std::size_t batch, RetentionReport& report);
  Status keep_free(const RetentionPolicy& policy, std::size_t batch, RetentionReport& report);
  /// That volume, and those whose footage would make room on it.
  std::vector<std::string> sharing_with(const std::string& volume, const DiskSpace& space) const;
  /// Footage on `volumes` until `bytes` are gone: the oldest that nothing was promised of, then the oldest.
  Status remove_bytes(const RetentionPolicy& policy, const std::vector<std::string>& volumes, std::uint64_t bytes, std::size_t batch,
                      RetentionReport& report);
  /// At most `limit` of the oldest files on `volumes` that are older than what was promised of their cameras.
  Result<std::vector<Segment>> oldest_unpromised(const RetentionPolicy& policy, const std::vector<std::string>& volumes, std::size_t limit);
  Result<std::uint64_t> remove_first(std::vector<Segment> oldest, std::uint64_t bytes, RetentionReport& report);
  void remove_copies(const std::vector<SegmentId>& files);
  Status forget(const std::vector<Segment>& segments, RetentionReport& report);

  const Volumes& volumes_;
  const std::map<std::string, Limits> limits_;
  const Ledger& ledger_;
  SegmentStore& store_;
  MoveStore* const moves_;  ///< knows of copies; may be null
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t> bytes_;  ///< at the last count, less what was removed since
  std::map<std::string, std::uint64_t> closed_when_counted_;
  std::optional<MonoTime> counted_at_;
};

}  // namespace ccoc::archive
