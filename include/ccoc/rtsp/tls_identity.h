// What a TLS server shows of itself: a certificate and its key, given or self-made.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ccoc/base/result.h"
#include "ccoc/base/time.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace ccoc::rtsp {

/// Thread-safe once made. TLS 1.2 (RFC 5246) and 1.3 (RFC 8446).
class TlsIdentity {
 public:
  /// PEM files (RFC 7468): the certificate first, then the chain; the key without a passphrase. `not_found` for a file that is not
  /// there, `invalid_argument` for what is no certificate or key, or when the two do not belong together.
  static Result<std::shared_ptr<const TlsIdentity>> load(const std::string& certificate, const std::string& key);

  /// certificate.pem and key.pem (mode 600) in `folder` (mode 700), which are made when they are not there, or when the certificate
  /// has less than 30 days at `now`: ECDSA P-256, self-signed, ten years, for `names` (host names and addresses; the first
  /// is its subject). Errors: `io`, and as load().
  static Result<std::shared_ptr<const TlsIdentity>> load_or_make(const std::string& folder, const std::vector<std::string>& names,
                                                                 UtcTime now);

  ~TlsIdentity();
  TlsIdentity(const TlsIdentity&) = delete;
  TlsIdentity& operator=(const TlsIdentity&) = delete;

  /// SHA-256 of the certificate (DER), lower-case hex: what a player may be given to pin.
  const std::string& fingerprint() const { return fingerprint_; }
  UtcTime expires_at() const { return expires_at_; }
  ssl_ctx_st* context() const { return context_; }

 private:
  TlsIdentity() = default;
  ssl_ctx_st* context_ = nullptr;
  std::string fingerprint_;
  UtcTime expires_at_;
};

}  // namespace ccoc::rtsp
