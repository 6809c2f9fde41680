// After a crash: first the disk alone (before recording starts), then the index against the disk (when
// PostgreSQL answers).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "footage_walk.h"
#include "ledger.h"
#include "move_store.h"

namespace ccoc::archive {

using Volumes = std::map<std::string, std::shared_ptr<Disk>>;

/// Cuts the newest files of every stream back to their last whole fragment and tells the ledger of them.
RecoveryReport recover_tails(const Volumes& volumes, Ledger& ledger);

/// Brings the index in line with recent footage, a bounded piece per call.
class Reconciler {
 public:
  /// `moves` knows of copies; may be null.
  Reconciler(const Volumes& volumes, Ledger& ledger, SegmentStore& store, MoveStore* moves);
  /// False: nothing is left to do.
  Result<bool> step();
  /// Older footage exists that the index does not know: a person should run `reindex`.
  bool reindex_needed() const { return reindex_needed_; }

 private:
  Status close_open_rows();
  Status forget_removed_files();
  Result<std::size_t> forget_oldest_removed(const std::string& camera);
  bool is_gone(const Segment& row) const;
  Status list_recent_days();
  Status index_unknown_files();
  Status explain_holes();

  struct Day {
    std::string volume;
    StreamFolder stream;
    std::string day;
  };

  const Volumes& volumes_;
  Ledger& ledger_;
  SegmentStore& store_;
  MoveStore* const moves_;
  enum class Stage { open_rows, oldest_rows, list, files, holes, done } stage_ = Stage::open_rows;
  std::optional<std::vector<std::string>> unlooked_;  ///< cameras whose oldest rows are still to be compared
  std::vector<Day> days_;
  std::map<StreamKey, UtcTime> looked_at_;  ///< streams whose newest days were compared, and the first of these days
  bool reindex_needed_ = false;
};

}  // namespace ccoc::archive
