// Reads footage back in the idle time and compares it with its checksums, volume by volume, oldest first, again and again.
#pragma once

#include <map>
#include <mutex>
#include <set>

#include "ccoc/archive/archive.h"
#include "ccoc/archive/audit.h"
#include "ccoc/archive/segment_store.h"
#include "move_store.h"
#include "recovery.h"

namespace ccoc::archive {

/// step() on one thread; status() from any.
class Scrubber {
 public:
  /// `moves`: for second copies, which are read with their first; may be null.
  Scrubber(const Volumes& volumes, SegmentStore& store, MoveStore* moves, const Clock& clock, const ScrubOptions& options);

  /// Reads files as far as the rate allows since the last call; none of the volumes in `busy`. Blocks.
  Status step(const std::set<std::string>& busy);
  /// A damaged file of the volume is whole again; any thread.
  void mended(const std::string& volume);
  std::map<std::string, ScrubStatus> status() const;

 private:
  struct Round {
    ScrubState state;
    std::vector<Segment> ahead;  ///< the nearest last
    std::uint64_t unsaved_bytes = 0;
  };

  Result<Round*> round_of(const std::string& volume);
  /// The next file whose turn it is; nothing when the round is over, or has to wait.
  Result<std::optional<Segment>> next_file(Round& round);
  Status look_at(const Segment& segment, Disk& disk);
  Status look_at_copies(const Segment& segment, const std::set<std::string>& busy);
  Status note_damage(std::vector<Damage> found);
  Status note_progress(Round& round, const Segment& segment);
  void publish(const Round& round);

  const Volumes& volumes_;
  SegmentStore& store_;
  MoveStore* const moves_;
  const Clock& clock_;
  const ScrubOptions options_;
  std::map<std::string, Round> rounds_;
  double allowance_ = 0;  ///< bytes; below zero: a large file was read, and its time has to pass
  MonoTime last_step_;
  mutable std::mutex mutex_;
  std::map<std::string, ScrubStatus> status_;
};

}  // namespace ccoc::archive
