#include "ccoc/access/password.h"

#include <sodium.h>

#include <mutex>

#include "crypto.h"
#include "text.h"

namespace ccoc::access {
namespace {

constexpr unsigned long long passes = 2;
constexpr std::size_t memory_bytes = 19u * 1024 * 1024;
constexpr std::size_t shortest = 10;
constexpr std::size_t longest = 200;

/// One computation at a time: a flood of log-ins costs a queue, not 19 MiB for each.
std::mutex& one_at_a_time() {
  static std::mutex mutex;
  return mutex;
}

/// Code points of valid UTF-8, or nothing.
std::optional<std::size_t> utf8_length(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t width = lead < 0x80                   ? 1
                              : lead >= 0xc2 && lead < 0xe0 ? 2
                              : lead >= 0xe0 && lead < 0xf0 ? 3
                              : lead >= 0xf0 && lead < 0xf5 ? 4
                                                            : 0;
    if (width == 0 || at + width > text.size()) return std::nullopt;
    for (std::size_t i = 1; i < width; ++i) {
      if ((static_cast<unsigned char>(text[at + i]) & 0xc0) != 0x80) return std::nullopt;
    }
    at += width;
  }
  return count;
}

}  // namespace

Result<std::string> hash_password(std::string_view password) {
  (void)random_bytes(1);  // libsodium is initialised
  const std::lock_guard lock(one_at_a_time());
  std::string out(crypto_pwhash_STRBYTES, '\0');
  if (crypto_pwhash_str_alg(out.data(), password.data(), password.size(), passes, memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return fail(ErrorCode::limit_exceeded, "no memory to hash a password; try again");
  }
  out.resize(out.find('\0'));
  return out;
}

bool verify_password(std::string_view encoded, std::string_view password) {
  const std::lock_guard lock(one_at_a_time());
  const std::string terminated(encoded);
  return crypto_pwhash_str_verify(terminated.c_str(), password.data(), password.size()) == 0;
}

bool verify_nobody(std::string_view password) {
  static const std::string nobody = hash_password(random_secret()).value_or(std::string());
  (void)verify_password(nobody, password);
  return false;
}

Status check_password(std::string_view password, std::string_view username) {
  const auto refuse = [](std::string why) { return fail(ErrorCode::invalid_argument, std::move(why), "password"); };
  const auto length = utf8_length(password);
  if (!length || password.find('\0') != std::string_view::npos) return refuse("the password is not valid UTF-8 text");
  if (*length < shortest) return refuse("the password needs at least 10 characters");
  if (*length > longest) return refuse("the password may have at most 200 characters");
  if (password.find_first_not_of(password.front()) == std::string_view::npos) {
    return refuse("the password is one character repeated");
  }
  if (!username.empty() && lower(password) == lower(username)) return refuse("the password is the user's name");
  return {};
}

std::string random_password() {
  static constexpr std::string_view alphabet = "abcdefghijkmnpqrstuvwxyz23456789";
  static_assert(alphabet.size() == 32);
  std::string out;
  for (const std::uint8_t byte : random_bytes(20)) {
    if (out.size() % 6 == 5) out += '-';
    out += alphabet[byte % alphabet.size()];
  }
  return out;
}

}  // namespace ccoc::access
