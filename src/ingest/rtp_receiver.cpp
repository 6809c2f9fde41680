#include "ccoc/ingest/rtp_receiver.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "reorder_buffer.h"

namespace ccoc::ingest {
namespace {

constexpr std::uint32_t own_ssrc = 0x63636f63;  // "ccoc"
constexpr std::size_t packets_to_insist = 8;
constexpr std::size_t offsets_kept = 12;
constexpr Duration longest_delay = std::chrono::seconds{1};
constexpr std::uint16_t largest_gap = 3000;  // RFC 3550 A.1, MAX_DROPOUT: beyond it the sender began anew

}  // namespace

RtpReceiver::RtpReceiver(std::unique_ptr<media::Depacketizer> depacketizer, RtpReceiverOptions options)
    : depacketizer_(std::move(depacketizer)), options_(options), ssrc_(options.ssrc) {
  if (options_.unordered) reorder_ = std::make_unique<ReorderBuffer>([this](ByteView packet) { take(packet); });
}

RtpReceiver::~RtpReceiver() = default;

std::uint64_t RtpReceiver::reordered_packets() const { return reorder_ ? reorder_->reordered() : 0; }
std::uint64_t RtpReceiver::repeated_packets() const { return repeated_ + (reorder_ ? reorder_->repeated() : 0); }

void RtpReceiver::on_rtp(ByteView packet, MonoTime now) {
  arrival_ = now;
  if (reorder_) return reorder_->push(packet, now);
  take(packet);
}

void RtpReceiver::on_time(MonoTime now) {
  if (reorder_) reorder_->expire(now);
}

void RtpReceiver::take(ByteView bytes) {
  const auto packet = media::parse_rtp(bytes);
  if (!packet) {
    ++bad_;
    return;
  }
  if (options_.payload_type >= 0 && packet->payload_type != options_.payload_type) {
    ++bad_;
    // A camera that never sends the type it describes means this one.
    if (received_ > 0 || ++other_types_ < packets_to_insist) return;
    options_.payload_type = packet->payload_type;
  }
  if (ssrc_ && *ssrc_ != packet->ssrc) {
    if (!insists(*packet, bytes)) return;
    if (heard_) depacketizer_->lost(1);
    ssrc_ = packet->ssrc;
    heard_ = false;
    for (const auto& kept : std::exchange(other_packets_, {})) accept(*media::parse_rtp(kept));
    return;
  }
  other_ssrc_.reset();
  other_packets_.clear();
  ssrc_ = packet->ssrc;
  accept(*packet);
}

/// True with the last of enough packets in a row, which all wait in other_packets_ then.
bool RtpReceiver::insists(const media::RtpPacket& packet, ByteView bytes) {
  if (other_ssrc_ != packet.ssrc) other_packets_.clear();
  other_ssrc_ = packet.ssrc;
  other_packets_.emplace_back(bytes.begin(), bytes.end());
  return other_packets_.size() >= packets_to_insist;
}

void RtpReceiver::accept(const media::RtpPacket& packet) {
  if (!std::exchange(heard_, true)) {
    cycles_ = 0;
  } else if (packet.sequence != next_sequence_) {
    const auto gap = static_cast<std::uint16_t>(packet.sequence - next_sequence_);
    if (gap < largest_gap) {
      lost_ += gap;
      depacketizer_->lost(gap);
    } else if (static_cast<std::uint16_t>(-gap) < largest_gap) {
      ++repeated_;  // late or twice: what comes here is in order, so it is a repetition
      return;
    } else {
      ++lost_;
      depacketizer_->lost(1);
    }
  }
  next_sequence_ = static_cast<std::uint16_t>(packet.sequence + 1);
  if (next_sequence_ == 0) ++cycles_;
  ++received_;
  if (reorder_) note_arrival(packet.timestamp);
  depacketizer_->push(packet);
}

void RtpReceiver::note_arrival(std::uint32_t timestamp) {
  if (last_arrival_ && last_arrival_->first == timestamp) return;
  if (last_arrival_) {
    const auto ticks = static_cast<std::int32_t>(timestamp - last_arrival_->first);
    const double sent_us = static_cast<double>(ticks) * 1e6 / options_.clock_rate;
    const double error = std::abs(static_cast<double>((arrival_ - last_arrival_->second).count()) - sent_us);
    constexpr double no_jitter_us = 1e6;  // a jump of the timestamps
    if (error < no_jitter_us) jitter_us_ += (error - jitter_us_) / 16;
  }
  last_arrival_.emplace(timestamp, arrival_);
}

std::optional<double> RtpReceiver::jitter_ms() const {
  if (!reorder_) return std::nullopt;
  return jitter_us_ / 1000;
}

void RtpReceiver::on_rtcp(ByteView packet, UtcTime arrival) {
  const auto report = media::parse_sender_report(packet);
  if (!report || (ssrc_ && report->ssrc != *ssrc_)) return;
  last_report_ = report;
  last_report_at_ = arrival;
  const Duration offset = media::ntp_to_utc(report->ntp) - arrival;
  const bool below = !offsets_.empty() && offset < std::ranges::max(offsets_) - longest_delay;
  stepped_back_ = below ? stepped_back_ + 1 : 0;
  if (stepped_back_ >= 2) offsets_.clear();
  offsets_.push_back(offset);
  if (offsets_.size() > offsets_kept) offsets_.pop_front();
}

std::optional<std::int64_t> RtpReceiver::clock_offset_ms() const {
  if (offsets_.empty()) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::ranges::max(offsets_)).count();
}

Bytes RtpReceiver::receiver_report(UtcTime now) {
  if (!ssrc_) return {};
  media::ReceiverStats stats;
  stats.ssrc = *ssrc_;
  const auto lost_now = lost_ - lost_reported_;
  const auto expected = lost_now + received_ - received_reported_;
  stats.fraction_lost =
      expected == 0 ? std::uint8_t{0} : static_cast<std::uint8_t>(std::min<std::uint64_t>(lost_now * 256 / expected, 255));
  stats.cumulative_lost = static_cast<std::uint32_t>(std::min<std::uint64_t>(lost_, 0x7fffff));
  stats.jitter = static_cast<std::uint32_t>(jitter_us_ * options_.clock_rate / 1e6);
  stats.highest_sequence = (cycles_ << 16) | static_cast<std::uint16_t>(next_sequence_ - 1);
  if (last_report_) {
    stats.last_sr = static_cast<std::uint32_t>(last_report_->ntp >> 16);
    stats.delay_since_last_sr = static_cast<std::uint32_t>(std::max<std::int64_t>((now - last_report_at_).count(), 0) * 65536 / 1'000'000);
  }
  lost_reported_ = lost_;
  received_reported_ = received_;
  return media::make_receiver_report(own_ssrc, stats, "ccoc");
}

}  // namespace ccoc::ingest
