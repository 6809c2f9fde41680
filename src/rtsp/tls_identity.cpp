#include "ccoc/rtsp/tls_identity.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>

#include "ccoc/base/reactor.h"

namespace ccoc::rtsp {
namespace {

namespace fs = std::filesystem;

constexpr auto lifetime = std::chrono::hours{24 * 3650};
constexpr auto renewed_within = std::chrono::hours{24 * 30};
constexpr auto begins_before = std::chrono::hours{24};  ///< players' clocks may be behind

template <class T, void (*release)(T*)>
struct Free {
  void operator()(T* owned) const { release(owned); }
};
using Certificate = std::unique_ptr<X509, Free<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY, EVP_PKEY_free>>;
struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Memory = std::unique_ptr<BIO, FreeBio>;

std::unexpected<Error> openssl_failed(const std::string& what) {
  const auto code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return fail(ErrorCode::invalid_argument, what + (reason == nullptr ? "" : std::string(": ") + reason));
}

std::string fingerprint_of(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) return {};
  static constexpr char hex[] = "0123456789abcdef";
  std::string out;
  for (unsigned i = 0; i < size; ++i) out += {hex[digest[i] >> 4], hex[digest[i] & 15]};
  return out;
}

UtcTime end_of(const X509* certificate) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) return {};
  return UtcTime{std::chrono::seconds{::timegm(&parts)}};
}

bool set_time(ASN1_TIME* into, UtcTime at) {
  return ASN1_TIME_set(into, std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count()) != nullptr;
}

bool add_extension(X509* certificate, int which, const std::string& value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION, X509_EXTENSION_free>> made(
      X509V3_EXT_conf_nid(nullptr, &context, which, value.c_str()));
  return made && X509_add_ext(certificate, made.get(), -1) == 1;
}

Certificate make_certificate(EVP_PKEY* key, const std::vector<std::string>& names, UtcTime now) {
  Certificate out(X509_new());
  std::array<unsigned char, 16> serial{};
  if (!out || RAND_bytes(serial.data(), serial.size()) != 1) return nullptr;
  serial[0] = static_cast<unsigned char>((serial[0] & 0x3f) | 0x40);  // positive, and always of the same length
  const std::unique_ptr<BIGNUM, Free<BIGNUM, BN_free>> number(BN_bin2bn(serial.data(), serial.size(), nullptr));
  std::string alternatives;
  for (const auto& name : names) {
    alternatives += (alternatives.empty() ? "" : ",") + std::string(parse_peer_address(name, 0) ? "IP:" : "DNS:") + name;
  }
  auto* subject = X509_get_subject_name(out.get());
  const auto* common = reinterpret_cast<const unsigned char*>(names.front().c_str());
  const bool good =
      number && X509_set_version(out.get(), 2) == 1 &&  // v3 (RFC 5280 §4.1.2.1)
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(out.get())) != nullptr &&
      set_time(X509_getm_notBefore(out.get()), now - begins_before) && set_time(X509_getm_notAfter(out.get()), now + lifetime) &&
      X509_set_pubkey(out.get(), key) == 1 && X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, common, -1, -1, 0) == 1 &&
      X509_set_issuer_name(out.get(), subject) == 1 && add_extension(out.get(), NID_basic_constraints, "critical,CA:FALSE") &&
      add_extension(out.get(), NID_key_usage, "critical,digitalSignature") && add_extension(out.get(), NID_ext_key_usage, "serverAuth") &&
      add_extension(out.get(), NID_subject_alt_name, alternatives) && X509_sign(out.get(), key, EVP_sha256()) > 0;
  return good ? std::move(out) : nullptr;
}

/// Whole or not at all, and never readable by others, not even for a moment.
Status write_private(const std::string& path, BIO* memory) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(memory, &data);
  const auto part = path + ".part";
  ::unlink(part.c_str());
  const int file = ::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return std::unexpected(errno_error(errno, "cannot write " + path));
  const bool written = ::write(file, data, static_cast<std::size_t>(size)) == size && ::fsync(file) == 0;
  const int why = errno;
  ::close(file);
  if (!written || ::rename(part.c_str(), path.c_str()) != 0) {
    const int reason = written ? errno : why;
    ::unlink(part.c_str());
    return std::unexpected(errno_error(reason, "cannot write " + path));
  }
  return {};
}

Status make_files(const std::string& certificate_path, const std::string& key_path, const std::vector<std::string>& names, UtcTime now) {
  const Key key(EVP_EC_gen("P-256"));
  const auto certificate = key ? make_certificate(key.get(), names, now) : nullptr;
  if (!certificate) return openssl_failed("no certificate could be made");
  const Memory key_text(BIO_new(BIO_s_mem())), certificate_text(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      PEM_write_bio_X509(certificate_text.get(), certificate.get()) != 1) {
    return openssl_failed("the certificate could not be written down");
  }
  // The certificate last: with it alone nothing could be shown, and a key without one is made anew.
  if (auto written = write_private(key_path, key_text.get()); !written) return written;
  return write_private(certificate_path, certificate_text.get());
}

Status must_exist(const std::string& path, const char* what) {
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored)) return {};
  return fail(ErrorCode::not_found, std::string("there is no ") + what + " at " + path);
}

}  // namespace

TlsIdentity::~TlsIdentity() { SSL_CTX_free(context_); }

Result<std::shared_ptr<const TlsIdentity>> TlsIdentity::load(const std::string& certificate, const std::string& key) {
  if (auto there = must_exist(certificate, "certificate"); !there) return std::unexpected(there.error());
  if (auto there = must_exist(key, "key"); !there) return std::unexpected(there.error());
  ERR_clear_error();
  std::shared_ptr<TlsIdentity> out(new TlsIdentity);
  out->context_ = SSL_CTX_new(TLS_server_method());
  SSL_CTX* context = out->context_;
  if (context == nullptr) return openssl_failed("no TLS");
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // A passphrase is never asked for at a terminal.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return 0; });
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) return openssl_failed(certificate + " holds no certificate");
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) return openssl_failed(key + " holds no key for it");
  if (SSL_CTX_check_private_key(context) != 1) return openssl_failed(key + " is not the key of " + certificate);
  const auto* shown = SSL_CTX_get0_certificate(context);
  out->fingerprint_ = fingerprint_of(shown);
  out->expires_at_ = end_of(shown);
  return out;
}

Result<std::shared_ptr<const TlsIdentity>> TlsIdentity::load_or_make(const std::string& folder, const std::vector<std::string>& names,
                                                                     UtcTime now) {
  const auto certificate = folder + "/certificate.pem", key = folder + "/key.pem";
  std::error_code bad;
  fs::create_directories(folder, bad);
  if (bad) return fail(ErrorCode::io, "cannot make " + folder + ": " + bad.message());
  fs::permissions(folder, fs::perms::owner_all, bad);
  if (fs::exists(certificate, bad) && fs::exists(key, bad)) {
    auto known = load(certificate, key);
    if (!known || (*known)->expires_at() - now > renewed_within) return known;
  }
  if (auto made = make_files(certificate, key, names, now); !made) return std::unexpected(made.error());
  return load(certificate, key);
}

}  // namespace ccoc::rtsp
