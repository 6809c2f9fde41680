// One RTSP session with one camera (RFC 2326), media interleaved over TCP (§10.12) or by UDP: DESCRIBE, SETUP, PLAY,
// keep-alive, TEARDOWN. It ends once, with a reason; a retry is a new object. Lives on one reactor's thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ccoc/base/reactor.h"
#include "ccoc/media/sdp.h"
#include "ccoc/rtsp/auth.h"
#include "ccoc/rtsp/message.h"
#include "ccoc/rtsp/track.h"

namespace ccoc::rtsp {

/// Why a session ended, so that a person can be told and a retry can wait as long as it should.
enum class EndReason {
  name_unknown,     ///< the host name cannot be resolved
  address_refused,  ///< policy: loopback or link-local
  connect_failed,   ///< nobody answers at that address and port
  timeout,          ///< connected, but no answer in time
  closed,           ///< the camera closed the connection
  wrong_password,
  auth_refused,         ///< policy: it asks for Basic, or for what nobody knows
  not_found,            ///< 404: no such path
  busy,                 ///< 453, 503: too many sessions
  no_transport,         ///< 461: neither TCP nor UDP
  not_rtsp,             ///< what answers is no RTSP server
  no_video,             ///< no video track that is understood
  tls_failed,           ///< rtsps: no handshake
  certificate_changed,  ///< rtsps: not the certificate that was pinned
  redirected,           ///< policy: sent to another host
  server_error,         ///< any other error status
};
std::string_view to_string(EndReason reason);

enum class MediaTransport { tcp, udp };
std::string_view to_string(MediaTransport transport);  ///< "tcp", "udp"

struct ClientOptions {
  Url url;  ///< user and password in it are not used
  std::string user, password;
  std::string certificate;                         ///< rtsps: SHA-256 of the only one that is accepted, lower-case hex; empty: any
  MediaTransport transport = MediaTransport::tcp;  ///< asked for first
  bool other_transport = true;                     ///< ask for the other one where this one is refused (461)
  bool audio = false;                              ///< set the first sound track up that is understood; it is no error when there is none
  bool all_tracks = false;         ///< set every track up: some cameras send nothing otherwise. What is not asked for is dropped
  bool refuse_local = true;        ///< loopback and link-local addresses
  bool allow_basic = true;         ///< else the password never leaves in clear
  bool redirect_anywhere = false;  ///< else only to the same host
  Duration connect_timeout = std::chrono::seconds{5};
  Duration answer_timeout = std::chrono::seconds{10};
};

/// Called on the reactor's thread. The client may be destroyed inside any of these calls.
class ClientListener {
 public:
  virtual ~ClientListener() = default;
  /// The track was set up, the video first; packets may come from now on, even before the answer to PLAY. `ssrc`: its
  /// source, where the camera tells; not all tell the truth.
  virtual void on_track(TrackKind kind, const media::SdpMedia& track, std::optional<std::uint32_t> ssrc) = 0;
  /// PLAY was answered with 200.
  virtual void on_playing() = 0;
  virtual void on_rtp(TrackKind kind, ByteView packet) = 0;
  virtual void on_rtcp(TrackKind kind, ByteView packet) = 0;
  /// Once; nothing follows.
  virtual void on_ended(EndReason reason, const Error& error) = 0;
};

class TlsConnection;
class UdpTrack;

class Client final : private ConnectionHandler {
 public:
  Client(Reactor& reactor, ClientOptions options, ClientListener& listener);
  /// Sends TEARDOWN when a session is open, without waiting for its answer.
  ~Client() override;

  void start();
  /// Sends an RTCP packet about that track; nothing before PLAY was answered, or where there is none.
  void send_rtcp(TrackKind kind, ByteView packet);
  void set_prompt(bool prompt);
  /// As agreed with the camera; before that, as asked for.
  MediaTransport transport() const { return transport_; }
  /// rtsps: SHA-256 of the camera's certificate, lower-case hex; empty before the handshake, and for rtsp.
  std::string certificate() const;
  /// Media sections the camera describes, understood or not; of them, those that were set up.
  std::size_t tracks_offered() const { return tracks_offered_; }
  std::size_t tracks_set_up() const { return tracks_set_up_; }
  /// The session ended when its sound was asked for: without, it may go on.
  bool ended_at_audio() const { return ended_at_audio_; }

 private:
  enum class State { connecting, describing, setting_up, starting, playing, ended };
  struct Track {
    std::optional<TrackKind> kind;  ///< what is passed on; none for tracks that are only set up
    media::SdpMedia media;
    std::optional<std::uint32_t> ssrc;
    std::uint8_t rtp_channel = 0, rtcp_channel = 1;
    bool heard = false;
    std::unique_ptr<UdpTrack> udp;
  };
  class UdpInput;

  void on_connected() override;
  void on_bytes(ByteView bytes) override;
  void on_closed(const Error& reason) override;

  void request(std::string method, std::string uri);
  void send_pending();
  void on_message(const Message& message);
  void on_server_request(const Message& request);
  void on_frame(const InterleavedFrame& frame);
  void use_channel(Track& track, std::uint8_t channel);
  void on_answer(const Message& answer);
  void on_unauthorized(const Message& answer);
  void on_keep_alive_answer(int status);
  void on_error_status(const std::string& method, const Message& answer);
  void on_described(const Message& answer);
  bool choose_tracks(const std::vector<media::SdpMedia>& offered);
  void set_up_next();
  void on_set_up(const Message& answer);
  bool try_other_transport();
  void play();
  bool play_differently();
  void on_started();
  void keep_alive();
  void redirect(const Message& message);
  void start_over();
  void end(EndReason reason, Error error);
  std::string where() const;

  Reactor& reactor_;
  ClientOptions options_;
  ClientListener& listener_;
  Authenticator authenticator_;
  MediaTransport transport_;
  std::unique_ptr<UdpInput> udp_input_;
  std::unique_ptr<Connection> connection_;
  TlsConnection* tls_ = nullptr;  ///< connection_, when it is one
  StreamParser parser_;
  State state_ = State::connecting;
  bool prompt_ = true;

  struct Pending {
    std::string method, uri;
    int cseq = 0;
  };
  std::optional<Pending> pending_;
  int cseq_ = 0;
  int refusals_ = 0;  ///< 401 in a row
  int redirects_ = 0;
  bool reconnected_ = false;  ///< once is forgiven
  bool transport_changed_ = false;
  int play_attempt_ = 0;

  std::string request_url_;
  std::string base_;
  std::string play_url_;
  std::vector<Track> tracks_;  ///< the first is the video
  std::size_t tracks_set_up_ = 0;
  std::size_t tracks_offered_ = 0;
  bool ended_at_audio_ = false;
  std::string session_;
  Duration keep_alive_interval_ = std::chrono::seconds{20};
  std::size_t keep_alive_method_ = 0;
  std::unique_ptr<Timer> deadline_;
  std::unique_ptr<Timer> keep_alive_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ccoc::rtsp
