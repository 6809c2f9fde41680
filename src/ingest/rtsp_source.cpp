#include "rtsp_source.h"

#include <utility>

#include "ccoc/base/log.h"

namespace ccoc::ingest {
namespace {

using rtsp::TrackKind;
using std::chrono::seconds;

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

/// What the configuration asks for. An Error: the URL cannot be read.
Result<rtsp::ClientOptions> client_options(const StreamConfig& config, const IngestOptions& options) {
  auto url = rtsp::parse_url(config.url);
  if (!url) return std::unexpected(url.error());
  rtsp::ClientOptions out;
  out.user = config.username.empty() ? url->user : config.username;
  out.password = config.username.empty() ? url->password : config.password;
  out.url = std::move(*url);
  out.certificate = config.certificate;
  out.other_transport = !config.transport;
  out.refuse_local = options.refuse_local;
  out.allow_basic = options.allow_basic_auth;
  out.redirect_anywhere = options.follow_redirects;
  out.connect_timeout = options.connect_timeout;
  return out;
}

}  // namespace

RtspSource::RtspSource(Reactor& reactor, StreamConfig config, const IngestOptions& options, SourceListener& listener)
    : reactor_(reactor), config_(std::move(config)), options_(options), listener_(listener), way_(preferred()) {}

RtspSource::~RtspSource() { client_.reset(); }

RtspSource::Way RtspSource::preferred() const {
  Way way;
  way.transport = config_.transport.value_or(rtsp::MediaTransport::tcp);
  way.audio = config_.audio && !no_audio_;
  return way;
}

void RtspSource::start() {
  auto options = client_options(config_, options_);
  if (!options) {
    refusal_ = reactor_.call_after(
        Duration{0}, [this, why = options.error().message] { listener_.on_source_ended(media::GapCause::camera, why, seconds{30}); });
    return;
  }
  options->transport = way_.transport;
  options->audio = way_.audio;
  options->all_tracks = way_.all_tracks;
  rtsp::ClientListener& self = *this;
  client_ = std::make_unique<rtsp::Client>(reactor_, std::move(*options), self);
  client_->set_prompt(prompt_);
  client_->start();
}

void RtspSource::stop(bool silent) {
  if (silent && client_ && video_ && video_->packets() == 0) {
    choose_another_way();
  } else if (brought_pictures_ && way_.guessed) {
    // The camera may only have been silent: the preferred way is the better one, when it works.
    way_ = preferred();
  }
  end_session();
}

/// The session was set up and brought nothing: once more with all tracks (faults.md C2), without sound, by the other
/// transport.
void RtspSource::choose_another_way() {
  if (!way_.all_tracks && client_->tracks_offered() > client_->tracks_set_up()) {
    way_.all_tracks = true;
    return;
  }
  way_.all_tracks = false;
  if (way_.audio && audio_) {
    way_.audio = false;
    way_.guessed = true;
    return;
  }
  way_.audio = preferred().audio;
  way_.guessed = false;
  if (config_.transport) return;
  const auto other = client_->transport() == rtsp::MediaTransport::tcp ? rtsp::MediaTransport::udp : rtsp::MediaTransport::tcp;
  way_.transport = other;
  way_.guessed = other == rtsp::MediaTransport::udp;
}

void RtspSource::end_session() {
  before_ = totals();
  refusal_.reset();
  video_.reset();
  audio_.reset();
  client_.reset();
  brought_pictures_ = false;
}

void RtspSource::set_prompt(bool prompt) {
  prompt_ = prompt;
  if (client_) client_->set_prompt(prompt);
}

void RtspSource::on_track(TrackKind kind, const media::SdpMedia& track, std::optional<std::uint32_t> ssrc) {
  RtpReceiverOptions options;
  options.payload_type = track.payload_type;
  options.unordered = client_->transport() == rtsp::MediaTransport::udp;
  options.clock_rate = track.clock_rate;
  options.ssrc = ssrc;
  if (kind == TrackKind::audio) {
    auto depacketizer = media::make_audio_depacketizer(track, [this](media::RawAudio&& sound) { listener_.on_sound(std::move(sound)); });
    if (depacketizer) audio_ = std::make_unique<RtpReceiver>(std::move(*depacketizer), options);
    return;
  }
  auto depacketizer = media::make_depacketizer(track, [this](media::RawUnit&& picture) {
    if (!std::exchange(brought_pictures_, true)) {
      way_.transport = client_->transport();
      transport_ = rtsp::to_string(way_.transport);
      // The first one seen is the only one from now on.
      certificate_ = config_.certificate = client_->certificate();
    }
    listener_.on_picture(std::move(picture));
  });
  if (!depacketizer) return;
  video_ = std::make_unique<RtpReceiver>(std::move(*depacketizer), options);
  listener_.on_set_up();
}

void RtspSource::on_rtp(TrackKind kind, ByteView packet) {
  bytes_ += packet.size();
  auto& receiver = kind == TrackKind::video ? video_ : audio_;
  if (receiver) receiver->on_rtp(packet, reactor_.clock().now());
}

void RtspSource::on_rtcp(TrackKind kind, ByteView packet) {
  auto& receiver = kind == TrackKind::video ? video_ : audio_;
  if (!receiver) return;
  receiver->on_rtcp(packet, reactor_.clock().utc_now());
  if (kind == TrackKind::video) clock_offset_ms_ = receiver->clock_offset_ms();
}

void RtspSource::tick() {
  const auto now = reactor_.clock().now();
  if (video_) video_->on_time(now);
  if (audio_) audio_->on_time(now);
  if (++ticks_ % ticks_per_report == 0) send_reports();
}

void RtspSource::send_reports() {
  if (!client_) return;
  const auto now = reactor_.clock().utc_now();
  for (const auto& [kind, receiver] : {std::pair{TrackKind::video, video_.get()}, {TrackKind::audio, audio_.get()}}) {
    if (receiver == nullptr) continue;
    if (const auto report = receiver->receiver_report(now); !report.empty()) client_->send_rtcp(kind, report);
  }
}

void RtspSource::on_ended(rtsp::EndReason reason, const Error& error) {
  if (client_->ended_at_audio() && !std::exchange(no_audio_, true)) {
    log::warn("ingest", "{}/{}: the session ends when its sound is asked for; from now on without", config_.camera, config_.role);
    way_ = preferred();
  }
  const auto judgement = judge(reason);
  listener_.on_source_ended(judgement.cause, error.message, judgement.at_least);
}

RtspSource::Totals RtspSource::totals() const {
  auto sum = before_;
  for (const auto* receiver : {video_.get(), audio_.get()}) {
    if (receiver == nullptr) continue;
    sum.lost += receiver->lost_packets();
    sum.reordered += receiver->reordered_packets();
  }
  return sum;
}

SourceReport RtspSource::report() const {
  const auto sum = totals();
  SourceReport report;
  report.transport = transport_;
  report.certificate = certificate_;
  report.bytes = bytes_;
  report.lost_packets = sum.lost;
  report.reordered_packets = sum.reordered;
  report.clock_offset_ms = clock_offset_ms_;
  report.sound = audio_ != nullptr;
  if (video_) report.jitter_ms = video_->jitter_ms();
  return report;
}

}  // namespace ccoc::ingest
