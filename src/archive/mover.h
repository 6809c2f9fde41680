// Moves footage that has become old to where it is kept cheaper, makes second copies, and mends what is damaged from the other.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>

#include "ledger.h"
#include "move_store.h"
#include "recovery.h"

namespace ccoc::archive {

/// One thread uses it.
class Mover {
 public:
  /// `far`: volumes on which a file appears whole. `copy_targets`: volumes that take copies.
  Mover(const Volumes& volumes, std::set<std::string> far, std::set<std::string> copy_targets, const Ledger& ledger, SegmentStore& store,
        MoveStore& moves, const Clock& clock);

  Result<MoveReport> step(const MovePolicy& policy, std::size_t batch);

 private:
  /// What an earlier process, or a failure, left half done.
  Status settle();
  Status settle(const Move& move);
  bool sweep_arrivals();
  Status settle_copy(const SegmentId& copy);
  Result<std::optional<SegmentId>> first_of(const SegmentId& copy);
  Status move_old(const MovePolicy& policy, std::size_t batch, MoveReport& report);
  Status mend(const MovePolicy& policy, std::size_t batch, MoveReport& report);
  Status mend_one(const MovePolicy& policy, const Mendable& file);
  Status replace(const Mendable& file, const std::string& arriving);
  Status keep(const Copy& copy, MoveReport& report);
  Status copy_files(const MovePolicy& policy, std::span<const Segment> segments, MoveReport& report);
  Status make_copies(const MovePolicy& policy, std::size_t batch, MoveReport& report);
  Status move_files(const MovePolicy& policy, std::span<const Segment> segments, const std::string& target, MoveReport& report);
  Status finish(std::span<const Segment* const> arrived, const std::string& target, MoveReport& report);
  Status bring(const MovePolicy& policy, const Segment& segment, const std::string& target, const std::string& path);
  Status copy_file(const MovePolicy& policy, const Segment& segment, const std::string& target, const std::string& path);
  void note(MoveReport& report, const Error& error);

  const Volumes& volumes_;
  const std::set<std::string> far_;
  const std::set<std::string> copy_targets_;
  const Ledger& ledger_;
  SegmentStore& store_;
  MoveStore& moves_;
  const Clock& clock_;
  bool settled_ = false;
  std::set<SegmentId> hopeless_;  ///< damaged, and the other is no better
};

}  // namespace ccoc::archive
