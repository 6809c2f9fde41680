#include "ccoc/media/rtp.h"

#include "big_endian.h"

namespace ccoc::media {
namespace {

constexpr std::uint8_t sender_report = 200, receiver_report = 201, source_description = 202, bye = 203;
/// 1900-01-01 to 1970-01-01 in seconds (RFC 5905 §6).
constexpr std::int64_t ntp_to_unix_seconds = 2'208'988'800;
constexpr std::int64_t ntp_era_seconds = std::int64_t{1} << 32;

/// Calls `visit(type, packet)` for each packet of a compound until it returns true or the bytes make no sense.
template <class Visit>
bool any_rtcp_packet(ByteView compound, Visit visit) {
  while (compound.size() >= 4) {
    const std::size_t size = (get_u16(compound, 2) + std::size_t{1}) * 4;
    const auto type = compound[1];
    if (compound[0] >> 6 != 2 || type < 192 || type > 223 || size > compound.size()) return false;
    if (visit(type, compound.first(size))) return true;
    compound = compound.subspan(size);
  }
  return false;
}

}  // namespace

Result<RtpPacket> parse_rtp(ByteView packet) {
  if (packet.size() < 12) return fail(ErrorCode::corrupt, "RTP packet shorter than its header");
  if (packet[0] >> 6 != 2) return fail(ErrorCode::corrupt, "RTP version is not 2");
  RtpPacket out;
  out.marker = (packet[1] & 0x80) != 0;
  out.payload_type = packet[1] & 0x7f;
  out.sequence = get_u16(packet, 2);
  out.timestamp = get_u32(packet, 4);
  out.ssrc = get_u32(packet, 8);
  std::size_t start = 12 + std::size_t{4} * (packet[0] & 0x0f);
  if (start > packet.size()) return fail(ErrorCode::corrupt, "RTP packet ends within its contributing sources");
  if ((packet[0] & 0x10) != 0) {
    if (start + 4 > packet.size()) return fail(ErrorCode::corrupt, "RTP packet ends within its header extension");
    start += 4 + std::size_t{4} * get_u16(packet, start + 2);
    if (start > packet.size()) return fail(ErrorCode::corrupt, "RTP packet ends within its header extension");
  }
  std::size_t end = packet.size();
  if ((packet[0] & 0x20) != 0) {
    const std::size_t padding = packet.back();
    if (padding == 0 || start + padding > end) return fail(ErrorCode::corrupt, "RTP padding is longer than the packet");
    end -= padding;
  }
  out.payload = packet.subspan(start, end - start);
  return out;
}

std::optional<SenderReport> parse_sender_report(ByteView rtcp) {
  std::optional<SenderReport> report;
  any_rtcp_packet(rtcp, [&](std::uint8_t type, ByteView packet) {
    if (type != sender_report || packet.size() < 28) return false;
    report = SenderReport{get_u32(packet, 4), get_u64(packet, 8), get_u32(packet, 16), get_u32(packet, 20), get_u32(packet, 24)};
    return true;
  });
  return report;
}

bool has_bye(ByteView rtcp) {
  return any_rtcp_packet(rtcp, [](std::uint8_t type, ByteView) { return type == bye; });
}

namespace {

/// SDES with a CNAME: the chunk ends with one to four zero bytes, at a 32-bit boundary (RFC 3550 §6.5).
void put_description(Bytes& out, std::uint32_t ssrc, std::string_view cname) {
  cname = cname.substr(0, 255);
  const std::size_t chunk = (4 + 2 + cname.size()) / 4 * 4 + 4;
  const std::size_t begin = out.size();
  put_u8(out, 0x81);
  put_u8(out, source_description);
  put_u16(out, static_cast<unsigned>(chunk / 4));
  put_u32(out, ssrc);
  put_u8(out, 1);
  put_u8(out, static_cast<unsigned>(cname.size()));
  put_bytes(out, as_bytes(cname));
  out.resize(begin + 4 + chunk);
}

}  // namespace

Bytes make_receiver_report(std::uint32_t own_ssrc, const ReceiverStats& stats, std::string_view cname) {
  Bytes out;
  out.reserve(32 + 12 + std::min<std::size_t>(cname.size(), 255) + 4);
  put_u8(out, 0x81);
  put_u8(out, receiver_report);
  put_u16(out, 7);
  put_u32(out, own_ssrc);
  put_u32(out, stats.ssrc);
  put_u32(out, static_cast<std::uint32_t>(stats.fraction_lost) << 24 | (stats.cumulative_lost & 0xffffff));
  put_u32(out, stats.highest_sequence);
  put_u32(out, stats.jitter);
  put_u32(out, stats.last_sr);
  put_u32(out, stats.delay_since_last_sr);
  put_description(out, own_ssrc, cname);
  return out;
}

Bytes make_sender_compound(const SenderReport& report, std::string_view cname, bool with_bye) {
  const auto head = make_sender_report(report);
  Bytes out(head.begin(), head.end());
  put_description(out, report.ssrc, cname);
  if (with_bye) {
    put_u8(out, 0x81);
    put_u8(out, bye);
    put_u16(out, 1);
    put_u32(out, report.ssrc);
  }
  return out;
}

std::array<std::uint8_t, 28> make_sender_report(const SenderReport& report) {
  std::array<std::uint8_t, 28> out{0x80, sender_report, 0, 6};
  set_u32(out, 4, report.ssrc);
  set_u64(out, 8, report.ntp);
  set_u32(out, 16, report.rtp_timestamp);
  set_u32(out, 20, report.packets);
  set_u32(out, 24, report.octets);
  return out;
}

UtcTime ntp_to_utc(std::uint64_t ntp) {
  auto seconds = static_cast<std::int64_t>(ntp >> 32);
  // The top bit tells the era: clear only in times after 2036-02-07 (RFC 4330 §3).
  if (seconds < ntp_era_seconds / 2) seconds += ntp_era_seconds;
  const auto fraction = ((ntp & 0xffffffff) * 1'000'000 + (std::uint64_t{1} << 31)) >> 32;
  return UtcTime{Duration{(seconds - ntp_to_unix_seconds) * 1'000'000 + static_cast<std::int64_t>(fraction)}};
}

std::uint64_t utc_to_ntp(UtcTime t) {
  const auto second = std::chrono::floor<std::chrono::seconds>(t);
  const auto fraction = static_cast<std::uint64_t>((t - second).count());
  const auto seconds = static_cast<std::uint64_t>(second.time_since_epoch().count() + ntp_to_unix_seconds);
  return (seconds & 0xffffffff) << 32 | ((fraction << 32) + 500'000) / 1'000'000;
}

}  // namespace ccoc::media
