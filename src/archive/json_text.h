// JSON made for one purpose: many rows as one bound parameter of a statement.
#pragma once

#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

namespace ccoc::archive {

/// Length of the UTF-8 sequence at the front of `text`; 0 when it is none (RFC 3629 §4, surrogates and overlong
/// forms refused: PostgreSQL would refuse them too).
inline std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0u) == 0x80u; };
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool ok = !(first == 0xe0 && second < 0xa0) && !(first == 0xed && second > 0x9f);
    return ok && tail(1) && tail(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool ok = !(first == 0xf0 && second < 0x90) && !(first == 0xf4 && second > 0x8f);
    return ok && tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

/// What is no UTF-8 becomes '?': one camera's strange answer must not stop the index.
inline void append_json(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const auto length = utf8_length(text.substr(at));
    if (length != 1) {
      out += length == 0 ? std::string_view("?") : text.substr(at, length);
      at += length == 0 ? 1 : length;
      continue;
    }
    const char c = text[at++];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      out += c == '\0' ? std::string_view(" ") : std::string_view(escaped);
    } else {
      out += c;
    }
  }
  out += '"';
}

/// `["a","b"]`
inline std::string json_texts(std::span<const std::string> texts) {
  std::string out = "[";
  for (const auto& text : texts) {
    if (out.size() > 1) out += ',';
    append_json(out, text);
  }
  return out + "]";
}

/// `[{"a":1},{"a":2}]`: begin() a row, add() its columns.
class JsonRows {
 public:
  void begin() {
    out_ += out_.size() > 1 ? "},{" : "{";
    first_ = true;
  }
  void add(std::string_view name, std::string_view value) {
    key(name);
    append_json(out_, value);
  }
  void add(std::string_view name, std::int64_t value) {
    key(name);
    out_ += std::to_string(value);
  }
  void add_bool(std::string_view name, bool value) {
    key(name);
    out_ += value ? "true" : "false";
  }
  std::string text() const { return out_.size() > 1 ? out_ + "}]" : "[]"; }

 private:
  void key(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    append_json(out_, name);
    out_ += ':';
  }
  std::string out_ = "[";
  bool first_ = true;
};

}  // namespace ccoc::archive
