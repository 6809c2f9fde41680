// The index as the archive needs it: rows of segments and gaps. Production: PostgreSQL (tables `segments`
// and `gaps`); tests and the simulation keep them in memory. Thread-safe; calls block; `unavailable` when away.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ccoc/archive/activity.h"
#include "ccoc/archive/types.h"
#include "ccoc/base/result.h"

namespace ccoc::db {
class Database;
}

namespace ccoc::archive {

/// Volume and path: what names a file.
using SegmentId = std::pair<std::string, std::string>;

/// What changed, each path named once; applied whole or not at all; applying it twice is the same as once.
struct IndexBatch {
  std::vector<Segment> segments;  ///< made or replaced, by volume and path
  std::vector<SegmentId> removed;
  std::vector<Gap> gaps;  ///< made, or ended, by stream and `from`; the first cause told stays
  bool empty() const { return segments.empty() && removed.empty() && gaps.empty(); }
};

/// Footage of a camera may go when it ended before an instant.
struct Due {
  std::string camera;
  UtcTime before;
};

/// How far a volume was read back.
struct ScrubState {
  std::string volume;
  UtcTime round_began_at;
  UtcTime reached_at;        ///< start of the last file that was read
  std::string reached_path;  ///< its path
  std::optional<UtcTime> last_round_ended_at;
};

/// Footage of one camera in a range, merged by the store.
struct StoredTimeline {
  std::vector<Span> spans;
  std::vector<Gap> gaps;                    ///< in any order
  std::optional<ActivityBuckets> activity;  ///< empty: not asked for, or nothing known
};

class SegmentStore {
 public:
  virtual ~SegmentStore() = default;
  virtual Status apply(const IndexBatch& batch) = 0;

  /// Closed segments that overlap [from, to), oldest first.
  virtual Result<std::vector<Segment>> find(const StreamKey& key, UtcTime from, UtcTime to) = 0;
  virtual Result<std::optional<Segment>> at_or_after(const StreamKey& key, UtcTime at) = 0;
  virtual Result<std::optional<Segment>> before(const StreamKey& key, UtcTime at) = 0;
  /// Oldest first.
  virtual Result<std::vector<Gap>> gaps(const StreamKey& key, UtcTime from, UtcTime to) = 0;
  virtual Result<std::optional<Span>> extent(const StreamKey& key) = 0;
  /// By camera; cameras without footage or gaps may be missing. Segments less than `join` apart are one span.
  virtual Result<std::map<std::string, StoredTimeline>> timeline(std::span<const std::string> cameras, const std::string& stream,
                                                                 UtcTime from, UtcTime to, unsigned buckets, Duration join) = 0;

  /// Segments marked open (by this process, or by one that crashed).
  virtual Result<std::vector<Segment>> open_segments() = 0;
  /// Which of these paths have a row.
  virtual Result<std::vector<std::string>> known(const std::string& volume, std::span<const std::string> paths) = 0;
  /// Oldest closed segments of a camera (any stream), or of all (`camera` empty), on `volume` (empty: any) that
  /// end before `before`.
  virtual Result<std::vector<Segment>> oldest(const std::string& camera, const std::string& volume, UtcTime before, std::size_t limit) = 0;
  /// Oldest closed segments of all cameras on `volume` (empty: any) that end before `before`, without what a hold keeps.
  virtual Result<std::vector<Segment>> removable(const std::string& volume, UtcTime before, std::size_t limit) = 0;
  /// Closed segments of these cameras that begin at `from` or later and are due, without what a hold keeps: one camera after the
  /// other in their order, oldest first. Asked once for all cameras: where nothing is due that costs an index probe for each.
  virtual Result<std::vector<Segment>> due(std::span<const Due> cameras, UtcTime from, std::size_t limit) = 0;
  /// The oldest of all that is due on `volume` (empty: any), without what a hold keeps. Looks at `limit` files of each camera.
  virtual Result<std::vector<Segment>> oldest_due(std::span<const Due> cameras, const std::string& volume, std::size_t limit) = 0;
  /// Those with closed segments.
  virtual Result<std::vector<std::string>> cameras() = 0;
  /// The row of a file names another volume from now on, and so do its copies and what was found damaged in it; a row that the
  /// volume has of the same path goes. `not_found` when there is no such row any more.
  virtual Status relocate(const Segment& segment, const std::string& volume) = 0;
  /// By camera: bytes of closed segments that begin at `since` or later, and the first of them. Reads all of these rows.
  struct Recent {
    std::uint64_t bytes = 0;
    UtcTime first;
  };
  virtual Result<std::map<std::string, Recent>> recent(UtcTime since) = 0;
  /// Bytes of closed segments by volume. The first call may take long: it reads every row.
  virtual Result<std::map<std::string, std::uint64_t>> total_bytes() = 0;
  /// Closed segments of a volume behind (start, path), in that order.
  virtual Result<std::vector<Segment>> after(const std::string& volume, UtcTime start, const std::string& path, std::size_t limit) = 0;
  virtual Result<std::optional<ScrubState>> scrub_state(const std::string& volume) = 0;
  virtual Status save(const ScrubState& state) = 0;
  /// Made or replaced, by file and offset.
  virtual Status add_damage(std::span<const Damage> found) = 0;
  /// Of files that the index still knows; newest finding first.
  virtual Result<std::vector<Damage>> damage(std::size_t limit) = 0;
  /// Ends gaps that were left open although footage came after them.
  virtual Status close_stale_gaps() = 0;
  /// What is to be done now and then: makes ready for the rows of the days to come, gives back what removed rows took up.
  virtual Status tidy(UtcTime /*now*/) { return {}; }
};

/// `database` must outlive the store.
std::unique_ptr<SegmentStore> make_sql_segment_store(db::Database& database);

}  // namespace ccoc::archive
