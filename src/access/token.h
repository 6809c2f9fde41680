// Short-lived tokens for one camera and range: the facts themselves, signed. Nothing is stored.
#pragma once

#include <string>
#include <string_view>

#include "ccoc/access/model.h"
#include "crypto.h"

namespace ccoc::access {

std::string write_token(const StreamToken& token, const Hash& key);
/// `unauthenticated` when it was not made with this key, or has expired.
Result<StreamToken> read_token(std::string_view text, const Hash& key, UtcTime now);

}  // namespace ccoc::access
