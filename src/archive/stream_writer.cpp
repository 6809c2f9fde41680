#include "stream_writer.h"

#include <algorithm>

#include "ccoc/base/log.h"
#include "ccoc/media/checksum.h"
#include "ccoc/media/mp4.h"

namespace ccoc::archive {
namespace {

constexpr Duration first_back_off = std::chrono::seconds{1};
constexpr Duration longest_back_off = std::chrono::seconds{30};
constexpr unsigned most_names = 99;

/// The next multiple of `length` after `t`.
UtcTime next_boundary(UtcTime t, Duration length) {
  const auto since = t.time_since_epoch();
  return UtcTime{(since / length + 1) * length};
}

template <class FormatPtr>
bool same_format(const FormatPtr& a, const FormatPtr& b) {
  return a == b || (a && b && *a == *b);
}

}  // namespace

std::string segment_path(const StreamKey& key, UtcTime start, unsigned attempt) {
  std::string path = key.camera + "/" + key.stream + "/" + format_day(start) + "/" + format_time_of_day(start);
  if (attempt > 1) path += "-" + std::to_string(attempt);
  return path + ".mp4";
}

StreamWriter::StreamWriter(StreamKey key, std::string volume, Disk& disk, Ledger& ledger, const Clock& clock, const ArchiveOptions& options,
                           std::shared_ptr<RecordingCell> cell)
    : key_(std::move(key)),
      volume_(std::move(volume)),
      disk_(disk),
      ledger_(ledger),
      clock_(clock),
      options_(options),
      cell_(std::move(cell)) {
  cell_->update([this](RecordingStatus& status) { status.volume = volume_; });
}

StreamWriter::Outcome StreamWriter::write(const FragmentJob& job) {
  const auto& first = job.units.front();
  if (job.starts_run) {
    run_ = static_cast<std::uint64_t>(first.time.time_since_epoch().count());
    want_new_file_ = true;
  }
  const bool begin = begins_file(job);
  const bool waiting = retry_at_ && clock_.now() < *retry_at_;
  if (waiting || (begin && !first.unit->key)) {
    cell_->count_dropped(job.units.size());
    return Outcome::skipped;
  }
  Status done;
  if (begin) {
    close_file();
    done = create_file(job);
  }
  Segment before = segment_;
  if (done) done = append(job);
  if (!done) {
    refused(job, done.error());
    return Outcome::refused;
  }
  if (!note_written(job)) undo(std::move(before));
  return Outcome::written;
}

bool StreamWriter::begins_file(const FragmentJob& job) const {
  const auto& first = job.units.front();
  if (!file_ || want_new_file_ || !same_format(format_, first.unit->format)) return true;
  // Sound that the file has no track for waits for the next key frame.
  const bool new_sound = !job.audio.empty() && !same_format(audio_format_, job.audio.front()->format);
  return first.unit->key && (first.time >= boundary_ || new_sound);
}

Status StreamWriter::create_file(const FragmentJob& job) {
  const auto start = job.units.front().time;
  for (unsigned attempt = 1;; ++attempt) {
    auto path = segment_path(key_, start, attempt);
    auto file = disk_.create(path);
    if (!file) {
      if (file.error().code == ErrorCode::conflict && attempt < most_names) continue;
      return std::unexpected(file.error());
    }
    file_ = std::move(*file);
    segment_ = Segment{volume_, key_, std::move(path), start, start, 0, run_, true};
    break;
  }
  announced_ = false;
  activity_ = {};
  format_ = job.units.front().unit->format;
  quantizer_.emplace(*format_);
  audio_format_ = job.audio.empty() ? nullptr : job.audio.front()->format;
  audio_end_ = 0;
  boundary_ = next_boundary(start, options_.segment_length);
  sequence_ = 0;
  want_new_file_ = false;
  return {};
}

/// The sound of a fragment on the file's clock: each frame lasts until the next, the last as long as its codec says. What
/// was heard before the file began is put at its beginning.
media::AudioRun StreamWriter::plan_audio(const FragmentJob& job) const {
  media::AudioRun run;
  if (job.audio.empty() || !same_format(audio_format_, job.audio.front()->format)) return run;
  const auto start_of = [&](const media::AudioUnitPtr& unit) {
    return std::max(audio_end_, to_ticks(unit->capture_time - segment_.start, video_timescale));
  };
  auto at = run.decode_time = start_of(job.audio.front());
  for (std::size_t i = 0; i < job.audio.size(); ++i) {
    const bool last = i + 1 == job.audio.size();
    const auto end = std::max(at + 1, last ? at + job.audio[i]->duration : start_of(job.audio[i + 1]));
    run.samples.push_back({static_cast<std::uint32_t>(job.audio[i]->data->size()), static_cast<std::uint32_t>(end - at)});
    at = end;
  }
  return run;
}

std::uint8_t StreamWriter::quantizer_of(const media::AccessUnit& unit) const {
  const auto quantizer = quantizer_ ? quantizer_->of(*unit.data) : std::nullopt;
  return quantizer ? static_cast<std::uint8_t>(*quantizer + 1) : std::uint8_t{0};
}

Status StreamWriter::append(const FragmentJob& job) {
  const auto ticks = [&](UtcTime t) { return to_ticks(t - segment_.start, video_timescale); };
  media::FragmentPlan plan;
  plan.sequence = ++sequence_;
  plan.decode_time = ticks(job.units.front().time);
  plan.utc = job.units.front().time + from_ticks(job.units.front().unit->composition_offset, video_timescale);
  plan.samples.reserve(job.units.size());
  std::vector<ByteView> pieces;
  pieces.reserve(job.units.size() + job.audio.size() + 2);

  Bytes init;
  if (segment_.bytes == 0) {
    std::vector<media::AudioFormatPtr> sound;
    if (audio_format_) sound.push_back(audio_format_);
    init = media::make_init_segment({format_}, media::FileOrigin{key_.camera, key_.stream, segment_.start, run_}, sound);
    pieces.emplace_back(init);
  }
  const std::size_t header_at = pieces.size();
  pieces.emplace_back();
  for (std::size_t i = 0; i < job.units.size(); ++i) {
    const auto& unit = *job.units[i].unit;
    const auto next = i + 1 < job.units.size() ? job.units[i + 1].time : job.end;
    const auto duration = std::max<std::int64_t>(1, ticks(next) - ticks(job.units[i].time));
    plan.samples.push_back({static_cast<std::uint32_t>(unit.data->size()), static_cast<std::uint32_t>(duration), unit.composition_offset,
                            unit.key, quantizer_of(unit)});
    pieces.emplace_back(*unit.data);
  }
  plan.audio = plan_audio(job);
  if (!plan.audio.samples.empty()) {
    for (const auto& unit : job.audio) pieces.emplace_back(*unit->data);
  }
  media::Checksum sum;
  for (const auto piece : std::span(pieces).subspan(header_at + 1)) sum.add(piece);
  plan.payload_sum = sum.value();
  const Bytes header = media::make_fragment_header(plan);
  pieces[header_at] = header;

  if (auto done = file_->append(pieces); !done) return done;
  for (const auto piece : pieces) segment_.bytes += piece.size();
  segment_.end = job.end;
  activity_.add(plan.decode_time, plan.samples);
  segment_.activity = activity_.levels();
  if (!plan.audio.samples.empty()) {
    audio_end_ = plan.audio.decode_time;
    for (const auto& sample : plan.audio.samples) audio_end_ += sample.duration;
  }
  return {};
}

bool StreamWriter::note_written(const FragmentJob& job) {
  retry_at_.reset();
  back_off_ = Duration{0};
  const std::lock_guard lock(telling_);
  if (abandoned_) return false;
  if (announced_) {
    ledger_.grew(segment_);
  } else {
    ledger_.opened(segment_);
    announced_ = true;
  }
  cell_->update([&](RecordingStatus& status) {
    if (status.last_error) log::info("archive", "{}/{}: written again", key_.camera, key_.stream);
    status.writing = true;
    status.last_written_at = segment_.end;
    status.last_error.reset();
    status.bytes_written += job.bytes;
    status.frames_written += job.units.size();
    if (status.open_path != segment_.path) status.open_path = segment_.path;
  });
  return true;
}

void StreamWriter::undo(Segment before) {
  segment_ = std::move(before);
  close_file();
}

void StreamWriter::abandon(media::GapCause cause, std::string_view reason) {
  const std::lock_guard lock(telling_);
  if (std::exchange(abandoned_, true)) return;
  ledger_.abandoned(key_, cause, reason);
  cell_->update([](RecordingStatus& status) {
    status.writing = false;
    status.open_path.clear();
  });
}

void StreamWriter::refused(const FragmentJob& job, const Error& error) {
  close_file();
  cell_->count_dropped(job.units.size());
  back_off_ = std::min(std::max(back_off_ * 2, first_back_off), longest_back_off);
  retry_at_ = clock_.now() + back_off_;
  const std::lock_guard lock(telling_);
  if (abandoned_) return;
  cell_->update([&](RecordingStatus& status) {
    const bool new_error = !status.last_error || status.last_error->code != error.code;
    status.last_error = error;
    if (new_error) log::error("archive", "{}/{}: nothing is written: {}", key_.camera, key_.stream, error.message);
  });
  ledger_.interrupted(key_, job.units.front().time, media::GapCause::disk, error.message);
}

void StreamWriter::close_file() {
  if (!file_) return;
  // Behind the last whole fragment there may be a torn one; what cannot be cut now is cut at the next start.
  const auto size = file_->size();
  if (!size || *size != segment_.bytes) {
    if (auto cut = file_->truncate(segment_.bytes); !cut) {
      log::warn("archive", "{}: {}", segment_.path, cut.error().message);
    }
  }
  file_.reset();
  if (!announced_) {
    if (auto gone = disk_.remove(segment_.path); !gone) log::warn("archive", "{}: {}", segment_.path, gone.error().message);
  }
  const std::lock_guard lock(telling_);
  // The row of an abandoned file was written when it was abandoned, with what is in the file now.
  if (abandoned_) return;
  if (announced_) {
    segment_.open = false;
    ledger_.closed(segment_);
  }
  cell_->update([](RecordingStatus& status) {
    status.writing = false;
    status.open_path.clear();
  });
}

void StreamWriter::interrupt(const InterruptJob& job) {
  close_file();
  const std::lock_guard lock(telling_);
  if (!abandoned_) ledger_.interrupted(key_, job.at, job.cause, job.reason);
}

void StreamWriter::finish() { close_file(); }

}  // namespace ccoc::archive
