// What the archive knows and the database may not know yet: open files, gaps that last, rows waiting to be
// written. Writers tell it, the index thread carries it to the store, the catalog looks at both.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "ccoc/archive/archive.h"
#include "ccoc/archive/segment_store.h"
#include "ccoc/base/clock.h"

namespace ccoc::archive {

/// Thread-safe; no call blocks on anything but a short lock, except flush().
class Ledger {
 public:
  Ledger(const Clock& clock, const ArchiveOptions& options);

  // Told by recorders.
  /// False: somebody records this stream already.
  bool begin_recording(const StreamKey& key);
  void end_recording(const StreamKey& key);

  // Told by writers and recovery.
  void opened(const Segment& segment);
  void grew(const Segment& segment);
  void closed(const Segment& segment);
  /// The stream's open file is not written to any more, because it goes on elsewhere: it is closed as far as it is known, and the
  /// gap that may follow has this cause.
  void abandoned(const StreamKey& key, media::GapCause cause, std::string_view reason);
  /// A file that is gone, or never held a whole fragment.
  void removed(const Segment& segment);
  /// Footage ends at `at`. The first cause stands, except that a stop of the hub, a full disk and a switched-off
  /// camera end the gap before and begin their own.
  void interrupted(const StreamKey& key, UtcTime at, media::GapCause cause, std::string_view reason);
  /// The last footage from before this process; nothing newer is known yet.
  void found_last(const StreamKey& key, UtcTime end);
  /// Where the stream's newest footage ends, as far as this process knows.
  std::optional<UtcTime> last_end(const StreamKey& key) const;

  StreamEdge edge(const StreamKey& key) const;
  std::vector<Segment> open_segments() const;
  /// Bytes of all files closed since this process began, by volume; only rises.
  std::map<std::string, std::uint64_t> closed_bytes() const;
  bool is_open(const SegmentId& id) const;
  /// Known here: open, or waiting for the store.
  bool knows(const SegmentId& id) const;

  /// Closed files of this process that were begun before the machine's clock was set, oldest first; the store knows them. While the
  /// clock is not set none.
  std::vector<Segment> recorded_unset(std::size_t limit) const;
  void retimed(const SegmentId& id);

  struct Overlay {
    std::map<SegmentId, Segment> segments;
    std::set<SegmentId> removed;
    std::vector<Gap> gaps;
  };
  /// What the store may lack of one stream. Segments here are the stream's newest: nothing in the store is newer
  /// than the oldest of them.
  Overlay overlay(const StreamKey& key) const;

  // The index thread.
  /// Carries what waits to `store`. On failure it is kept and tried again at the next call.
  Status flush(SegmentStore& store);
  std::size_t backlog() const;
  /// True once after the backlog had overflowed and rows were given up.
  bool take_overflow();

 private:
  struct Stream {
    StreamEdge edge;
    std::optional<UtcTime> last_end;
    bool from_before = false;  ///< last_end is the work of an earlier process
    bool gap_stored = false;
  };
  struct Pending {
    std::map<SegmentId, std::optional<Segment>> segments;  ///< empty: removed
    std::map<std::pair<StreamKey, UtcTime>, Gap> gaps;
    std::size_t rows() const { return segments.size() + gaps.size(); }
  };

  void begin_gap(const StreamKey& key, Stream& stream, UtcTime from, media::GapCause cause, std::string_view reason);
  void end_gap(const StreamKey& key, Stream& stream, UtcTime at);
  void add(const Segment& segment);
  void store_lasting_gaps();
  void bound();

  const Clock& clock_;
  const Duration gap_tolerance_;
  const std::size_t max_rows_;
  mutable std::mutex mutex_;
  std::map<StreamKey, Stream> streams_;
  std::map<std::string, std::uint64_t> closed_bytes_;
  Pending pending_;
  Pending in_flight_;
  bool overflowed_ = false;
  std::map<SegmentId, Segment> recorded_unset_;
};

}  // namespace ccoc::archive
