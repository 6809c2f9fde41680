// Collects one stream's access units into fragments on its media thread and hands them to a volume.
#pragma once

#include "placement.h"

namespace ccoc::archive {

class StreamRecorder final : public Recorder {
 public:
  /// The stream is the caller's by Ledger::begin_recording(); the destructor gives it back.
  StreamRecorder(const Placement& placement, WriteBudget& budget, Ledger& ledger, const StreamKey& key, const Clock& clock,
                 const ArchiveOptions& options);
  ~StreamRecorder() override;

  void on_unit(const media::AccessUnitPtr& unit) override;
  void on_audio(const media::AudioUnitPtr& unit) override;
  void on_quiet() override;
  void on_interrupted(media::GapCause cause, std::string_view reason) override;
  RecordingStatus status() const override { return cell_->status(); }
  const std::shared_ptr<RecordingCell>& cell() const { return cell_; }

 private:
  bool completes_fragment(const media::AccessUnit& unit, UtcTime time) const;
  /// How long the last unit is shown when no next one tells.
  Duration usual_duration() const;
  /// Closes the open fragment; `next`: when the next unit begins, if there is one.
  void end_run(std::optional<UtcTime> next = std::nullopt);
  void close_fragment(UtcTime end);
  /// Changes to the volume that the stream should be on now. False: `job` begins without a key frame, and has to go.
  bool move_to(Volume& volume, FragmentJob& job);
  void interrupt(media::GapCause cause, std::string_view reason);

  const Placement& placement_;
  WriteBudget& budget_;
  Ledger& ledger_;
  const std::shared_ptr<RecordingCell> cell_ = std::make_shared<RecordingCell>();
  Volume* volume_;
  std::shared_ptr<StreamWriter> writer_;
  const Clock& clock_;
  const ArchiveOptions& options_;

  FragmentJob open_;
  std::size_t usual_units_ = 32;
  std::optional<UtcTime> last_time_;  ///< of the last unit taken
  std::optional<UtcTime> last_audio_time_;
  UtcTime footage_end_;  ///< of what was handed over
  Duration last_duration_{0};
  bool seen_key_ = false;
  bool waiting_for_key_ = true;
  bool starts_run_ = true;
  bool interrupted_ = false;
  bool refused_ = false;  ///< the last fragment found no room in the buffer
};

}  // namespace ccoc::archive
