// Gives footage that was recorded before the machine's clock was set the times it was taken at, once the clock is set.
#pragma once

#include <deque>

#include "ledger.h"
#include "recovery.h"

namespace ccoc::archive {

/// One thread uses it.
class Retimer {
 public:
  Retimer(const Volumes& volumes, Ledger& ledger, SegmentStore& store, const Clock& clock);

  /// Every second or so: looks at the clocks; when the wall clock was set, re-times some of the files of this process. A file is made
  /// anew beside the old one, read back, and takes its place in the index; then the old one goes.
  Status step();

 private:
  Status retime(const Segment& segment, Duration shift);
  /// The same footage from `start` on, in a new file; what the index should say of it.
  Result<Segment> rewrite(const Segment& segment, Duration shift);

  const Volumes& volumes_;
  Ledger& ledger_;
  SegmentStore& store_;
  const Clock& clock_;
  struct Reading {
    MonoTime mono;
    UtcTime utc;
  };
  std::optional<Reading> unset_;  ///< the last look while the clock was not set
  std::optional<Duration> shift_;
};

}  // namespace ccoc::archive
