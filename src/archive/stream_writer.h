// Writes one stream's files: decides where a file begins, appends fragments, and after a refused write cuts
// the file back to its last whole fragment and tries again later. Lives on its volume's writer thread;
// only status() may be called from elsewhere.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "ccoc/archive/activity.h"
#include "ccoc/base/disk.h"
#include "ccoc/media/mp4.h"
#include "ccoc/media/slice_quantizer.h"
#include "jobs.h"
#include "ledger.h"

namespace ccoc::archive {

class StreamWriter {
 public:
  StreamWriter(StreamKey key, std::string volume, Disk& disk, Ledger& ledger, const Clock& clock,
               const ArchiveOptions& options);

  void write(const FragmentJob& job);
  void interrupt(const InterruptJob& job);
  /// Closes the file.
  void finish();

  /// A frame the recorder was given. Any thread.
  void count_taken() { frames_taken_.fetch_add(1, std::memory_order_relaxed); }
  /// Frames the recorder could not hand over.
  void count_dropped(std::size_t frames);
  RecordingStatus status() const;
  const StreamKey& key() const { return key_; }

 private:
  bool begins_file(const FragmentJob& job) const;
  Status create_file(const FragmentJob& job);
  Status append(const FragmentJob& job);
  std::uint8_t quantizer_of(const media::AccessUnit& unit) const;
  media::AudioRun plan_audio(const FragmentJob& job) const;
  void refused(const FragmentJob& job, const Error& error);
  void close_file();
  void note_written(const FragmentJob& job);

  const StreamKey key_;
  const std::string volume_;
  Disk& disk_;
  Ledger& ledger_;
  const Clock& clock_;
  const ArchiveOptions& options_;

  std::unique_ptr<DiskFile> file_;
  Segment segment_;
  ActivityMeter activity_;  ///< of the file
  bool announced_ = false;  ///< the ledger knows the file: it holds a whole fragment
  media::VideoFormatPtr format_;
  std::optional<media::SliceQuantizer> quantizer_;  ///< of the file's format
  media::AudioFormatPtr audio_format_;  ///< of the file; null: it has no sound
  std::int64_t audio_end_ = 0;          ///< 90 kHz ticks since the file's start
  UtcTime boundary_;  ///< the first key frame from here on begins a new file
  std::uint32_t sequence_ = 0;
  std::uint64_t run_ = 0;
  bool want_new_file_ = true;

  std::optional<MonoTime> retry_at_;
  Duration back_off_{0};

  std::atomic<std::uint64_t> frames_taken_{0};
  mutable std::mutex mutex_;
  RecordingStatus status_;
};

/// "cam01/main/2026-11-24/052357Z.mp4", with "-2", "-3" … before the suffix from the second `attempt` on.
std::string segment_path(const StreamKey& key, UtcTime start, unsigned attempt);

}  // namespace ccoc::archive
