// Secrets at rest: XSalsa20-Poly1305 (libsodium crypto_secretbox) with a key in a file of mode 600, kept outside the
// database. A copy of the database alone tells no camera password.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "ccoc/base/result.h"

namespace ccoc::registry {

class SecretBox {
 public:
  /// Reads the key file, or makes it (mode 600) when it does not exist. Refuses one that others can read
  /// (`permission_denied`) or that is no key (`corrupt`).
  static Result<SecretBox> open(const std::filesystem::path& key_file);

  /// Nonce and box, base64. Each call differs.
  std::string seal(std::string_view secret) const;
  /// `corrupt` when the text was changed or sealed with another key.
  Result<std::string> unseal(std::string_view sealed) const;

 private:
  explicit SecretBox(std::array<std::uint8_t, 32> key) : key_(key) {}
  std::array<std::uint8_t, 32> key_;
};

}  // namespace ccoc::registry
