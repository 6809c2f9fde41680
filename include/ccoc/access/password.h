// Passwords: argon2id (RFC 9106) with 19 MiB, two passes, one lane (OWASP's minimum that leaves the hub's
// memory figure alone). One computation at a time in the process.
#pragma once

#include <string>
#include <string_view>

#include "ccoc/base/result.h"

namespace ccoc::access {

/// The encoded hash, salt and parameters ("$argon2id$v=19$m=19456,t=2,p=1$…").
Result<std::string> hash_password(std::string_view password);
bool verify_password(std::string_view encoded, std::string_view password);
/// Spends the time of a verification and says no: for users that do not exist.
bool verify_nobody(std::string_view password);

/// 10 to 200 characters of valid UTF-8, not the username, not one repeated character; `invalid_argument` with field "password".
Status check_password(std::string_view password, std::string_view username);

/// 20 characters out of 32 that are hard to confuse (100 bits), in groups: "k7mq2-…".
std::string random_password();

}  // namespace ccoc::access
