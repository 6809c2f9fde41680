#include "udp_track.h"

#include "ccoc/media/rtp.h"

namespace ccoc::rtsp {
namespace {

constexpr std::uint8_t first_rtcp_type = 192;  // RFC 5761 §4
constexpr std::uint8_t last_rtcp_type = 223;

bool reads_as_rtcp(ByteView bytes) {
  return bytes.size() >= 8 && bytes[0] >> 6 == 2 && bytes[1] >= first_rtcp_type && bytes[1] <= last_rtcp_type;
}

}  // namespace

UdpTrack::UdpTrack(std::size_t track, UdpReceiver& receiver) : track_(track), receiver_(receiver) {}

Result<std::unique_ptr<UdpTrack>> UdpTrack::open(Reactor& reactor, std::size_t track, UdpReceiver& receiver) {
  std::unique_ptr<UdpTrack> out(new UdpTrack(track, receiver));
  auto sockets = reactor.open_datagrams(out->rtp_, out->rtcp_);
  if (!sockets) return std::unexpected(sockets.error());
  out->sockets_ = std::move(*sockets);
  return out;
}

void UdpTrack::expect(const PeerAddress& host, std::optional<std::pair<std::uint16_t, std::uint16_t>> server_ports) {
  host_ = host;
  if (!server_ports || server_ports->first == 0) return;
  told_rtcp_port_ = server_ports->second;
  // An RTP packet without payload and an empty receiver report: both are harmless to whoever gets them.
  const std::uint8_t rtp[] = {0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const std::uint8_t rtcp[] = {0x80, 201, 0, 1, 0, 0, 0, 0};
  sockets_.even->send_to(rtp, {host.address, server_ports->first});
  if (told_rtcp_port_ != 0) sockets_.odd->send_to(rtcp, {host.address, told_rtcp_port_});
}

void UdpTrack::send_rtcp(ByteView packet) {
  const auto port = rtcp_from_ != 0 ? rtcp_from_ : told_rtcp_port_;
  if (host_ && port != 0) sockets_.odd->send_to(packet, {host_->address, port});
}

void UdpTrack::set_prompt(bool prompt) {
  // A report every few seconds is cheaper waited for than looked for.
  sockets_.even->set_prompt(prompt);
}

void UdpTrack::take(ByteView bytes, const PeerAddress& from, bool rtcp) {
  if (!host_ || !from.same_host(*host_)) return;
  auto& learned = rtcp ? rtcp_from_ : rtp_from_;
  if (learned == 0) {
    if (rtcp ? !reads_as_rtcp(bytes) : !media::parse_rtp(bytes)) return;
    learned = from.port;
  }
  if (from.port != learned) return;
  rtcp ? receiver_.on_udp_rtcp(track_, bytes) : receiver_.on_udp_rtp(track_, bytes);
}

}  // namespace ccoc::rtsp
