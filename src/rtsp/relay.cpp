#include "ccoc/rtsp/relay.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "ccoc/media/rtp.h"
#include "ccoc/media/sdp.h"

namespace ccoc::rtsp {
namespace {

constexpr Duration report_interval = std::chrono::seconds{5};
constexpr std::size_t most_cached_bytes = 16u << 20;  ///< as the live channel
constexpr std::size_t most_cached_units = 1200;
/// Between what was last before a seek or a gap and what comes next: a picture's usual length.
constexpr std::int64_t seam = 3600;
constexpr std::string_view cname = "ccoc";

/// Ticks of 90 kHz at another rate, modulo 2³².
std::uint32_t at_rate(std::int64_t ticks, std::uint32_t rate) {
  const auto whole = ticks / video_timescale, part = ticks % video_timescale;
  return static_cast<std::uint32_t>(whole * rate + part * rate / video_timescale);
}

std::int64_t clock_ticks(UtcTime t) { return to_ticks(t.time_since_epoch(), video_timescale); }

}  // namespace

struct Relay::Track {
  struct Last {
    UtcTime capture;  ///< of what is presented at
    std::uint32_t timestamp = 0;
  };
  std::uint32_t ssrc = 0;
  std::uint16_t first_sequence = 0;
  std::uint32_t base = 0;
  std::uint8_t payload_type = 0;
  std::uint32_t rate = video_timescale;
  std::optional<media::RtpWriter> writer;
  std::optional<std::int64_t> shift;  ///< live: from media time to the wall clock, of this run
  std::optional<Last> last;
};

Relay::Relay(const Clock& clock, Timing timing, std::uint64_t seed) : clock_(clock), timing_(timing) {
  std::mt19937_64 random(seed);
  for (auto& track : tracks_) {
    track = std::make_unique<Track>();
    track->ssrc = static_cast<std::uint32_t>(random());
    track->first_sequence = static_cast<std::uint16_t>(random() & 0x7fff);
    track->base = static_cast<std::uint32_t>(random());
  }
}

Relay::~Relay() = default;

bool Relay::can_send(const media::VideoFormat& format) { return format.codec == media::Codec::h264 || format.codec == media::Codec::h265; }

std::int64_t Relay::place(Track& track, std::int64_t media_time, UtcTime capture, bool discontinuity, bool video) {
  if (timing_ == Timing::live) {
    if (!track.shift || discontinuity) track.shift = clock_ticks(capture) - media_time;
    return media_time + *track.shift;
  }
  const auto time = clock_ticks(capture);
  if (video && (replace_ || discontinuity)) {
    position_ = last_position_ == 0 ? time : last_position_ + seam;
    origin_ = time;
    replace_ = false;
  }
  const std::int64_t position = position_ + std::llround(static_cast<double>(time - origin_) / scale_);
  if (video) last_position_ = std::max(last_position_, position);
  return position;
}

void Relay::on_unit(const media::AccessUnitPtr& unit) {
  if (!can_send(*unit->format)) return;
  if (unit->key) video_ = unit->format;
  if (!unit->key && unit->discontinuity) forget_cache();
  auto& video = track(TrackKind::video);
  if (!video.writer) {
    video.payload_type = media::video_payload_type;
    video.writer.emplace(video.payload_type, video.ssrc, video.first_sequence, std::uint8_t{0});
  }
  const auto position = place(video, unit->media_time, unit->capture_time, unit->discontinuity, true);
  const auto offset = std::llround(unit->composition_offset / (timing_ == Timing::live ? 1.0 : std::abs(scale_)));
  const auto packets = video.writer->video(*unit, video.base + at_rate(position + offset, video.rate));
  if (!packets) return;
  if (timing_ == Timing::live) keep(packets);
  send(TrackKind::video, packets, unit->capture_time + from_ticks(unit->composition_offset, video_timescale));
}

void Relay::on_audio(const media::AudioUnitPtr& unit) {
  auto& sound = track(TrackKind::audio);
  const auto payload_type = media::payload_type_of(*unit->format);
  if (sound.writer && (payload_type != sound.payload_type || unit->format->sample_rate != sound.rate)) {
    // Viewers were told of another format: they hear nothing until they come again.
    if (!viewers_.empty()) return;
    sound.writer.reset();
  }
  audio_ = unit->format;
  if (!sound.writer) {
    sound.payload_type = payload_type;
    sound.rate = unit->format->sample_rate;
    sound.writer.emplace(payload_type, sound.ssrc, sound.first_sequence, std::uint8_t{2});
  }
  const auto position = place(sound, unit->media_time, unit->capture_time, unit->discontinuity, false);
  const auto packets = sound.writer->audio(*unit, sound.base + at_rate(position, sound.rate));
  if (packets) send(TrackKind::audio, packets, unit->capture_time);
}

void Relay::send(TrackKind kind, const media::PacketBatchPtr& packets, UtcTime capture) {
  auto& sent = track(kind);
  const bool first = !sent.last;
  sent.last = Track::Last{capture, packets->timestamp};
  const auto now = clock_.now();
  for (auto* viewer : std::vector(viewers_)) viewer->on_packets(kind, packets);
  if (first || now >= next_report_) {
    next_report_ = now + report_interval;
    report_all();
  }
}

void Relay::keep(const media::PacketBatchPtr& packets) {
  if (packets->key) forget_cache();
  if (!packets->key && cached_.empty()) return;
  cached_bytes_ += packets->framed->size();
  cached_.push_back(packets);
  if (cached_bytes_ > most_cached_bytes || cached_.size() > most_cached_units) forget_cache();
}

void Relay::forget_cache() {
  cached_.clear();
  cached_bytes_ = 0;
}

void Relay::on_interrupted() { forget_cache(); }

void Relay::restart(double scale) {
  scale_ = scale;
  replace_ = true;
}

SharedBytes Relay::report_of(TrackKind kind, bool bye) {
  auto& sent = track(kind);
  if (!sent.writer || !sent.last) return nullptr;
  auto at = sent.last->capture;
  auto timestamp = sent.last->timestamp;
  if (timing_ == Timing::live) {
    // The moment of sending, on the line through the newest unit.
    at = clock_.utc_now();
    timestamp += static_cast<std::uint32_t>(to_ticks(at - sent.last->capture, sent.rate));
  }
  return std::make_shared<const Bytes>(media::make_sender_compound(
      {sent.ssrc, media::utc_to_ntp(at), timestamp, sent.writer->packets(), sent.writer->payload_bytes()}, cname, bye));
}

void Relay::report_all() {
  for (const auto kind : {TrackKind::video, TrackKind::audio}) {
    const auto report = report_of(kind, false);
    if (!report) continue;
    for (auto* viewer : std::vector(viewers_)) viewer->on_report(kind, report);
  }
}

void Relay::end() {
  for (const auto kind : {TrackKind::video, TrackKind::audio}) {
    const auto report = report_of(kind, true);
    if (!report) continue;
    for (auto* viewer : std::vector(viewers_)) viewer->on_report(kind, report);
  }
}

void Relay::add(RelayViewer& viewer) {
  viewers_.push_back(&viewer);
  for (const auto& packets : std::vector(cached_.begin(), cached_.end())) viewer.on_packets(TrackKind::video, packets);
  for (const auto kind : {TrackKind::video, TrackKind::audio}) {
    if (const auto report = report_of(kind, false)) viewer.on_report(kind, report);
  }
}

void Relay::remove(RelayViewer& viewer) { std::erase(viewers_, &viewer); }

std::optional<TrackStart> Relay::start_of(TrackKind kind) const {
  const auto& wanted = *tracks_[kind == TrackKind::audio ? 1 : 0];
  if (kind == TrackKind::video && !cached_.empty()) return TrackStart{cached_.front()->first_sequence, cached_.front()->timestamp};
  if (kind == TrackKind::audio && wanted.writer && wanted.last) {
    const auto age = timing_ == Timing::live ? clock_.utc_now() - wanted.last->capture : Duration{0};
    return TrackStart{wanted.writer->next_sequence(), wanted.last->timestamp + static_cast<std::uint32_t>(to_ticks(age, wanted.rate))};
  }
  return std::nullopt;
}

std::uint32_t Relay::ssrc(TrackKind kind) const { return tracks_[kind == TrackKind::audio ? 1 : 0]->ssrc; }

}  // namespace ccoc::rtsp
