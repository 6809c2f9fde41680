#include "ccoc/rtsp/server.h"

#include <unistd.h>

#include "server_session.h"

namespace ccoc::rtsp {
namespace {

constexpr Duration sweep_interval = std::chrono::seconds{1};

}  // namespace

/// What viewers send by UDP: packets that open firewalls, and receiver reports, which say that somebody is there.
class Server::UdpInput {
 public:
  explicit UdpInput(Server& server) : rtcp(server) {}

  struct Rtp final : DatagramHandler {
    void on_datagram(ByteView, const PeerAddress&) override {}
  } rtp;
  struct Rtcp final : DatagramHandler {
    explicit Rtcp(Server& server) : server_(server) {}
    void on_datagram(ByteView, const PeerAddress& from) override { server_.on_rtcp(from); }
    Server& server_;
  } rtcp;
};

Server::Server(Reactor& reactor, ServerOptions options, ShowHost& host) : reactor_(reactor), options_(std::move(options)), host_(host) {}

Server::~Server() {
  listener_.reset();
  tls_listener_.reset();
  sweep_timer_.reset();
  sessions_.clear();
}

Result<std::unique_ptr<Server>> Server::start(Reactor& reactor, const ServerOptions& options, ShowHost& host) {
  std::unique_ptr<Server> server(new Server(reactor, options, host));
  if (options.plain) {
    auto listener = server->listen(options.host, options.port, false);
    if (!listener) return std::unexpected(listener.error());
    server->listener_ = std::move(*listener);
  }
  if (options.tls) {
    auto listener = server->listen(options.tls->host, options.tls->port, true);
    if (!listener) return std::unexpected(listener.error());
    server->tls_listener_ = std::move(*listener);
  }
  server->sweep();
  return server;
}

Result<std::unique_ptr<ListeningSocket>> Server::listen(const std::string& host, std::uint16_t port, bool tls) {
  return reactor_.listen(host, port, [this, tls](int socket, const PeerAddress& peer) { accept(socket, peer, tls); });
}

void Server::accept(int socket, const PeerAddress& peer, bool tls) {
  const auto known = per_address_.find(peer.address);
  if (sessions_.size() >= options_.max_connections ||
      (known != per_address_.end() && known->second >= options_.max_connections_per_address)) {
    ::close(socket);
    return;
  }
  auto session = std::make_unique<ServerSession>(*this, peer);
  if (!session->adopt(socket, tls)) return;
  ++per_address_[peer.address];
  auto* raw = session.get();
  sessions_.emplace(raw, std::move(session));
  counts_->connections = sessions_.size();
}

void Server::ended(ServerSession& session) {
  reactor_.post([this, alive = std::weak_ptr<bool>(alive_), ended = &session] {
    if (alive.expired()) return;
    const auto found = sessions_.find(ended);
    if (found == sessions_.end()) return;
    const auto address = found->second->peer().address;
    if (--per_address_[address] == 0) per_address_.erase(address);
    sessions_.erase(found);
    counts_->connections = sessions_.size();
  });
}

void Server::sweep() {
  const auto now = reactor_.clock().now();
  for (const auto& [raw, session] : sessions_) session->check_alive(now);
  sweep_timer_ = reactor_.call_after(sweep_interval, [this] { sweep(); });
}

DatagramPair* Server::datagrams() {
  if (!datagrams_ && options_.udp) {
    if (!udp_input_) udp_input_ = std::make_unique<UdpInput>(*this);
    auto opened = reactor_.open_datagrams(udp_input_->rtp, udp_input_->rtcp);
    if (opened) datagrams_ = std::move(*opened);
  }
  return datagrams_ ? &*datagrams_ : nullptr;
}

void Server::on_rtcp(const PeerAddress& from) {
  for (const auto& [raw, session] : sessions_) {
    if (session->owns(from)) session->touch();
  }
}

}  // namespace ccoc::rtsp
