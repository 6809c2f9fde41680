// One RTSP session with one camera over TCP, media interleaved (RFC 2326 §10.12): DESCRIBE, SETUP of the
// first video track, PLAY, keep-alive, TEARDOWN. It ends once, with a reason; a retry is a new object.
// Lives on one reactor's thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "ccoc/base/reactor.h"
#include "ccoc/media/sdp.h"
#include "ccoc/rtsp/auth.h"
#include "ccoc/rtsp/message.h"

namespace ccoc::rtsp {

/// Why a session ended, so that a person can be told and a retry can wait as long as it should.
enum class EndReason {
  name_unknown,    ///< the host name cannot be resolved
  address_refused, ///< policy: loopback or link-local
  connect_failed,  ///< nobody answers at that address and port
  timeout,         ///< connected, but no answer in time
  closed,          ///< the camera closed the connection
  wrong_password,
  not_found,       ///< 404: no such path
  busy,            ///< 453, 503: too many sessions
  no_transport,    ///< 461: will not send over TCP
  not_rtsp,        ///< what answers is no RTSP server
  no_video,        ///< no video track that is understood
  server_error,    ///< any other error status
};
std::string_view to_string(EndReason reason);

struct ClientOptions {
  Url url;  ///< user and password in it are not used
  std::string user, password;
  bool refuse_local = true;
  Duration connect_timeout = std::chrono::seconds{5};
  Duration answer_timeout = std::chrono::seconds{10};
};

/// Called on the reactor's thread. The client may be destroyed inside any of these calls.
class ClientListener {
 public:
  virtual ~ClientListener() = default;
  /// The track was set up; packets may come from now on, even before the answer to PLAY.
  virtual void on_track(const media::SdpMedia& track) = 0;
  /// PLAY was answered with 200.
  virtual void on_playing() = 0;
  virtual void on_rtp(ByteView packet) = 0;
  virtual void on_rtcp(ByteView packet) = 0;
  /// Once; nothing follows.
  virtual void on_ended(EndReason reason, const Error& error) = 0;
};

class Client final : private ConnectionHandler {
 public:
  Client(Reactor& reactor, ClientOptions options, ClientListener& listener);
  /// Sends TEARDOWN when a session is open, without waiting for its answer.
  ~Client() override;

  void start();
  /// Packs an RTCP packet into the session's RTCP channel; nothing before SETUP.
  void send_rtcp(ByteView packet);
  void set_prompt(bool prompt);

 private:
  enum class State { connecting, describing, setting_up, starting, playing, ended };

  void on_connected() override;
  void on_bytes(ByteView bytes) override;
  void on_closed(const Error& reason) override;

  void request(std::string method, std::string uri);
  void send_pending();
  void on_message(const Message& message);
  void on_answer(const Message& answer);
  void on_described(const Message& answer);
  void on_set_up(const Message& answer);
  void on_started();
  void keep_alive();
  void redirect(const Message& answer);
  void end(EndReason reason, Error error);
  std::string where() const;

  struct Pending {
    std::string method, uri;
    int cseq = 0;
  };

  Reactor& reactor_;
  ClientOptions options_;
  ClientListener& listener_;
  Authenticator authenticator_;
  std::unique_ptr<Connection> connection_;
  StreamParser parser_;
  State state_ = State::connecting;
  bool prompt_ = true;
  std::optional<Pending> pending_;
  int cseq_ = 0;
  int redirects_ = 0;
  std::string request_url_;
  std::string base_;
  std::string play_url_;
  media::SdpMedia track_;
  std::string session_;
  Duration keep_alive_interval_ = std::chrono::seconds{20};
  bool keep_alive_by_options_ = false;
  std::uint8_t rtp_channel_ = 0;
  std::uint8_t rtcp_channel_ = 1;
  std::unique_ptr<Timer> deadline_;
  std::unique_ptr<Timer> keep_alive_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ccoc::rtsp
