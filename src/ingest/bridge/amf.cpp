#include "amf.h"

#include <bit>
#include <cstdint>

namespace ccoc::ingest::bridge {
namespace {

constexpr std::uint8_t number_marker = 0, boolean_marker = 1, text_marker = 2, object_marker = 3, null_marker = 5, undefined_marker = 6,
                       array_marker = 8, end_marker = 9, list_marker = 10, date_marker = 11, long_text_marker = 12;
constexpr int deepest = 8;

}  // namespace

bool AmfReader::take(std::size_t size) {
  const bool there = size <= rest_.size();
  rest_ = there ? rest_.subspan(size) : ByteView();
  return there;
}

std::optional<std::string> AmfReader::short_text() {
  if (rest_.size() < 2) return std::nullopt;
  const std::size_t size = static_cast<std::size_t>(rest_[0]) << 8 | rest_[1];
  if (size > rest_.size() - 2) return std::nullopt;
  std::string out(as_text(rest_.subspan(2, size)));
  rest_ = rest_.subspan(2 + size);
  return out;
}

std::optional<std::string> AmfReader::text() {
  if (rest_.empty() || rest_[0] != text_marker || !take(1)) return std::nullopt;
  return short_text();
}

std::optional<double> AmfReader::number() {
  if (rest_.size() < 9 || rest_[0] != number_marker) return std::nullopt;
  std::uint64_t bits = 0;
  for (std::size_t i = 1; i < 9; ++i) bits = bits << 8 | rest_[i];
  rest_ = rest_.subspan(9);
  return std::bit_cast<double>(bits);
}

bool AmfReader::skip(int depth) {
  if (rest_.empty() || depth > deepest) return false;
  const auto marker = rest_[0];
  rest_ = rest_.subspan(1);
  switch (marker) {
    case number_marker: return take(8);
    case boolean_marker: return take(1);
    case text_marker: return short_text().has_value();
    case null_marker:
    case undefined_marker: return true;
    case date_marker: return take(10);
    case array_marker:
      if (!take(4)) return false;
      [[fallthrough]];
    case object_marker:
      for (;;) {
        const auto name = short_text();
        if (!name) return false;
        if (name->empty() && !rest_.empty() && rest_[0] == end_marker) return take(1);
        if (!skip(depth + 1)) return false;
      }
    case list_marker: {
      if (rest_.size() < 4) return false;
      std::uint32_t count = 0;
      for (std::size_t i = 0; i < 4; ++i) count = count << 8 | rest_[i];
      rest_ = rest_.subspan(4);
      for (std::uint32_t i = 0; i < count; ++i)
        if (!skip(depth + 1)) return false;
      return true;
    }
    case long_text_marker: {
      if (rest_.size() < 4) return false;
      std::uint32_t size = 0;
      for (std::size_t i = 0; i < 4; ++i) size = size << 8 | rest_[i];
      return take(std::size_t{4} + size);
    }
    default: return false;
  }
}

std::optional<std::string> AmfReader::text_in_object(std::string_view name) {
  std::optional<std::string> out;
  if (rest_.empty() || rest_[0] != object_marker || !take(1)) return std::nullopt;
  for (;;) {
    const auto found = short_text();
    if (!found) return std::nullopt;
    if (found->empty() && !rest_.empty() && rest_[0] == end_marker) {
      take(1);
      return out;
    }
    if (*found == name && !rest_.empty() && rest_[0] == text_marker) {
      out = text();
    } else if (!skip(1)) {
      return std::nullopt;
    }
  }
}

void AmfWriter::short_text(std::string_view value) {
  out_.push_back(static_cast<std::uint8_t>(value.size() >> 8));
  out_.push_back(static_cast<std::uint8_t>(value.size()));
  out_.insert(out_.end(), value.begin(), value.end());
}

AmfWriter& AmfWriter::text(std::string_view value) {
  out_.push_back(text_marker);
  short_text(value);
  return *this;
}

AmfWriter& AmfWriter::number(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  out_.push_back(number_marker);
  for (int shift = 56; shift >= 0; shift -= 8) out_.push_back(static_cast<std::uint8_t>(bits >> shift));
  return *this;
}

AmfWriter& AmfWriter::null() {
  out_.push_back(null_marker);
  return *this;
}

AmfWriter& AmfWriter::begin_object() {
  out_.push_back(object_marker);
  return *this;
}

AmfWriter& AmfWriter::property(std::string_view name) {
  short_text(name);
  return *this;
}

AmfWriter& AmfWriter::end_object() {
  short_text({});
  out_.push_back(end_marker);
  return *this;
}

}  // namespace ccoc::ingest::bridge
