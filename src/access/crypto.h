// Randomness, hashes and text forms of both; over libsodium.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ccoc/base/bytes.h"

namespace ccoc::access {

using Hash = std::array<std::uint8_t, 32>;

/// Aborts when the machine has no randomness.
Bytes random_bytes(std::size_t count);
/// 32 random bytes as 43 characters of base64url (RFC 4648 §5, no padding).
std::string random_secret();
std::string base64url(ByteView bytes);
std::optional<Bytes> from_base64url(std::string_view text);
std::string hex(ByteView bytes);
Hash sha256(ByteView bytes);
inline Hash sha256(std::string_view text) { return sha256(as_bytes(text)); }
/// HMAC-SHA-256.
Hash authenticate(std::string_view text, const Hash& key);
/// Takes the same time wherever they differ. Different lengths are told at once.
bool same(ByteView a, ByteView b);

}  // namespace ccoc::access
