// RTP (RFC 3550) packets and RTCP sender/receiver reports, read and written.
#pragma once

#include <array>
#include <optional>

#include "ccoc/base/bytes.h"
#include "ccoc/base/result.h"
#include "ccoc/base/time.h"

namespace ccoc::media {

/// Views into the packet it was read from.
struct RtpPacket {
  bool marker = false;
  std::uint8_t payload_type = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
  ByteView payload;
};

/// RFC 3550 §5.1; skips CSRCs and a header extension, takes padding off. `corrupt` with the reason.
Result<RtpPacket> parse_rtp(ByteView packet);

/// From an RTCP compound packet (RFC 3550 §6.4.1).
struct SenderReport {
  std::uint32_t ssrc = 0;
  std::uint64_t ntp = 0;  ///< 32.32 fixed point seconds since 1900
  std::uint32_t rtp_timestamp = 0;
  std::uint32_t packets = 0;
  std::uint32_t octets = 0;
};
/// The first sender report of a compound packet, if there is one; nothing for what is no RTCP.
std::optional<SenderReport> parse_sender_report(ByteView rtcp);
/// True when the compound packet contains a BYE (RFC 3550 §6.6).
bool has_bye(ByteView rtcp);

struct ReceiverStats {
  std::uint32_t ssrc = 0;  ///< of the source reported on
  std::uint8_t fraction_lost = 0;
  std::uint32_t cumulative_lost = 0;      ///< 24 bit
  std::uint32_t highest_sequence = 0;     ///< extended
  std::uint32_t jitter = 0;               ///< in timestamp units
  std::uint32_t last_sr = 0;              ///< middle 32 bits of its NTP time
  std::uint32_t delay_since_last_sr = 0;  ///< 1/65536 s
};
/// A compound of receiver report and CNAME (RFC 3550 §6.4.2, §6.5.1).
Bytes make_receiver_report(std::uint32_t own_ssrc, const ReceiverStats& stats, std::string_view cname);
/// A compound of sender report and CNAME, with a BYE behind them where the source ends (RFC 3550 §6.4.1, §6.6).
Bytes make_sender_compound(const SenderReport& report, std::string_view cname, bool bye = false);
/// A 28-byte sender report.
std::array<std::uint8_t, 28> make_sender_report(const SenderReport& report);

/// NTP 32.32 (era 0 from 1900, era 1 from 2036-02-07) to UTC and back. RFC 5905 §6.
UtcTime ntp_to_utc(std::uint64_t ntp);
std::uint64_t utc_to_ntp(UtcTime t);

}  // namespace ccoc::media
