// Text that came from outside, made fit to be kept and shown.
#pragma once

#include <string>
#include <string_view>

namespace ccoc::access {

/// At most `limit` bytes, valid UTF-8, no control characters: what does not fit becomes '?'.
std::string tame(std::string_view text, std::size_t limit);
/// ASCII letters made small.
std::string lower(std::string_view text);
/// [a-z0-9._-]{2,40}
bool is_username(std::string_view text);

}  // namespace ccoc::access
