#include "recorder.h"

#include <algorithm>

#include "ccoc/base/log.h"

namespace ccoc::archive {
namespace {

/// One 90 kHz tick, rounded up: the least distance of two frames.
constexpr Duration one_tick{12};
constexpr Duration latest_camera = std::chrono::seconds{10};
constexpr Duration unknown_duration = std::chrono::milliseconds{40};
/// Sound further from the pictures does not belong to them; no frame of it lasts so long.
constexpr Duration furthest_sound = std::chrono::seconds{2};
constexpr std::size_t most_units = 2000;
constexpr std::size_t most_bytes = 16u << 20;

}  // namespace

StreamRecorder::StreamRecorder(const Placement& placement, WriteBudget& budget, Ledger& ledger, const StreamKey& key, const Clock& clock,
                               const ArchiveOptions& options)
    : placement_(placement),
      budget_(budget),
      ledger_(ledger),
      volume_(&placement.choose(key, nullptr)),
      writer_(volume_->make_writer(key, cell_)),
      clock_(clock),
      options_(options) {
  // A camera sends late, and the hub may have been away for less: footage does not overlap. What lies further ahead is of a clock that
  // was set back since.
  const auto end = ledger.last_end(key);
  if (end && *end <= clock.utc_now() + latest_camera) last_time_ = *end - one_tick;
}

StreamRecorder::~StreamRecorder() {
  if (!interrupted_) on_interrupted(media::GapCause::hub, "recording was stopped");
  volume_->push(writer_, FinishJob{});
  ledger_.end_recording(writer_->key());
}

void StreamRecorder::on_unit(const media::AccessUnitPtr& unit) {
  seen_key_ = seen_key_ || unit->key;
  if (seen_key_) cell_->count_taken();
  auto time = unit->capture_time;
  if (last_time_) time = std::max(time, *last_time_ + one_tick);

  // Nothing is missing in a stream that was only silent: to wait for a key frame costs good pictures, so it is not done lightly.
  const auto longest = unit->key ? options_.longest_sample : options_.longest_sample * 2;
  const bool silence = last_time_ && !open_.units.empty() && time - *last_time_ > longest;
  if (unit->discontinuity || silence) {
    end_run(time);
    if (silence && !unit->discontinuity) {
      interrupt(media::GapCause::network, "no frame came for " + std::to_string((time - *last_time_) / std::chrono::seconds{1}) + " s");
    }
    waiting_for_key_ = starts_run_ = true;
    time = std::max(time, footage_end_);
  } else if (!open_.units.empty() && completes_fragment(*unit, time)) {
    if (unit->format != open_.units.front().unit->format && *unit->format != *open_.units.front().unit->format) {
      waiting_for_key_ = true;
    }
    close_fragment(time);
  }
  if (waiting_for_key_) {
    if (!unit->key) return;
    waiting_for_key_ = false;
  }
  interrupted_ = false;
  if (open_.units.empty()) {
    open_.units.reserve(usual_units_);
  } else {
    last_duration_ = time - *last_time_;
  }
  open_.units.push_back({unit, time});
  open_.bytes += unit->data->size();
  last_time_ = time;
}

/// Sound goes with the pictures: it never begins, ends or splits anything (faults.md C10).
void StreamRecorder::on_audio(const media::AudioUnitPtr& unit) {
  if (open_.units.empty() || unit->data->empty()) return;
  const auto apart = unit->capture_time - *last_time_;
  if (apart > furthest_sound || apart < -furthest_sound) return;
  if (unit->duration <= 0 || from_ticks(unit->duration, video_timescale) > furthest_sound) return;
  if (last_audio_time_ && unit->capture_time < *last_audio_time_ + one_tick) return;
  const bool other_format =
      !open_.audio.empty() && open_.audio.front()->format != unit->format && *open_.audio.front()->format != *unit->format;
  if (other_format || open_.audio.size() >= most_units) return;
  last_audio_time_ = unit->capture_time;
  open_.bytes += unit->data->size();
  open_.audio.push_back(unit);
}

bool StreamRecorder::completes_fragment(const media::AccessUnit& unit, UtcTime time) const {
  const auto& first = open_.units.front();
  return unit.key || time - first.time >= options_.fragment_length || unit.format != first.unit->format ||
         open_.units.size() >= most_units || open_.bytes >= most_bytes;
}

Duration StreamRecorder::usual_duration() const {
  if (last_duration_ > Duration{0}) return last_duration_;
  const double fps = open_.units.back().unit->format ? open_.units.back().unit->format->fps : 0;
  if (fps < 0.1 || fps > 1000) return unknown_duration;
  return Duration{static_cast<std::int64_t>(1e6 / fps)};
}

void StreamRecorder::end_run(std::optional<UtcTime> next) {
  if (open_.units.empty()) return;
  const auto end = *last_time_ + usual_duration();
  close_fragment(next ? std::min(end, *next) : end);
}

void StreamRecorder::close_fragment(UtcTime end) {
  FragmentJob job = std::exchange(open_, {});
  job.end = end;
  job.starts_run = starts_run_;
  usual_units_ = job.units.size() + 1;
  last_duration_ = end - job.units.back().time;
  const std::size_t frames = job.units.size();
  const auto start = job.units.front().time;
  Volume& best = placement_.choose(writer_->key(), volume_);
  if (&best != volume_ && !move_to(best, job)) {
    cell_->count_dropped(frames);
    waiting_for_key_ = starts_run_ = true;
    return;
  }
  if (volume_->push(writer_, std::move(job))) {
    footage_end_ = end;
    starts_run_ = refused_ = false;
    return;
  }
  // The disk is behind: whole GOPs go, up to the next key frame that finds room.
  cell_->count_dropped(frames);
  if (!std::exchange(refused_, true)) {
    volume_->push(writer_, InterruptJob{start, media::GapCause::disk, "the disk is too slow; the write buffer is full"});
  }
  waiting_for_key_ = starts_run_ = true;
}

bool StreamRecorder::move_to(Volume& volume, FragmentJob& job) {
  const bool key = job.units.front().unit->key;
  if (volume_->usable()) {
    // The better one is back: no hurry, and nothing is lost.
    if (!key) return true;
    job.starts_run = true;
    volume_->push(writer_, FinishJob{});
    writer_ = volume.make_writer(writer_->key(), cell_);
    volume_ = &volume;
    return true;
  }
  // What waits for a disk that does not work goes on to the other one, from its first key frame on.
  const auto reason = "the volume " + volume_->name() + " cannot be written to; recording goes on on " + volume.name();
  log::warn("archive", "{}/{}: {}", writer_->key().camera, writer_->key().stream, reason);
  writer_->abandon(media::GapCause::disk, reason);
  auto waiting = volume_->take_back(writer_);
  volume_->push(writer_, FinishJob{});
  writer_ = volume.make_writer(writer_->key(), cell_);
  volume_ = &volume;
  bool begun = false;
  for (auto& queued : waiting) {
    auto* fragment = std::get_if<FragmentJob>(&queued);
    if (fragment && !begun) {
      if (!fragment->units.front().unit->key) {
        cell_->count_dropped(fragment->units.size());
        budget_.give_back(fragment->bytes);
        continue;
      }
      fragment->starts_run = begun = true;
    }
    if (!fragment) begun = false;
    volume.adopt(writer_, std::move(queued));
  }
  if (begun) return true;
  job.starts_run = true;
  return key;
}

/// The last unit stays: how long it lasts is not known yet.
void StreamRecorder::on_quiet() {
  if (open_.units.size() < 2) return;
  auto last = std::move(open_.units.back());
  open_.units.pop_back();
  open_.bytes -= last.unit->data->size();
  close_fragment(last.time);
  if (waiting_for_key_ && !last.unit->key) return cell_->count_dropped(1);
  waiting_for_key_ = false;
  open_.bytes = last.unit->data->size();
  open_.units.push_back(std::move(last));
}

void StreamRecorder::interrupt(media::GapCause cause, std::string_view reason) {
  const auto at = footage_end_ == UtcTime{} ? clock_.utc_now() : footage_end_;
  volume_->push(writer_, InterruptJob{at, cause, std::string(reason)});
}

void StreamRecorder::on_interrupted(media::GapCause cause, std::string_view reason) {
  end_run();
  interrupt(cause, reason);
  waiting_for_key_ = starts_run_ = true;
  interrupted_ = true;
}

}  // namespace ccoc::archive
