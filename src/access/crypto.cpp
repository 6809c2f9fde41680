#include "crypto.h"

#include <sodium.h>

#include <cstdio>
#include <cstdlib>

namespace ccoc::access {
namespace {

void ready() {
  static const bool good = sodium_init() >= 0;
  if (!good) {
    std::fprintf(stderr, "ccoc: libsodium cannot start: no source of randomness\n");
    std::abort();
  }
}

}  // namespace

Bytes random_bytes(std::size_t count) {
  ready();
  Bytes out(count);
  randombytes_buf(out.data(), out.size());
  return out;
}

std::string random_secret() { return base64url(random_bytes(32)); }

std::string base64url(ByteView bytes) {
  std::string out(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  out.pop_back();  // the terminating zero
  return out;
}

std::optional<Bytes> from_base64url(std::string_view text) {
  Bytes out(text.size() + 1);
  std::size_t size = 0;
  if (sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, nullptr,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0) {
    return std::nullopt;
  }
  out.resize(size);
  return out;
}

std::string hex(ByteView bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

Hash sha256(ByteView bytes) {
  Hash out;
  crypto_hash_sha256(out.data(), bytes.data(), bytes.size());
  return out;
}

Hash authenticate(std::string_view text, const Hash& key) {
  Hash out;
  static_assert(crypto_auth_hmacsha256_BYTES == sizeof(Hash) && crypto_auth_hmacsha256_KEYBYTES == sizeof(Hash));
  crypto_auth_hmacsha256(out.data(), as_bytes(text).data(), text.size(), key.data());
  return out;
}

bool same(ByteView a, ByteView b) { return a.size() == b.size() && (a.empty() || sodium_memcmp(a.data(), b.data(), a.size()) == 0); }

}  // namespace ccoc::access
