#include "ccoc/ingest/stream_session.h"

#include <algorithm>
#include <utility>

#include "ccoc/base/log.h"
#include "session_parts.h"

namespace ccoc::ingest {
namespace {

using std::chrono::seconds;

constexpr Duration tick_interval = seconds{1};
constexpr Duration measuring_window = seconds{2};
constexpr Duration stable_after = seconds{10};  // live for so long: the next failure starts the back-off anew
constexpr int ticks_per_report = 5;

struct Judgement {
  media::GapCause cause;
  Duration at_least;  ///< before the next try
};

Judgement judge(rtsp::EndReason reason) {
  using rtsp::EndReason;
  switch (reason) {
    case EndReason::name_unknown:
    case EndReason::connect_failed: return {media::GapCause::network, Duration{0}};
    case EndReason::address_refused: return {media::GapCause::disabled, seconds{30}};
    // Cameras lock accounts: a wrong password is not tried again in a tight loop (faults.md 11).
    case EndReason::auth_refused:
    case EndReason::wrong_password: return {media::GapCause::camera, seconds{30}};
    case EndReason::not_found:
    case EndReason::no_video:
    case EndReason::not_rtsp:
    case EndReason::redirected:
    case EndReason::tls_failed:
    case EndReason::certificate_changed:
    case EndReason::no_transport: return {media::GapCause::camera, seconds{10}};
    case EndReason::busy: return {media::GapCause::camera, seconds{5}};
    default: return {media::GapCause::camera, Duration{0}};
  }
}

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
      random_(seed | 1u),
      transport_(config_.transport.value_or(rtsp::MediaTransport::tcp)) {
  status_.camera = config_.camera;
  status_.role = config_.role;
  status_.since = reactor_.clock().utc_now();
}

StreamSession::~StreamSession() { client_.reset(); }

void StreamSession::start() {
  publish();
  if (!config_.enabled) {
    enter(StreamState::disabled);
    for (const auto& sink : sinks_.sinks) sink->on_interrupted(media::GapCause::disabled, "the camera is switched off");
    return;
  }
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
  if (client_) client_->set_prompt(prompt);
  if (!config_.on_demand) return;
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

void StreamSession::rest() {
  resting_ = true;
  retry_timer_.reset();
  receiver_.reset();
  client_.reset();
  backoff_ = Duration{0};
  status_.fps = 0;
  status_.bitrate_bps = 0;
  status_.last_error = "connected only while someone watches";
  enter(StreamState::disabled);
}

void StreamSession::attempt() {
  auto options = client_options(config_, options_);
  if (!options) return fail(media::GapCause::camera, options.error().message, seconds{30});
  options->transport = transport_;
  options->all_tracks = all_tracks_;
  attempt_started_ = reactor_.clock().now();
  client_ = std::make_unique<rtsp::Client>(reactor_, std::move(*options), *this);
  client_->set_prompt(prompt_);
  client_->start();
}

/// The session was set up and brought nothing: once more with all tracks (faults.md C2), then by the other transport.
void StreamSession::choose_another_way() {
  if (!std::exchange(all_tracks_, true) && client_->tracks_offered() > 1) return;
  all_tracks_ = false;
  if (config_.transport) return;
  transport_ = client_->transport() == rtsp::MediaTransport::tcp ? rtsp::MediaTransport::udp : rtsp::MediaTransport::tcp;
  guessed_ = transport_ == rtsp::MediaTransport::udp;
}

void StreamSession::on_track(const media::SdpMedia& track, std::optional<std::uint32_t> ssrc) {
  receiver_ = make_receiver(track, ssrc, client_->transport(), [this](media::RawUnit&& unit) { on_unit(std::move(unit)); });
  if (!receiver_) return;
  fresh_ = true;
  frames_since_key_ = 0;
  last_unit_ = reactor_.clock().now();
}

void StreamSession::on_rtp(ByteView packet) {
  bytes_ += packet.size();
  if (receiver_) receiver_->on_rtp(packet, reactor_.clock().now());
}

void StreamSession::on_rtcp(ByteView packet) {
  if (!receiver_) return;
  receiver_->on_rtcp(packet, reactor_.clock().utc_now());
  status_.clock_offset_ms = receiver_->clock_offset_ms();
}

void StreamSession::on_unit(media::RawUnit&& raw) {
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
  if (status_.state != StreamState::live) {
    live_since_ = last_unit_;
    measured_at_ = last_unit_;
    measured_frames_ = status_.frames;
    measured_bytes_ = bytes_;
    status_.last_error.clear();
    transport_ = client_->transport();
    status_.transport = rtsp::to_string(transport_);
    // The first one seen is the only one from now on.
    status_.certificate = config_.certificate = client_->certificate();
    status_.codec = unit->format->codec_string;
    status_.declared_fps = unit->format->fps;
    status_.width = unit->format->width;
    status_.height = unit->format->height;
    enter(StreamState::live);
  }
  const media::AccessUnitPtr shared = std::move(unit);
  for (const auto& sink : sinks_.sinks) sink->on_unit(shared);
}

void StreamSession::tick() {
  tick_timer_ = reactor_.call_after(tick_interval, [this] { tick(); });
  const auto now = reactor_.clock().now();
  if (receiver_) {
    receiver_->on_time(now);
    status_.lost_packets = lost_before_ + receiver_->lost_packets();
    status_.reordered_packets = reordered_before_ + receiver_->reordered_packets();
    if (now - last_unit_ > options_.no_frame_timeout) {
      if (receiver_->packets() == 0) choose_another_way();
      const auto waited = std::chrono::duration_cast<seconds>(now - last_unit_).count();
      return fail(media::GapCause::camera, "no picture for " + std::to_string(waited) + " s", Duration{0});
    }
    if (++ticks_ % ticks_per_report == 0 && client_) {
      if (const auto report = receiver_->receiver_report(reactor_.clock().utc_now()); !report.empty()) {
        client_->send_rtcp(report);
      }
    }
  }
  measure(now);
  publish();
}

void StreamSession::measure(MonoTime now) {
  if (status_.state != StreamState::live) return;
  const Duration passed = now - measured_at_;
  if (passed < measuring_window) return;
  const double passed_s = static_cast<double>(passed.count()) / 1e6;
  status_.fps = static_cast<double>(status_.frames - measured_frames_) / passed_s;
  status_.bitrate_bps = static_cast<std::uint64_t>(static_cast<double>(bytes_ - measured_bytes_) * 8 / passed_s);
  measured_at_ = now;
  measured_frames_ = status_.frames;
  measured_bytes_ = bytes_;
  if (now - live_since_ > stable_after) backoff_ = Duration{0};
}

void StreamSession::on_ended(rtsp::EndReason reason, const Error& error) {
  const auto judgement = judge(reason);
  fail(judgement.cause, error.message, judgement.at_least);
}

void StreamSession::fail(media::GapCause cause, const std::string& reason, Duration at_least) {
  if (receiver_) {
    lost_before_ += receiver_->lost_packets();
    reordered_before_ += receiver_->reordered_packets();
    receiver_.reset();
  }
  client_.reset();
  const bool was_live = status_.state == StreamState::live;
  if (was_live) ++status_.reconnects;
  // The camera may only have been silent: TCP is the better one, when it works.
  if (was_live && std::exchange(guessed_, false)) transport_ = rtsp::MediaTransport::tcp;
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
