// The RTSP server (RFC 2326) for players and other systems: media interleaved over the connection (§10.12) or by UDP, Basic
// authentication. It knows the protocol; what there is to play, and who may, its ShowHost says. Lives on one reactor's thread.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "ccoc/base/reactor.h"
#include "ccoc/media/sdp.h"
#include "ccoc/rtsp/auth.h"
#include "ccoc/rtsp/range.h"
#include "ccoc/rtsp/relay.h"
#include "ccoc/rtsp/tls_identity.h"

namespace ccoc::rtsp {

struct ShowRequest {
  Credentials credentials;
  PeerAddress from;
  std::string path;   ///< "/cam01/main", as it was sent, without the track
  std::string query;  ///< behind '?'
};

struct PlayRequest {
  std::optional<Range> range;  ///< none: go on where it was paused, or from the beginning
  std::optional<double> scale;
};

/// How it is played.
struct PlayStart {
  std::string range;  ///< of the Range header
  double scale = 1;
  std::optional<TrackStart> video, audio;
  bool continues = false;  ///< right behind what was sent last: no key unit need come first
};

/// What a show tells its viewer; on the reactor's thread.
class ShowListener : public RelayViewer {
 public:
  /// Answers play(), once, or on_refused does; packets follow.
  virtual void on_started(const PlayStart& start) = 0;
  /// `not_found`: nothing in that range; `permission_denied`; `invalid_argument`; `unavailable`.
  virtual void on_refused(const Error& error) = 0;
  /// Everything was played, BYE was said.
  virtual void on_finished() = 0;
  /// The viewer may see it no longer, or it is no more: the connection ends.
  virtual void on_revoked(const Error& reason) = 0;
};

/// One thing that one viewer may see. Destroying it ends it; nothing follows.
class Show {
 public:
  virtual ~Show() = default;
  virtual const media::Offer& offer() const = 0;
  virtual std::uint32_t ssrc(TrackKind track) const = 0;
  /// The listener is told later or inside. A new call replaces what is playing.
  virtual void play(const PlayRequest& request, ShowListener& listener) = 0;
  virtual void pause() = 0;
};

class ShowHost {
 public:
  virtual ~ShowHost() = default;
  using Opened = std::function<void(Result<std::unique_ptr<Show>>)>;
  /// `opened` is called once, on the reactor's thread, later or inside. Errors: `unauthenticated`, `permission_denied`,
  /// `not_found`, `unsupported`, `limit_exceeded`, `unavailable`, `timeout`.
  virtual void open(const ShowRequest& request, Opened opened) = 0;
};

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8554;  ///< 0: any free one
  bool udp = true;
  /// RTSP over TLS (`rtsps`), beside the plain port or instead of it.
  struct Tls {
    std::string host;
    std::uint16_t port = 8322;  ///< 0: any free one
    std::shared_ptr<const TlsIdentity> identity;
  };
  std::optional<Tls> tls = {};
  bool plain = true;  ///< false: by TLS only
  std::size_t max_connections = 500;
  std::size_t max_connections_per_address = 100;
  std::size_t viewer_bytes = 4u << 20;  ///< waiting for one viewer; beyond it he is skipped to the next key unit
};

/// Since the start; written on the reactor's thread, read on any.
struct ServerCounts {
  std::atomic<std::uint64_t> connections{0};    ///< open now
  std::atomic<std::uint64_t> viewers{0};        ///< playing now
  std::atomic<std::uint64_t> bytes_sent{0};     ///< of media
  std::atomic<std::uint64_t> units_skipped{0};  ///< not sent because a viewer was late
};

class ServerSession;

class Server {
 public:
  /// Listens at once. Errors as Reactor::listen. `reactor` and `host` outlive it.
  static Result<std::unique_ptr<Server>> start(Reactor& reactor, const ServerOptions& options, ShowHost& host);
  /// Ends all sessions.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Of the plain and of the TLS listener; 0 where there is none.
  std::uint16_t port() const { return listener_ ? listener_->port() : std::uint16_t{0}; }
  std::uint16_t tls_port() const { return tls_listener_ ? tls_listener_->port() : std::uint16_t{0}; }
  const std::shared_ptr<const ServerCounts>& counts() const { return shown_counts_; }

 private:
  class UdpInput;
  friend class ServerSession;
  Server(Reactor& reactor, ServerOptions options, ShowHost& host);
  Result<std::unique_ptr<ListeningSocket>> listen(const std::string& host, std::uint16_t port, bool tls);
  void accept(int socket, const PeerAddress& peer, bool tls);
  void sweep();
  /// The session has ended: it is destroyed soon, not inside.
  void ended(ServerSession& session);
  /// The pair of sockets that all viewers by UDP share; null when there is none.
  DatagramPair* datagrams();
  void on_rtcp(const PeerAddress& from);

  Reactor& reactor_;
  const ServerOptions options_;
  ShowHost& host_;
  std::shared_ptr<ServerCounts> counts_ = std::make_shared<ServerCounts>();
  std::shared_ptr<const ServerCounts> shown_counts_ = counts_;
  std::unique_ptr<ListeningSocket> listener_, tls_listener_;
  std::map<ServerSession*, std::unique_ptr<ServerSession>> sessions_;
  std::map<std::array<std::uint8_t, 16>, std::size_t> per_address_;
  std::unique_ptr<UdpInput> udp_input_;
  std::optional<DatagramPair> datagrams_;
  std::unique_ptr<Timer> sweep_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ccoc::rtsp
