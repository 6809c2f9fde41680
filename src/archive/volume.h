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
  Disk& disk() { return *spec_.disk; }
  std::shared_ptr<StreamWriter> make_writer(const StreamKey& key);

  /// Thread-safe, never blocks. False: the buffer is full and nothing was taken (fragments only).
  bool push(const std::shared_ptr<StreamWriter>& writer, Job job);

  void start();
  /// Writes what is queued, syncs, ends the threads.
  void stop();
  /// Writes what is queued now, on the caller's thread; and syncs when it is time.
  void step();

  VolumeStatus status();

 private:
  struct Queued {
    std::shared_ptr<StreamWriter> writer;
    Job job;
  };
  using Queue = std::deque<Queued>;

  void write_all(Queue& queue);
  void write_loop();
  void sync_loop();
  void sync_if_dirty();

  VolumeSpec spec_;
  WriteBudget& budget_;
  Ledger& ledger_;
  const Clock& clock_;
  const ArchiveOptions& options_;

  std::mutex mutex_;
  std::condition_variable wake_writer_;
  std::condition_variable wake_syncer_;
  Queue queue_;
  std::size_t queued_bytes_ = 0;
  bool writer_sleeps_ = false;
  bool stopping_ = false;
  bool dirty_ = false;
  std::optional<MonoTime> busy_since_;  ///< the disk call under way
  MonoTime last_sync_;
  std::string last_error_;

  std::thread writer_;
  std::thread syncer_;
};

}  // namespace ccoc::archive
