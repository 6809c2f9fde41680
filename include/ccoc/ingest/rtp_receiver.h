// The receiving end of one RTP stream: order restored, losses counted, units assembled, reports answered
// (RFC 3550 §6.4, appendix A.3). One thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "ccoc/base/clock.h"
#include "ccoc/media/depacketizer.h"

namespace ccoc::ingest {

class ReorderBuffer;

struct RtpReceiverOptions {
  int payload_type = -1;              ///< -1: any
  bool unordered = false;             ///< the packets come by UDP
  std::uint32_t clock_rate = 90000;   ///< Hz, of the timestamps
  std::optional<std::uint32_t> ssrc;  ///< as the camera told; another one must insist
};

class RtpReceiver {
 public:
  RtpReceiver(std::unique_ptr<media::Depacketizer> depacketizer, RtpReceiverOptions options);
  ~RtpReceiver();

  /// One packet as it came. Packets of another payload type or that are none are counted and dropped. Another source
  /// (SSRC) than the present one is taken once eight packets in a row are its: a restarted camera, not the rest of an
  /// earlier session on the same connection (faults.md 13).
  void on_rtp(ByteView packet, MonoTime now);
  /// To be called now and then: packets that never came are given up.
  void on_time(MonoTime now);
  /// Remembers the last sender report.
  void on_rtcp(ByteView packet, UtcTime arrival);
  /// To be sent back every few seconds; empty before the first packet.
  Bytes receiver_report(UtcTime now);

  std::uint64_t lost_packets() const { return lost_; }
  std::uint64_t bad_packets() const { return bad_; }
  std::uint64_t packets() const { return received_; }
  std::uint64_t reordered_packets() const;
  std::uint64_t repeated_packets() const;
  /// Of the arrival (RFC 3550 §6.4.1, a packet per timestamp); nothing over TCP, which delivers when it likes.
  std::optional<double> jitter_ms() const;
  std::uint64_t damaged_units() const { return depacketizer_->counts().damaged_units; }
  /// The camera's clock minus the hub's: of its last twelve sender reports the one that took the least time.
  std::optional<std::int64_t> clock_offset_ms() const;

 private:
  void take(ByteView bytes);
  void accept(const media::RtpPacket& packet);
  bool insists(const media::RtpPacket& packet, ByteView bytes);
  void note_arrival(std::uint32_t timestamp);

  std::unique_ptr<media::Depacketizer> depacketizer_;
  RtpReceiverOptions options_;
  std::unique_ptr<ReorderBuffer> reorder_;
  std::optional<std::uint32_t> ssrc_;
  bool heard_ = false;                       ///< of that source
  std::optional<std::uint32_t> other_ssrc_;  ///< has sent what waits in other_packets_
  std::vector<Bytes> other_packets_;
  unsigned other_types_ = 0;  ///< packets of another payload type, before any of the right one
  std::uint16_t next_sequence_ = 0;
  std::uint32_t cycles_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t repeated_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t bad_ = 0;
  std::uint64_t lost_reported_ = 0;
  std::uint64_t received_reported_ = 0;
  std::optional<media::SenderReport> last_report_;
  UtcTime last_report_at_;
  std::deque<Duration> offsets_;
  MonoTime arrival_{};                                              ///< of the packet that is looked at
  std::optional<std::pair<std::uint32_t, MonoTime>> last_arrival_;  ///< of the last timestamp's first packet
  double jitter_us_ = 0;
  int stepped_back_ = 0;  ///< reports in a row that no delay explains
};

}  // namespace ccoc::ingest
