#include "tls_connection.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <array>

namespace ccoc::rtsp {
namespace {

/// The first error OpenSSL has put down, without its numbers.
std::string openssl_reason() {
  const auto code = ERR_get_error();
  ERR_clear_error();
  const char* text = code == 0 ? nullptr : ERR_reason_error_string(code);
  return text == nullptr ? "the handshake failed" : text;
}

std::string fingerprint_of(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (certificate == nullptr || X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) return {};
  static constexpr char hex[] = "0123456789abcdef";
  std::string out;
  for (unsigned i = 0; i < size; ++i) out += {hex[digest[i] >> 4], hex[digest[i] & 15]};
  return out;
}

/// For all connections of the process.
SSL_CTX* client_context() {
  static SSL_CTX* const context = [] {
    SSL_CTX* made = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION);
    // Small keys and old signatures are common in cameras; the pin, not the chain, says who it is.
    SSL_CTX_set_security_level(made, 0);
    SSL_CTX_set_verify(made, SSL_VERIFY_NONE, nullptr);
    return made;
  }();
  return context;
}

}  // namespace

TlsConnection::TlsConnection(Reactor& reactor, const Endpoint& to, Duration timeout, std::string pin, ConnectionHandler& handler)
    : handler_(handler), pin_(std::move(pin)), ssl_(SSL_new(client_context())) {
  use_memory();
  SSL_set_connect_state(ssl_.get());
  if (!parse_peer_address(to.host, 0)) SSL_set_tlsext_host_name(ssl_.get(), to.host.c_str());
  inner_ = reactor.connect(to, timeout, *this);
  deadline_ = reactor.call_after(2 * timeout, [this] { end({ErrorCode::timeout, "the TLS handshake was not finished in time", {}}); });
}

TlsConnection::TlsConnection(std::shared_ptr<const TlsIdentity> identity, ConnectionHandler& handler)
    : handler_(handler), identity_(std::move(identity)), ssl_(SSL_new(identity_->context())) {
  use_memory();
  SSL_set_accept_state(ssl_.get());
}

std::unique_ptr<TlsConnection> TlsConnection::accept(Reactor& reactor, int socket, std::shared_ptr<const TlsIdentity> identity,
                                                     Duration timeout, ConnectionHandler& handler) {
  std::unique_ptr<TlsConnection> out(new TlsConnection(std::move(identity), handler));
  auto inner = reactor.adopt(socket, *out);
  if (!inner) return nullptr;
  out->inner_ = std::move(*inner);
  out->deadline_ =
      reactor.call_after(timeout, [raw = out.get()] { raw->end({ErrorCode::timeout, "the TLS handshake was not finished in time", {}}); });
  return out;
}

void TlsConnection::use_memory() {
  received_ = BIO_new(BIO_s_mem());
  to_send_ = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl_.get(), received_, to_send_);
}

TlsConnection::~TlsConnection() {
  *alive_ = false;
  if (ready_ && !std::exchange(ended_, true)) {
    SSL_shutdown(ssl_.get());
    flush();
  }
}

void TlsConnection::send(ByteView bytes) {
  if (!ready_ || ended_ || bytes.empty()) return;
  std::size_t written = 0;
  if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written) != 1) ERR_clear_error();  // never with a memory BIO
  flush();
}

void TlsConnection::set_prompt(bool prompt) { inner_->set_prompt(prompt); }

void TlsConnection::on_connected() { shake_hands(); }

void TlsConnection::on_bytes(ByteView bytes) {
  const auto alive = alive_;
  BIO_write(received_, bytes.data(), static_cast<int>(bytes.size()));
  if (!ready_ && !shake_hands()) return;
  std::array<std::uint8_t, 16 * 1024> plain;
  while (*alive && !ended_) {
    std::size_t size = 0;
    if (SSL_read_ex(ssl_.get(), plain.data(), plain.size(), &size) != 1) {
      const int why = SSL_get_error(ssl_.get(), 0);
      if (why == SSL_ERROR_WANT_READ) break;
      const bool closed = why == SSL_ERROR_ZERO_RETURN;
      return end({ErrorCode::unavailable, closed ? "the peer closed the connection" : "TLS broke: " + openssl_reason(), {}});
    }
    handler_.on_bytes({plain.data(), size});
  }
  if (*alive && !ended_) flush();  // an answer to a key update or an alert
}

/// True when it is done and whoever uses the connection was told.
bool TlsConnection::shake_hands() {
  const int done = SSL_do_handshake(ssl_.get());
  const int why = SSL_get_error(ssl_.get(), done);
  const auto alive = alive_;
  flush();
  if (!*alive || ended_) return false;
  if (done != 1) {
    if (why != SSL_ERROR_WANT_READ) end({ErrorCode::unsupported, "no TLS connection: " + openssl_reason(), {}});
    return false;
  }
  if (!identity_) {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl_.get()), &X509_free);
    fingerprint_ = fingerprint_of(certificate.get());
  }
  if (!pin_.empty() && fingerprint_ != pin_) {
    end({ErrorCode::conflict,
         "the camera shows another certificate than before. If it was replaced on purpose, forget the old one at this camera",
         {}});
    return false;
  }
  ready_ = true;
  deadline_.reset();
  handler_.on_connected();
  return *alive && !ended_;
}

void TlsConnection::flush() {
  char* records = nullptr;
  const auto size = BIO_get_mem_data(to_send_, &records);
  if (size <= 0) return;
  const auto alive = alive_;  // too much in the queue ends the connection inside, and with it perhaps this
  inner_->send({reinterpret_cast<const std::uint8_t*>(records), static_cast<std::size_t>(size)});
  if (*alive) static_cast<void>(BIO_reset(to_send_));
}

void TlsConnection::on_closed(const Error& reason) {
  if (std::exchange(ended_, true)) return;
  handler_.on_closed(reason);
}

void TlsConnection::end(const Error& reason) {
  if (std::exchange(ended_, true)) return;
  deadline_.reset();
  inner_.reset();
  handler_.on_closed(reason);
}

}  // namespace ccoc::rtsp
