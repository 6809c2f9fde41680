#include "probe.h"

#include <algorithm>
#include <utility>

namespace ccoc::ingest {
namespace {

/// What the sources ask for after a wrong password: one more try with it may lock the camera's account (faults.md 11).
constexpr Duration after_wrong_password = std::chrono::seconds{30};
constexpr Duration measuring_time = std::chrono::milliseconds{1500};

}  // namespace

Probe::Probe(Reactor& reactor, const StreamConfig& config, const IngestOptions& options, Duration limit,
             std::function<void(ProbeResult)> done)
    : reactor_(reactor), config_(config), options_(options), limit_(limit), done_(std::move(done)) {}

Probe::~Probe() = default;

void Probe::start() {
  limit_timer_ = reactor_.call_after(limit_, [this] {
    if (!result_.ok && result_.reason.empty()) {
      result_.another_may_help = true;
      if (source_) result_.reason = source_->report().waiting;
      if (result_.reason.empty()) result_.reason = set_up_ ? "the camera answers, but sends no picture" : "no answer in time";
    }
    finish();
  });
  options_.connect_timeout = std::min(options_.connect_timeout, limit_);
  auto source = make_source(reactor_, config_, options_, *this);
  if (!source) {
    result_.reason = source.error().message;
    return finish();
  }
  source_ = std::move(*source);
  source_->set_prompt(true);
  source_->start();
}

void Probe::on_picture(media::RawUnit&& picture) {
  last_unit_ = reactor_.clock().now();
  if (units_++ > 0) return;
  const auto report = source_->report();
  first_unit_ = last_unit_;
  bytes_before_ = report.bytes;
  result_.ok = true;
  result_.transport = report.transport;
  result_.certificate = report.certificate;
  result_.codec = std::string(to_string(picture.format->codec));
  result_.width = picture.format->width;
  result_.height = picture.format->height;
  result_.fps = picture.format->fps;
  measuring_ = reactor_.call_after(measuring_time, [this] { finish(); });
}

void Probe::on_sound(media::RawAudio&& sound) { result_.audio_codec = std::string(to_string(sound.format->codec)); }

void Probe::on_source_ended(media::GapCause cause, const std::string& reason, Duration at_least) {
  if (!result_.ok) result_.reason = reason;
  result_.another_may_help = cause == media::GapCause::camera && at_least < after_wrong_password;
  finish();
}

void Probe::finish() {
  if (!done_) return;
  const double measured_s = static_cast<double>((last_unit_ - first_unit_).count()) / 1e6;
  if (result_.ok && units_ > 1 && measured_s > 0.2) {
    const double measured_fps = static_cast<double>(units_ - 1) / measured_s;
    if (result_.fps <= 0 || measured_fps < result_.fps * 0.8 || measured_fps > result_.fps * 1.2) result_.fps = measured_fps;
    result_.bitrate_bps = static_cast<std::uint64_t>(static_cast<double>(source_->report().bytes - bytes_before_) * 8 / measured_s);
  }
  source_.reset();
  std::exchange(done_, nullptr)(std::move(result_));
}

}  // namespace ccoc::ingest
