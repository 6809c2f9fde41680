#include "ccoc/ingest/rtp_receiver.h"

#include <algorithm>

namespace ccoc::ingest {
namespace {

constexpr std::uint32_t own_ssrc = 0x63636f63;  // "ccoc"
constexpr std::uint16_t largest_gap = 3000;     // RFC 3550 A.1, MAX_DROPOUT: beyond it the sender began anew

}  // namespace

RtpReceiver::RtpReceiver(std::unique_ptr<media::Depacketizer> depacketizer, int payload_type)
    : depacketizer_(std::move(depacketizer)), payload_type_(payload_type) {}

void RtpReceiver::on_rtp(ByteView bytes) {
  const auto packet = media::parse_rtp(bytes);
  if (!packet || (payload_type_ >= 0 && packet->payload_type != payload_type_)) {
    ++bad_;
    return;
  }
  if (!ssrc_ || *ssrc_ != packet->ssrc) {
    if (ssrc_) depacketizer_->lost(1);
    ssrc_ = packet->ssrc;
    cycles_ = 0;
  } else if (packet->sequence != next_sequence_) {
    const auto gap = static_cast<std::uint16_t>(packet->sequence - next_sequence_);
    if (gap < largest_gap) {
      lost_ += gap;
      depacketizer_->lost(gap);
    } else if (static_cast<std::uint16_t>(-gap) < largest_gap) {
      return;  // late or twice: TCP keeps order, so it is a repetition
    } else {
      ++lost_;
      depacketizer_->lost(1);
    }
  }
  next_sequence_ = static_cast<std::uint16_t>(packet->sequence + 1);
  if (next_sequence_ == 0) ++cycles_;
  ++received_;
  depacketizer_->push(*packet);
}

void RtpReceiver::on_rtcp(ByteView packet, UtcTime arrival) {
  const auto report = media::parse_sender_report(packet);
  if (!report || (ssrc_ && report->ssrc != *ssrc_)) return;
  last_report_ = report;
  last_report_at_ = arrival;
  clock_offset_ms_ =
      std::chrono::duration_cast<std::chrono::milliseconds>(media::ntp_to_utc(report->ntp) - arrival).count();
}

Bytes RtpReceiver::receiver_report(UtcTime now) {
  if (!ssrc_) return {};
  media::ReceiverStats stats;
  stats.ssrc = *ssrc_;
  const auto lost_now = lost_ - lost_reported_;
  const auto expected = lost_now + received_ - received_reported_;
  stats.fraction_lost = expected == 0 ? std::uint8_t{0} : static_cast<std::uint8_t>(std::min<std::uint64_t>(lost_now * 256 / expected, 255));
  stats.cumulative_lost = static_cast<std::uint32_t>(std::min<std::uint64_t>(lost_, 0x7fffff));
  stats.highest_sequence = (cycles_ << 16) | static_cast<std::uint16_t>(next_sequence_ - 1);
  if (last_report_) {
    stats.last_sr = static_cast<std::uint32_t>(last_report_->ntp >> 16);
    stats.delay_since_last_sr =
        static_cast<std::uint32_t>(std::max<std::int64_t>((now - last_report_at_).count(), 0) * 65536 / 1'000'000);
  }
  lost_reported_ = lost_;
  received_reported_ = received_;
  return media::make_receiver_report(own_ssrc, stats, "ccoc");
}

}  // namespace ccoc::ingest
