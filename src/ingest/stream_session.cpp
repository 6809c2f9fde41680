#include "ccoc/ingest/stream_session.h"

#include <algorithm>
#include <utility>

#include "ccoc/base/log.h"

namespace ccoc::ingest {
namespace {

using std::chrono::seconds;

constexpr Duration tick_interval = seconds{1};
constexpr Duration measuring_window = seconds{2};
constexpr Duration stable_after = seconds{10};  // live for so long: the next failure starts the back-off anew

}  // namespace

std::string_view to_string(StreamState state) {
  switch (state) {
    case StreamState::connecting: return "connecting";
    case StreamState::live: return "live";
    case StreamState::offline: return "offline";
    case StreamState::disabled: return "disabled";
  }
  return "offline";
}

StreamSession::StreamSession(Reactor& reactor, StreamConfig config, const IngestOptions& options, StateListener listener,
                             std::shared_ptr<StatusCell> cell, std::uint32_t seed)
    : reactor_(reactor),
      config_(std::move(config)),
      options_(options),
      listener_(std::move(listener)),
      cell_(std::move(cell)),
      random_(seed | 1u) {
  status_.camera = config_.camera;
  status_.role = config_.role;
  status_.since = reactor_.clock().utc_now();
}

StreamSession::~StreamSession() { source_.reset(); }

void StreamSession::start() {
  publish();
  if (!config_.enabled) {
    enter(StreamState::disabled);
    for (const auto& sink : sinks_.sinks) sink->on_interrupted(media::GapCause::disabled, "the camera is switched off");
    return;
  }
  auto source = make_source(reactor_, config_, options_, *this);
  if (!source) {
    status_.last_error = source.error().message;
    enter(StreamState::offline);
    for (const auto& sink : sinks_.sinks) sink->on_interrupted(media::GapCause::camera, status_.last_error);
    return;
  }
  source_ = std::move(*source);
  tick_timer_ = reactor_.call_after(tick_interval, [this] { tick(); });
  if (config_.on_demand) return rest();
  connect_soon();
}

void StreamSession::connect_soon() {
  // Spread the first attempts, so that 60 cameras are not asked in one instant.
  const Duration spread{std::uniform_int_distribution<std::int64_t>{0, 300'000}(random_)};
  retry_timer_ = reactor_.call_after(spread, [this] { attempt(); });
}

void StreamSession::set_prompt(bool prompt) {
  prompt_ = prompt;
  if (source_) source_->set_prompt(prompt);
  if (!config_.on_demand || !source_) return;
  if (!prompt) {
    linger_timer_ = reactor_.call_after(options_.linger, [this] { rest(); });
    return;
  }
  linger_timer_.reset();
  if (std::exchange(resting_, false)) {
    enter(StreamState::connecting);
    attempt();
  }
}

void StreamSession::take_offer(const std::string& id, std::string offer, OfferAnswered answered) {
  if (!source_) return answered(ccoc::fail(ErrorCode::conflict, "the camera is switched off"));
  if (retry_timer_) attempt();
  source_->take_offer(std::move(offer), [this, id, answered = std::move(answered)](Result<std::string> sdp) {
    if (sdp) push_id_ = id;
    answered(std::move(sdp));
  });
}

bool StreamSession::end_push(const std::string& id) {
  if (push_id_.empty() || push_id_ != id) return false;
  fail(media::GapCause::camera, "the sender ended the stream", Duration{0});
  return true;
}

void StreamSession::rest() {
  resting_ = true;
  retry_timer_.reset();
  source_->stop(false);
  set_up_ = false;
  backoff_ = Duration{0};
  status_.fps = 0;
  status_.bitrate_bps = 0;
  status_.last_error = "connected only while someone watches";
  enter(StreamState::disabled);
}

void StreamSession::attempt() {
  retry_timer_.reset();
  source_->start();
}

void StreamSession::on_set_up() {
  set_up_ = true;
  fresh_ = audio_fresh_ = true;
  frames_since_key_ = 0;
  last_unit_ = reactor_.clock().now();
}

void StreamSession::on_picture(media::RawUnit&& raw) {
  const auto& clock = reactor_.clock();
  const UtcTime arrival = clock.utc_now();
  last_unit_ = clock.now();
  if (fresh_) capture_clock_.restart();
  const auto& format = *raw.format;
  capture_clock_.expect_reordering(format.reorder_frames, format.fps);
  const auto stamp = capture_clock_.stamp(raw.rtp_timestamp, arrival);

  auto unit = std::make_shared<media::AccessUnit>();
  unit->format = std::move(raw.format);
  unit->data = std::move(raw.data);
  unit->media_time = stamp.media_time;
  unit->capture_time = stamp.capture_time;
  unit->composition_offset = stamp.composition_offset;
  unit->key = raw.key;
  unit->discontinuity = stamp.new_run || fresh_;
  unit->damaged = raw.damaged;
  fresh_ = false;

  if (unit->key) {
    if (frames_since_key_ > 0) status_.gop_frames = frames_since_key_;
    frames_since_key_ = 1;
  } else if (frames_since_key_ > 0) {
    ++frames_since_key_;
  }
  ++status_.frames;
  if (raw.damaged) ++status_.damaged_frames;
  status_.last_frame_at = arrival;
  if (status_.state != StreamState::live) begin_live(*unit->format);
  const media::AccessUnitPtr shared = std::move(unit);
  for (const auto& sink : sinks_.sinks) sink->on_unit(shared);
}

void StreamSession::begin_live(const media::VideoFormat& format) {
  take_report();
  live_since_ = last_unit_;
  measured_at_ = last_unit_;
  measured_frames_ = status_.frames;
  measured_bytes_ = source_->report().bytes;
  status_.last_error.clear();
  status_.codec = format.codec_string;
  status_.declared_fps = format.fps;
  status_.width = format.width;
  status_.height = format.height;
  enter(StreamState::live);
}

void StreamSession::on_sound(media::RawAudio&& raw) {
  if (raw.clock_rate == 0 || raw.duration == 0) return;
  if (audio_clock_rate_ != raw.clock_rate) {
    audio_clock_.emplace(raw.clock_rate);
    audio_clock_rate_ = raw.clock_rate;
  } else if (audio_fresh_) {
    audio_clock_->restart();
  }
  // A frame can leave the camera only when its last sample was taken.
  const Duration length = from_ticks(raw.duration, raw.clock_rate);
  const auto stamp = audio_clock_->stamp(raw.rtp_timestamp, reactor_.clock().utc_now() - length);

  auto unit = std::make_shared<media::AudioUnit>();
  status_.audio_codec = media::to_string(raw.format->codec);
  unit->format = std::move(raw.format);
  unit->data = std::move(raw.data);
  unit->media_time = stamp.media_time;
  unit->capture_time = stamp.capture_time;
  unit->duration = to_ticks(length, video_timescale);
  unit->discontinuity = stamp.new_run || audio_fresh_ || raw.after_loss;
  audio_fresh_ = false;
  const media::AudioUnitPtr shared = std::move(unit);
  for (const auto& sink : sinks_.sinks) sink->on_audio(shared);
}

void StreamSession::tick() {
  tick_timer_ = reactor_.call_after(tick_interval, [this] { tick(); });
  source_->tick();
  const auto now = reactor_.clock().now();
  if (set_up_ && now - last_unit_ > options_.no_frame_timeout) {
    const auto waited = std::chrono::duration_cast<seconds>(now - last_unit_).count();
    return fail(media::GapCause::camera, "no picture for " + std::to_string(waited) + " s", Duration{0}, true);
  }
  if (set_up_ && now - last_unit_ >= tick_interval) {
    for (const auto& sink : sinks_.sinks) sink->on_quiet();
  }
  take_report();
  note_waiting(source_->report().waiting);
  measure(now);
  publish();
}

void StreamSession::take_report() {
  auto report = source_->report();
  status_.lost_packets = report.lost_packets;
  status_.reordered_packets = report.reordered_packets;
  status_.jitter_ms = report.jitter_ms;
  status_.clock_offset_ms = report.clock_offset_ms;
  status_.sound_set_up = report.sound;
  status_.transport = std::move(report.transport);
  status_.certificate = std::move(report.certificate);
}

/// A listener without a sender has not failed, but nothing comes.
void StreamSession::note_waiting(const std::string& why) {
  if (why.empty() || status_.last_error == why) return;
  status_.last_error = why;
  enter(StreamState::offline);
  for (const auto& sink : sinks_.sinks) sink->on_interrupted(media::GapCause::camera, why);
}

void StreamSession::measure(MonoTime now) {
  if (status_.state != StreamState::live) return;
  const Duration passed = now - measured_at_;
  if (passed < measuring_window) return;
  const double passed_s = static_cast<double>(passed.count()) / 1e6;
  status_.fps = static_cast<double>(status_.frames - measured_frames_) / passed_s;
  const auto bytes = source_->report().bytes;
  status_.bitrate_bps = static_cast<std::uint64_t>(static_cast<double>(bytes - measured_bytes_) * 8 / passed_s);
  measured_at_ = now;
  measured_frames_ = status_.frames;
  measured_bytes_ = bytes;
  if (now - live_since_ > stable_after) backoff_ = Duration{0};
}

void StreamSession::on_source_ended(media::GapCause cause, const std::string& reason, Duration at_least) { fail(cause, reason, at_least); }

void StreamSession::fail(media::GapCause cause, const std::string& reason, Duration at_least, bool silent) {
  take_report();
  source_->stop(silent);
  set_up_ = false;
  push_id_.clear();
  const bool was_live = status_.state == StreamState::live;
  if (was_live) ++status_.reconnects;
  const bool news = was_live || status_.last_error != reason;
  status_.last_error = reason;
  status_.fps = 0;
  status_.bitrate_bps = 0;
  if (news) log::warn("ingest", "{}/{}: {}", config_.camera, config_.role, reason);
  enter(StreamState::offline);
  if (news) {
    for (const auto& sink : sinks_.sinks) sink->on_interrupted(cause, reason);
  }

  backoff_ = std::clamp(backoff_ * 2, options_.backoff_min, options_.backoff_max);
  const Duration base = std::max(backoff_, std::min(at_least, options_.backoff_max));
  const Duration wait = base + Duration{std::uniform_int_distribution<std::int64_t>{0, base.count() / 2}(random_)};
  retry_timer_ = reactor_.call_after(wait, [this] { attempt(); });
}

void StreamSession::enter(StreamState state) {
  const bool changed = status_.state != state;
  if (changed) {
    status_.state = state;
    status_.since = reactor_.clock().utc_now();
    if (state == StreamState::live) {
      log::info("ingest", "{}/{}: live, {} {}×{}", config_.camera, config_.role, status_.codec, status_.width, status_.height);
    }
  }
  publish();
  if (changed && listener_) listener_(status_);
}

void StreamSession::publish() { cell_->set(status_); }

}  // namespace ccoc::ingest
