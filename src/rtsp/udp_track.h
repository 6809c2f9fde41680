// One track's media and reports by UDP: two local ports, and the one peer they listen to. Private to rtsp.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "ccoc/base/reactor.h"

namespace ccoc::rtsp {

/// Called on the reactor's thread; the UdpTrack may be destroyed inside.
class UdpReceiver {
 public:
  virtual ~UdpReceiver() = default;
  virtual void on_udp_rtp(std::size_t track, ByteView packet) = 0;
  virtual void on_udp_rtcp(std::size_t track, ByteView packet) = 0;
};

/// What comes from other hosts is dropped. The camera's ports are learned from the first packet that reads as RTP (RTCP)
/// and are then the only ones: cameras send from other ports than they announce (`server_port=0-0`).
class UdpTrack {
 public:
  static Result<std::unique_ptr<UdpTrack>> open(Reactor& reactor, std::size_t track, UdpReceiver& receiver);

  std::pair<std::uint16_t, std::uint16_t> ports() const { return {sockets_.even->port(), sockets_.odd->port()}; }
  /// From now on packets of `host` are taken. Where the camera told its ports a first packet is sent there, so that
  /// a firewall in between lets the answers in.
  void expect(const PeerAddress& host, std::optional<std::pair<std::uint16_t, std::uint16_t>> server_ports);
  /// To where reports came from, or to the port the camera told; nothing when neither is known.
  void send_rtcp(ByteView packet);
  void set_prompt(bool prompt);
  /// Passes on the media that came and were not fetched yet; this may be destroyed inside.
  void receive() { sockets_.even->receive(); }

 private:
  UdpTrack(std::size_t track, UdpReceiver& receiver);

  /// One direction's socket: its end of it.
  class Port final : public DatagramHandler {
   public:
    Port(UdpTrack& owner, bool rtcp) : owner_(owner), rtcp_(rtcp) {}
    void on_datagram(ByteView bytes, const PeerAddress& from) override { owner_.take(bytes, from, rtcp_); }

   private:
    UdpTrack& owner_;
    bool rtcp_;
  };

  void take(ByteView bytes, const PeerAddress& from, bool rtcp);

  const std::size_t track_;
  UdpReceiver& receiver_;
  Port rtp_{*this, false};
  Port rtcp_{*this, true};
  std::optional<PeerAddress> host_;
  std::uint16_t told_rtcp_port_ = 0;
  std::uint16_t rtp_from_ = 0;  ///< 0: not learned yet
  std::uint16_t rtcp_from_ = 0;
  DatagramPair sockets_;
};

}  // namespace ccoc::rtsp
