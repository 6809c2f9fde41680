// One disk that footage is written to: its queue, its writer thread and its sync thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "stream_writer.h"

namespace ccoc::archive {

class Volume {
 public:
  Volume(VolumeSpec spec, WriteBudget& budget, Ledger& ledger, const Clock& clock, const ArchiveOptions& options);
  ~Volume();

  const std::string& name() const { return spec_.name; }
  double weight() const { return spec_.weight; }
  std::shared_ptr<StreamWriter> make_writer(const StreamKey& key, std::shared_ptr<RecordingCell> cell);

  /// Thread-safe, never blocks. False: the buffer is full and nothing was taken (fragments only).
  bool push(const std::shared_ptr<StreamWriter>& writer, Job job);
  /// What waits for `writer`, oldest first; its bytes stay counted in the budget.
  std::vector<Job> take_back(const std::shared_ptr<StreamWriter>& writer);
  /// Like push(), of jobs whose bytes are counted already.
  void adopt(const std::shared_ptr<StreamWriter>& writer, Job job);

  /// Whether new footage should go here: it has weight, answers within five seconds, has room, and took the last that was
  /// written, or has passed a trial since. Any thread; never blocks on the disk.
  bool usable();

  /// A volume without weight has no threads.
  void start();
  /// Writes what is queued, syncs, ends the threads.
  void stop();
  /// Writes what is queued now, on the caller's thread; and syncs when it is time.
  void step();
  /// Asks for the room on it, where no thread of its own does. Blocks.
  void look();

  /// Never blocks on the disk.
  VolumeStatus status();

 private:
  struct Queued {
    std::shared_ptr<StreamWriter> writer;
    Job job;
  };

  void enqueue(const std::shared_ptr<StreamWriter>& writer, Job job, std::size_t bytes);
  bool write_next();
  void write_loop();
  void sync_loop();
  void sync_if_dirty();
  void note_outcome(StreamWriter::Outcome outcome);
  /// After failures: a small file written and removed tells whether the disk works again.
  void try_again();
  void measure();

  VolumeSpec spec_;
  WriteBudget& budget_;
  Ledger& ledger_;
  const Clock& clock_;
  const ArchiveOptions& options_;

  std::mutex mutex_;
  std::condition_variable wake_writer_;
  std::condition_variable wake_syncer_;
  std::deque<Queued> queue_;
  std::size_t queued_bytes_ = 0;
  bool writer_sleeps_ = false;
  bool stopping_ = false;
  bool dirty_ = false;
  std::optional<MonoTime> busy_since_;  ///< the disk call under way
  MonoTime last_sync_;
  std::string sync_error_;
  std::optional<DiskSpace> space_;
  std::string space_error_;
  std::optional<MonoTime> failed_at_;  ///< the last refused write, until a write or a trial succeeds
  MonoTime trial_at_;
  Duration trial_wait_{0};
  MonoTime last_failure_;

  std::thread writer_;
  std::thread syncer_;
};

}  // namespace ccoc::archive
