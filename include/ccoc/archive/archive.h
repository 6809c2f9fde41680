// The archive of one hub: volumes that are written to, the index that finds footage again, and the
// recorders that feed it. Owns its writer, sync and index threads; everything here is thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ccoc/archive/catalog.h"
#include "ccoc/archive/forecast.h"
#include "ccoc/archive/segment_store.h"
#include "ccoc/archive/types.h"
#include "ccoc/base/clock.h"
#include "ccoc/base/disk.h"
#include "ccoc/media/frame_sink.h"

namespace ccoc::archive {

/// Reading everything back in the idle time.
struct ScrubOptions {
  std::uint64_t bytes_per_second = 32u << 20;       ///< at most; 0: never
  Duration interval = std::chrono::hours{24 * 30};  ///< from the beginning of one round to that of the next
};

struct ScrubStatus {
  UtcTime round_began_at;
  UtcTime reached_at;  ///< footage up to here was read in this round
  std::optional<UtcTime> last_round_ended_at;
  std::uint64_t damaged_files = 0;  ///< found since the hub began, and not mended
};

struct ArchiveOptions {
  Duration segment_length = std::chrono::seconds{60};  ///< files begin at multiples of it (wall clock)
  Duration fragment_length = std::chrono::seconds{1};
  Duration sync_interval = std::chrono::seconds{2};  ///< what a power cut may cost
  /// A longer silence before a key frame is a gap; before another frame only one twice as long is, for what follows that is kept
  /// from the next key frame on. Longer than the ingest waits before it connects anew.
  Duration longest_sample = std::chrono::seconds{7};
  Duration gap_tolerance = std::chrono::milliseconds{500};
  std::size_t write_buffer_bytes = 256u << 20;  ///< waiting for all disks together; then GOPs are dropped
  std::size_t index_backlog_rows = 100'000;     ///< kept while PostgreSQL is away
  ScrubOptions scrub;
};

/// A place for footage. The disk's root is the footage folder itself.
struct VolumeSpec {
  std::string name;  ///< stable; stands in the index. "main" when there is one
  std::shared_ptr<Disk> disk;
  double weight = 1;                 ///< share of the streams among the volumes; 0: nothing is recorded here
  std::uint64_t quota_bytes = 0;     ///< of footage; 0: no quota
  std::uint64_t min_free_bytes = 0;  ///< always left free; 0: no limit. With less than half of it, streams go elsewhere
  bool far = false;                  ///< files appear whole there, and asking takes long: no second copies, nothing to recover
};

/// What goes, in this order: footage older than its camera's days; then, while a quota is exceeded or a volume has too little
/// room, the oldest that is older than what was promised of its camera; then the oldest. What a hold keeps never goes.
struct RetentionPolicy {
  /// Days after which a camera's footage goes (privacy); 0: never.
  std::function<unsigned(const std::string& camera)> days_of;
  /// Days for which a camera's footage was promised to be kept (evidence); 0, or no function: none.
  std::function<unsigned(const std::string& camera)> promised_days_of;
  std::uint64_t max_bytes = 0;  ///< of all footage; 0: no quota
};

struct RetentionReport {
  std::uint64_t files_removed = 0;
  std::uint64_t bytes_removed = 0;
  std::uint64_t promised_files_removed = 0;  ///< of these, younger than promised: there was no room
  bool more = false;                         ///< the batch was full: call again soon
};

/// Footage that goes to another volume when it has become old.
struct MoveRule {
  std::string to;                                          ///< volume
  Duration after{0};                                       ///< since the end of the file
  std::function<bool(const std::string& camera)> applies;  ///< no function: to all
};

/// Of several rules that apply to a file, the one with the longest `after` decides.
struct MovePolicy {
  std::vector<MoveRule> rules;
  /// On how many volumes a camera's footage should be: 1 or 2; no function: 1. The second copy is made when a file is closed.
  std::function<unsigned(const std::string& camera)> copies_of;
  /// Asked between the pieces of a file: true ends the work where it is; no function: never.
  std::function<bool()> cancelled;
};

struct MoveReport {
  std::uint64_t files_moved = 0;
  std::uint64_t bytes_moved = 0;
  std::uint64_t files_copied = 0;
  std::vector<std::string> mended;  ///< for each damaged file that was made anew from its other copy, its volume
  bool more = false;                ///< the batch was full: call again soon
  std::string problem;              ///< the first of those that kept footage where it is; empty: none
};

/// Footage that is due to go does not.
struct RetentionProblem {
  UtcTime since;
  std::string reason;  ///< a sentence for a person
};

struct RecoveryReport {
  std::size_t files_checked = 0;
  std::size_t tails_cut = 0;
  std::uint64_t bytes_cut = 0;
  std::size_t files_removed = 0;  ///< held no whole fragment
  std::vector<std::string> problems;
};

/// Writing side of one volume, for status pages.
struct VolumeStatus {
  std::string name;
  double weight = 1;
  DiskSpace space;  ///< as last asked for; a volume that does not answer keeps it
  std::uint64_t queued_bytes = 0;
  std::uint64_t footage_bytes = 0;  ///< what is open included
  ScrubStatus scrub;
  bool healthy = true;
  std::string last_error;
};

struct IndexStatus {
  bool reachable = false;
  std::size_t backlog_rows = 0;
  bool reindex_needed = false;  ///< the backlog overflowed; recent folders are scanned again when it can
  std::string last_error;
};

/// Records one stream. Its FrameSink side is used on the stream's media thread and never blocks.
/// Destroy it on that thread, or after that thread ended: what it holds is written, its file closed.
class Recorder : public media::FrameSink {
 public:
  /// Thread-safe.
  virtual RecordingStatus status() const = 0;
};

class Archive {
 public:
  /// `database` may be unreachable now and later: recording does not need it. It must outlive the archive,
  /// as must `clock`.
  static Result<std::unique_ptr<Archive>> open(std::vector<VolumeSpec> volumes, db::Database& database, const Clock& clock,
                                               const ArchiveOptions& options);
  /// The same over another index (tests, simulation).
  static Result<std::unique_ptr<Archive>> open(std::vector<VolumeSpec> volumes, std::unique_ptr<SegmentStore> store, const Clock& clock,
                                               const ArchiveOptions& options);
  virtual ~Archive() = default;

  /// Cuts torn tails left by a crash. Blocks; call once, before start(). Needs the disks only; what
  /// needs the index is done by the index thread as soon as PostgreSQL answers.
  virtual RecoveryReport recover() = 0;
  /// Starts the threads: per volume one writer and one syncer, and one for the index.
  virtual void start() = 0;
  /// Instead of start(): what the threads would do now, done by the caller (tests, simulation).
  virtual void step() = 0;
  /// Writes what is queued, closes every file, tells the index (≤ 2 s), ends the threads. Recorders
  /// must be gone. Called by the destructor if it was not before.
  virtual void stop() = 0;

  /// One recorder per stream at a time: `conflict` otherwise. `invalid_argument` for names that are no slugs.
  virtual Result<std::unique_ptr<Recorder>> record(const StreamKey& key) = 0;

  virtual Catalog& catalog() = 0;

  /// Removes what is too old or too much, oldest first, at most `batch` files per call, and a tenth of that while a disk has
  /// much to write: recording comes first. Never an open file. File first, then row. Blocks; call from one thread, every few
  /// seconds to minutes.
  virtual Result<RetentionReport> enforce_retention(const RetentionPolicy& policy, std::size_t batch = 200) = 0;

  /// Moves and copies footage, at most `batch` files of each per call. A file is read back from where it went before it is removed
  /// from where it was; a crash at any moment leaves it in one of both places, known to the index. Blocks, and long where a store is
  /// far; call from a thread of its own, every minute. `unsupported` without a database.
  virtual Result<MoveReport> move_footage(const MovePolicy& policy, std::size_t batch = 100) = 0;

  /// What becomes of the footage at the rate of the last day. Reads a day's rows: not more often than every few minutes. Blocks.
  virtual Result<Forecast> forecast(const RetentionPolicy& retention, const MovePolicy& moves) = 0;

  /// Whether enforce_retention() hangs, fails again and again, or is not called any more. Never blocks; thread-safe.
  virtual std::optional<RetentionProblem> retention_problem() = 0;

  /// Looks whether what comes is written, by the files on the disk. Blocks; call from one thread, every two seconds: what is not
  /// written is among problems() within ten.
  virtual void watch() = 0;
  virtual std::vector<RecordingProblem> problems() = 0;

  /// Reads footage back, as far as the rate allows since the last call. Blocks; call from one thread, every few seconds.
  virtual Status scrub() = 0;
  /// What was found damaged, newest finding first.
  virtual Result<std::vector<Damage>> damage(std::size_t limit) = 0;

  virtual std::vector<VolumeStatus> volumes() = 0;
  virtual IndexStatus index_status() = 0;
  /// Of every stream recorded now.
  virtual std::map<StreamKey, RecordingStatus> recordings() = 0;
};

}  // namespace ccoc::archive
