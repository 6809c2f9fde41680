// Writes one stream's files: decides where a file begins, appends fragments, and after a refused write cuts
// the file back to its last whole fragment and tries again later. Lives on its volume's writer thread;
// only abandon() may be called from elsewhere.
#pragma once

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
#include "recording_cell.h"

namespace ccoc::archive {

class StreamWriter {
 public:
  StreamWriter(StreamKey key, std::string volume, Disk& disk, Ledger& ledger, const Clock& clock, const ArchiveOptions& options,
               std::shared_ptr<RecordingCell> cell);

  enum class Outcome {
    written,
    skipped,  ///< the disk was not asked: the fragment lacks its key frame, or came before the next try
    refused,
  };
  Outcome write(const FragmentJob& job);
  void interrupt(const InterruptJob& job);
  /// Closes the file.
  void finish();

  /// The stream goes on elsewhere: what the ledger knows of its file stands, and a fragment under way on a disk that does not
  /// answer is taken back when it does. Any thread; never waits for the disk.
  void abandon(media::GapCause cause, std::string_view reason);

  RecordingCell& cell() { return *cell_; }
  const StreamKey& key() const { return key_; }

 private:
  bool begins_file(const FragmentJob& job) const;
  Status create_file(const FragmentJob& job);
  Status append(const FragmentJob& job);
  std::uint8_t quantizer_of(const media::AccessUnit& unit) const;
  media::AudioRun plan_audio(const FragmentJob& job) const;
  void refused(const FragmentJob& job, const Error& error);
  void close_file();
  /// False: the stream was abandoned meanwhile, and nothing was told.
  bool note_written(const FragmentJob& job);
  /// Takes back the fragment that was written last; `before`: the segment without it.
  void undo(Segment before);

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
  media::AudioFormatPtr audio_format_;              ///< of the file; null: it has no sound
  std::int64_t audio_end_ = 0;                      ///< 90 kHz ticks since the file's start
  UtcTime boundary_;                                ///< the first key frame from here on begins a new file
  std::uint32_t sequence_ = 0;
  std::uint64_t run_ = 0;
  bool want_new_file_ = true;

  std::optional<MonoTime> retry_at_;
  Duration back_off_{0};

  std::mutex telling_;  ///< what is told to ledger and cell, against abandon()
  bool abandoned_ = false;
  const std::shared_ptr<RecordingCell> cell_;
};

/// "cam01/main/2026-11-24/052357Z.mp4", with "-2", "-3" … before the suffix from the second `attempt` on.
std::string segment_path(const StreamKey& key, UtcTime start, unsigned attempt);

}  // namespace ccoc::archive
