// One RTSP connection to the server: its requests, one after the other, and its media. Reactor's thread.
#pragma once

#include <deque>

#include "ccoc/rtsp/message.h"
#include "ccoc/rtsp/server.h"

namespace ccoc::rtsp {

class ServerSession final : private ConnectionHandler, private ShowListener {
 public:
  ServerSession(Server& server, const PeerAddress& peer);
  ~ServerSession() override;

  /// Takes the socket over; false when the connection is lost already.
  bool adopt(int socket, bool tls);
  const PeerAddress& peer() const { return peer_; }
  /// Ends what is silent, slow or stuck.
  void check_alive(MonoTime now);
  /// A report came by UDP from that address.
  bool owns(const PeerAddress& rtcp_from) const;
  void touch();

 private:
  struct Track {
    std::optional<Transport> transport;  ///< set up
    PeerAddress rtp_to, rtcp_to;
  };
  struct Waiting {
    const Track* track = nullptr;
    media::PacketBatchPtr packets;
    std::size_t at = 0;
  };

  // ConnectionHandler
  void on_connected() override {}
  void on_bytes(ByteView bytes) override;
  void on_closed(const Error& reason) override;
  // ShowListener
  void on_packets(TrackKind kind, const media::PacketBatchPtr& packets) override;
  void on_report(TrackKind kind, const SharedBytes& rtcp) override;
  void on_started(const PlayStart& start) override;
  void on_refused(const Error& error) override;
  void on_finished() override;
  void on_revoked(const Error& reason) override;

  void answer_next();
  void handle(const Message& request);
  void handle_in_session(const Message& request);
  void with_show(const Message& request, std::function<void()> then);
  void describe(const Message& request);
  void set_up(const Message& request);
  void play(const Message& request);
  void reply(int status, std::string_view reason, std::vector<Header> headers = {}, std::string body = {});
  void refuse(const Error& error);
  void challenge();
  void stop_playing();
  void forget_session();
  void close();
  void send_tcp(const Track& track, const media::PacketBatchPtr& packets);
  void send_udp();
  Track& track(TrackKind kind) { return tracks_[kind == TrackKind::audio ? 1 : 0]; }
  bool any_set_up() const { return tracks_[0].transport || tracks_[1].transport; }
  bool by_udp() const;
  void count_viewer(bool playing);

  Server& server_;
  const PeerAddress peer_;
  std::unique_ptr<Connection> connection_;
  bool tls_ = false;
  StreamParser parser_;
  bool closed_ = false;
  std::deque<Message> requests_;
  bool busy_ = false;  ///< the first of requests_ is being answered
  bool answering_ = false;
  MonoTime began_, heard_;
  std::optional<MonoTime> partial_since_;  ///< a request is not whole yet
  std::optional<MonoTime> busy_since_;
  bool admitted_ = false;
  int refusals_ = 0;

  std::unique_ptr<Show> show_;
  std::string show_path_, base_;
  Credentials credentials_;
  std::string session_id_;
  std::array<Track, 2> tracks_;
  bool playing_ = false;
  bool counted_ = false;  ///< as a viewer
  bool needs_key_ = true;
  std::size_t last_unsent_ = 0;
  MonoTime progress_;
  std::deque<Waiting> udp_queue_;
  std::size_t udp_bytes_ = 0;
  std::unique_ptr<Timer> udp_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ccoc::rtsp
