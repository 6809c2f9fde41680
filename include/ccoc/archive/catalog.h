// Finds footage: the index in PostgreSQL merged with what is being written this second.
// Thread-safe; every call may block on the database or the disk (call from a pool thread).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ccoc/archive/segment_reader.h"
#include "ccoc/archive/types.h"
#include "ccoc/base/result.h"

namespace ccoc::archive {

/// What is known of a stream without asking the database. Cheap.
struct StreamEdge {
  std::optional<Segment> open;   ///< the file being written
  std::optional<Gap> gap;        ///< the gap that lasts now
  std::uint64_t generation = 0;  ///< changes whenever a file is opened or closed
  bool recorded_now = false;     ///< a recorder exists: more may come
};

/// What became of the time in which a stream was due to be recorded. To the microsecond:
/// due() = footage + all gaps + unexplained = (to - from) - disabled.
struct Account {
  UtcTime from;         ///< of what was asked, the part that can be told of: from the oldest footage kept, and the gaps before it …
  UtcTime to;           ///< … to the last fragment that is written, or now while a gap lasts. Not after `from`: nothing is known
  Duration footage{0};  ///< holes of at most 0.5 s within it included
  std::map<media::GapCause, Duration> gaps{};  ///< without `disabled`
  Duration disabled{0};                        ///< a person had switched it off: not due
  Duration unexplained{0};                     ///< neither footage nor gap: 0, else the hub lost track
  std::vector<Span> holes{};                   ///< the unexplained stretches, at most 100
  Duration due() const { return (to - from) - disabled; }
};

class Catalog {
 public:
  virtual ~Catalog() = default;

  /// Segments that overlap [from, to), oldest first.
  virtual Result<std::vector<Segment>> find(const StreamKey& key, UtcTime from, UtcTime to) = 0;
  /// The segment that holds `at`, else the next one after it; empty when there is none.
  virtual Result<std::optional<Segment>> at_or_after(const StreamKey& key, UtcTime at) = 0;
  /// The last segment that starts before `at`; empty when there is none.
  virtual Result<std::optional<Segment>> before(const StreamKey& key, UtcTime at) = 0;
  /// Gaps that overlap [from, to), oldest first; `to` empty on one that lasts.
  virtual Result<std::vector<Gap>> gaps(const StreamKey& key, UtcTime from, UtcTime to) = 0;
  /// First and last instant with footage; empty when there is none.
  virtual Result<std::optional<Span>> extent(const StreamKey& key) = 0;

  /// One entry per camera, in the order asked. `buckets` 0…5000 (0: no activity). `invalid_argument` with the
  /// field ("from", "to", "buckets") when the range is empty or the numbers are out of range.
  virtual Result<std::vector<CameraTimeline>> timeline(std::span<const std::string> cameras, const std::string& stream, UtcTime from,
                                                       UtcTime to, unsigned buckets) = 0;

  /// Adds up [from, to). `invalid_argument` with the field ("to") when the range is empty.
  virtual Result<Account> account(const StreamKey& key, UtcTime from, UtcTime to) = 0;

  virtual StreamEdge edge(const StreamKey& key) = 0;

  /// A reader of the segment's file; fragment tables of closed files are cached. `not_found` when
  /// retention took it.
  virtual Result<std::shared_ptr<SegmentReader>> open(const Segment& segment) = 0;
};

}  // namespace ccoc::archive
