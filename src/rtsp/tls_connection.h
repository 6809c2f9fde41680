// TLS (RFC 8446, RFC 5246) over any Connection: OpenSSL works on memory, the reactor's connection carries the records.
// Private to rtsp. One reactor's thread.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "ccoc/base/reactor.h"
#include "ccoc/rtsp/tls_identity.h"

namespace ccoc::rtsp {

/// Cameras have certificates they made themselves: what counts is that it is the one that was seen first. `on_connected`
/// comes when the handshake is done and the certificate is the pinned one, or none is pinned yet. Another certificate
/// ends the connection with `conflict`; a handshake that fails, with `unsupported`.
class TlsConnection final : public Connection, private ConnectionHandler {
 public:
  /// `pin`: SHA-256 of the certificate (DER) in lower-case hex, or empty.
  TlsConnection(Reactor& reactor, const Endpoint& to, Duration timeout, std::string pin, ConnectionHandler& handler);
  /// The server's side of a connection that came; on_connected follows the handshake, which may take `timeout`. Null when the
  /// connection is lost already.
  static std::unique_ptr<TlsConnection> accept(Reactor& reactor, int socket, std::shared_ptr<const TlsIdentity> identity, Duration timeout,
                                               ConnectionHandler& handler);
  ~TlsConnection() override;

  void send(ByteView bytes) override;
  std::size_t unsent() const override { return inner_ ? inner_->unsent() : 0; }
  /// Of what is encrypted: each viewer has bytes of his own.
  void set_queue_limit(std::size_t bytes) override { inner_->set_queue_limit(bytes); }
  void set_prompt(bool prompt) override;
  std::optional<PeerAddress> peer() const override { return inner_ ? inner_->peer() : std::nullopt; }
  /// As `pin`; empty before the handshake is done.
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  TlsConnection(std::shared_ptr<const TlsIdentity> identity, ConnectionHandler& handler);
  void use_memory();

  void on_connected() override;
  void on_bytes(ByteView bytes) override;
  void on_closed(const Error& reason) override;

  bool shake_hands();
  void flush();
  void end(const Error& reason);

  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  ConnectionHandler& handler_;
  const std::string pin_;
  const std::shared_ptr<const TlsIdentity> identity_;  ///< of a server
  std::unique_ptr<SSL, Free> ssl_;
  BIO* received_ = nullptr;  ///< owned by ssl_
  BIO* to_send_ = nullptr;   ///< owned by ssl_
  std::unique_ptr<Connection> inner_;
  std::unique_ptr<Timer> deadline_;
  std::string fingerprint_;
  bool ready_ = false;
  bool ended_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ccoc::rtsp
