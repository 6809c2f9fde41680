// `ccoc archive check` and `ccoc archive reindex`: the files are the truth, the table is compared with
// them or made anew from them. Both walk all footage and take as long as that takes.
#pragma once

#include <string>
#include <vector>

#include "ccoc/archive/archive.h"

namespace ccoc::archive {

enum class Finding {
  unindexed_file,  ///< a file the index doesn't know
  missing_file,    ///< the index names a file that is not there
  torn_tail,       ///< bytes behind the last whole fragment of a file that nobody writes
  size_mismatch,   ///< index and file disagree on bytes, start or end
  overlap,         ///< two files of one stream cover the same time
  unreadable,      ///< no file of ours, or the disk refuses
  damaged,         ///< its bytes are not those that were written
  leftover,        ///< what was to arrive on a volume and never did; the hub's next start removes it
};
std::string_view to_string(Finding finding);

struct Issue {
  Finding finding;
  std::string volume;
  std::string path;
  std::string detail;  ///< a sentence for a person
};

struct CheckReport {
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  std::size_t fragments = 0;
  std::vector<Issue> issues;
  bool clean() const { return issues.empty(); }
};

struct ReindexReport {
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  std::vector<Issue> skipped;  ///< files that could not be read; they are left alone
};

/// What of a closed file is not as it was written, in its order; `found_at` is not set. `io` when the disk cannot be asked.
Result<std::vector<Damage>> find_damage(Disk& disk, const Segment& segment);

/// Reads only. Safe while a hub records: rows and files still open are not judged. `verify`: compares all bytes with their
/// checksums, which takes as long as reading them.
Result<CheckReport> check(const std::vector<VolumeSpec>& volumes, db::Database& database, bool verify = false);
/// Replaces the rows of `segments` and `copies` in one transaction; gaps stay. A copy whose first is on none of the volumes is
/// indexed as footage. No hub may be recording meanwhile.
Result<ReindexReport> reindex(const std::vector<VolumeSpec>& volumes, db::Database& database);

}  // namespace ccoc::archive
