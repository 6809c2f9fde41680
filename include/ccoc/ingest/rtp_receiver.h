// The receiving end of one RTP stream: sequence numbers watched, losses counted, units assembled, reports
// answered (RFC 3550 §6.4, appendix A.3). One thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "ccoc/base/clock.h"
#include "ccoc/media/depacketizer.h"

namespace ccoc::ingest {

class RtpReceiver {
 public:
  RtpReceiver(std::unique_ptr<media::Depacketizer> depacketizer, int payload_type);

  /// One packet as it came. Packets of another payload type or that are none are counted and dropped.
  void on_rtp(ByteView packet);
  /// Remembers the last sender report.
  void on_rtcp(ByteView packet, UtcTime arrival);
  /// To be sent back every few seconds; empty before the first packet.
  Bytes receiver_report(UtcTime now);

  std::uint64_t lost_packets() const { return lost_; }
  std::uint64_t bad_packets() const { return bad_; }
  std::uint64_t damaged_units() const { return depacketizer_->counts().damaged_units; }
  /// The camera's clock minus the hub's, from its last sender report.
  std::optional<std::int64_t> clock_offset_ms() const { return clock_offset_ms_; }

 private:
  std::unique_ptr<media::Depacketizer> depacketizer_;
  int payload_type_;
  std::optional<std::uint32_t> ssrc_;
  std::uint16_t next_sequence_ = 0;
  std::uint32_t cycles_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t bad_ = 0;
  std::uint64_t lost_reported_ = 0;
  std::uint64_t received_reported_ = 0;
  std::optional<media::SenderReport> last_report_;
  UtcTime last_report_at_;
  std::optional<std::int64_t> clock_offset_ms_;
};

}  // namespace ccoc::ingest
