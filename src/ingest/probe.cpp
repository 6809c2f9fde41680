#include "probe.h"

#include <algorithm>
#include <utility>

#include "session_parts.h"

namespace ccoc::ingest {
namespace {

constexpr Duration measuring_time = std::chrono::milliseconds{1500};

}  // namespace

Probe::Probe(Reactor& reactor, const StreamConfig& config, const IngestOptions& options, Duration limit,
             std::function<void(ProbeResult)> done)
    : reactor_(reactor), config_(config), options_(options), limit_(limit), done_(std::move(done)) {}

Probe::~Probe() = default;

void Probe::start() {
  auto options = client_options(config_, options_);
  if (!options) {
    result_.reason = options.error().message;
    return finish();
  }
  limit_timer_ = reactor_.call_after(limit_, [this] {
    if (!result_.ok && result_.reason.empty()) {
      result_.reason = receiver_ ? "the camera answers, but sends no picture" : "no answer in time";
    }
    finish();
  });
  options->connect_timeout = std::min(options->connect_timeout, limit_);
  client_ = std::make_unique<rtsp::Client>(reactor_, std::move(*options), *this);
  client_->start();
}

void Probe::on_track(const media::SdpMedia& track, std::optional<std::uint32_t> ssrc) {
  receiver_ = make_receiver(track, ssrc, client_->transport(), [this](media::RawUnit&& unit) {
    last_unit_ = reactor_.clock().now();
    if (units_++ == 0) {
      first_unit_ = last_unit_;
      bytes_ = 0;
      result_.ok = true;
      result_.transport = rtsp::to_string(client_->transport());
      result_.certificate = client_->certificate();
      result_.codec = std::string(to_string(unit.format->codec));
      result_.width = unit.format->width;
      result_.height = unit.format->height;
      result_.fps = unit.format->fps;
      measuring_ = reactor_.call_after(measuring_time, [this] { finish(); });
    }
  });
}

void Probe::on_rtp(ByteView packet) {
  bytes_ += packet.size();
  if (receiver_) receiver_->on_rtp(packet, reactor_.clock().now());
}

void Probe::on_ended(rtsp::EndReason, const Error& error) {
  if (!result_.ok) result_.reason = error.message;
  finish();
}

void Probe::finish() {
  if (!done_) return;
  const double measured_s = static_cast<double>((last_unit_ - first_unit_).count()) / 1e6;
  if (result_.ok && units_ > 1 && measured_s > 0.2) {
    const double measured_fps = static_cast<double>(units_ - 1) / measured_s;
    if (result_.fps <= 0 || measured_fps < result_.fps * 0.8 || measured_fps > result_.fps * 1.2) result_.fps = measured_fps;
    result_.bitrate_bps = static_cast<std::uint64_t>(static_cast<double>(bytes_) * 8 / measured_s);
  }
  client_.reset();
  std::exchange(done_, nullptr)(std::move(result_));
}

}  // namespace ccoc::ingest
