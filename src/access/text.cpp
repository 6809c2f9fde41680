#include "text.h"

#include <algorithm>

namespace ccoc::access {
namespace {

/// Bytes of the valid UTF-8 character at the front, 0 when there is none.
std::size_t character_width(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const auto lead = byte(0);
  if (lead < 0x80) return lead >= 0x20 && lead != 0x7f ? 1 : 0;
  const std::size_t width = lead >= 0xc2 && lead <= 0xdf ? 2 : (lead & 0xf0) == 0xe0 ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
  if (width == 0 || width > text.size()) return 0;
  for (std::size_t at = 1; at < width; ++at) {
    if ((byte(at) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies beyond U+10FFFF.
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;
  if (lead == 0xed && byte(1) > 0x9f) return 0;
  if (lead == 0xf0 && byte(1) < 0x90) return 0;
  if (lead == 0xf4 && byte(1) > 0x8f) return 0;
  return width;
}

}  // namespace

std::string tame(std::string_view text, std::size_t limit) {
  std::string out;
  while (!text.empty()) {
    const auto width = character_width(text);
    if (out.size() + std::max<std::size_t>(width, 1) > limit) break;
    out += width == 0 ? std::string_view("?") : text.substr(0, width);
    text.remove_prefix(std::max<std::size_t>(width, 1));
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

bool is_username(std::string_view text) {
  return text.size() >= 2 && text.size() <= 40 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") == std::string_view::npos;
}

}  // namespace ccoc::access
