#include "ccoc/db/row.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace ccoc::db {
namespace {

[[noreturn]] void broken(const char* what, std::string_view detail) {
  std::fprintf(stderr, "ccoc: database row: %s '%.*s'\n", what, static_cast<int>(detail.size()), detail.data());
  std::abort();
}

// https://www.postgresql.org/docs/current/catalog-pg-type.html; the numbers of built-in types do not change.
namespace type {
constexpr std::uint32_t boolean = 16, bytea = 17, int8 = 20, int2 = 21, int4 = 23, text = 25, float8 = 701, int8_array = 1016,
                        varchar = 1043, timestamptz = 1184;
}

/// Whatever is not as the type says is a mistake of the program, like a wrong type.
[[noreturn]] void no_binary(const char* what, std::uint32_t type) { broken(what, "binary, of type " + std::to_string(type)); }

/// Big-endian, as all numbers travel.
std::int64_t big_endian(std::string_view bytes) {
  std::uint64_t value = !bytes.empty() && (bytes[0] & 0x80) ? ~std::uint64_t{0} : 0;
  for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
  return static_cast<std::int64_t>(value);
}

std::int64_t binary_number(std::uint32_t type, std::string_view value) {
  const std::size_t size = type == type::int8 ? 8 : type == type::int4 ? 4 : type == type::int2 ? 2 : 0;
  if (size == 0 || value.size() != size) no_binary("not a number", type);
  return big_endian(value);
}

double binary_double(std::uint32_t type, std::string_view value) {
  if (type != type::float8 || value.size() != 8) no_binary("not a number", type);
  return std::bit_cast<double>(big_endian(value));
}

/// Microseconds since 2000.
UtcTime binary_utc(std::uint32_t type, std::string_view value) {
  static constexpr UtcTime year_2000{std::chrono::seconds{946'684'800}};
  if (type != type::timestamptz || value.size() != 8) no_binary("not a timestamptz", type);
  return year_2000 + Duration{big_endian(value)};
}

/// Dimensions (one, or none when it is empty), whether there are nulls, the elements' type; for each dimension its length and first
/// number; for each element its length and value.
std::vector<std::int64_t> binary_numbers(std::uint32_t type, std::string_view value) {
  constexpr std::size_t head = 12, dimension = 8, element = 12;
  if (type != type::int8_array || value.size() < head) no_binary("not a bigint[]", type);
  const auto dimensions = big_endian(value.substr(0, 4)), has_nulls = big_endian(value.substr(4, 4));
  if (dimensions == 0) return {};
  if (has_nulls != 0) no_binary("not a bigint[] without nulls", type);
  value.remove_prefix(head);
  if (dimensions != 1 || value.size() < dimension) no_binary("not a bigint[] of one dimension", type);
  value.remove_prefix(dimension);
  if (value.size() % element != 0) no_binary("not a whole bigint[]", type);
  std::vector<std::int64_t> out;
  out.reserve(value.size() / element);
  for (; !value.empty(); value.remove_prefix(element)) out.push_back(big_endian(value.substr(4, 8)));
  return out;
}

/// PostgreSQL in UTC writes "2026-11-24 05:23:57.123456+00".
UtcTime parse_timestamptz(std::string_view text) {
  std::string rfc(text);
  if (rfc.size() > 10 && rfc[10] == ' ') rfc[10] = 'T';
  if (rfc.ends_with("+00")) rfc.replace(rfc.size() - 3, 3, "Z");
  const auto parsed = parse_rfc3339(rfc);
  if (!parsed) broken("not a timestamptz", text);
  return *parsed;
}

template <class T>
T parse_number(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto done = std::from_chars(text.data(), end, value);
  if (done.ec != std::errc{} || done.ptr != end) broken("not a number", text);
  return value;
}

template <>
double parse_number<double>(std::string_view text) {
  if (text == "NaN") return std::nan("");
  if (text == "Infinity") return HUGE_VAL;
  if (text == "-Infinity") return -HUGE_VAL;
  double value{};
  const char* end = text.data() + text.size();
  const auto done = std::from_chars(text.data(), end, value);
  if (done.ec != std::errc{} || done.ptr != end) broken("not a number", text);
  return value;
}

/// The value of a hex digit as PostgreSQL writes it; 16 of everything else. A timeline is a million of them.
constexpr auto nibbles = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(16);
  for (std::size_t i = 0; i < 16; ++i) values[static_cast<unsigned char>("0123456789abcdef"[i])] = static_cast<std::uint8_t>(i);
  return values;
}();

}  // namespace

Param::Param(double value) {
  if (std::isnan(value)) {
    text_ = "NaN";
  } else if (std::isinf(value)) {
    text_ = value > 0 ? "Infinity" : "-Infinity";
  } else {
    char buffer[40];
    const auto done = std::to_chars(buffer, buffer + sizeof buffer, value);
    text_ = std::string(buffer, done.ptr);
  }
}

Param::Param(UtcTime value) {
  // The seconds of format_rfc3339, with microseconds instead of milliseconds.
  const auto second = std::chrono::floor<std::chrono::seconds>(value);
  char fraction[24];
  std::snprintf(fraction, sizeof fraction, ".%06dZ", static_cast<int>((value - second).count()));
  text_ = format_rfc3339(value).substr(0, 19) + fraction;
}

Param::Param(ByteView bytes) {
  static constexpr char hex[] = "0123456789abcdef";
  std::string out = "\\x";
  out.reserve(2 + bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    out += hex[byte >> 4];
    out += hex[byte & 15];
  }
  text_ = std::move(out);
}

std::size_t Row::column(std::string_view name) const {
  for (std::size_t at = 0; at < cells_->names.size(); ++at) {
    if (cells_->names[at] == name) return at;
  }
  broken("no column is called", name);
}

const std::optional<std::string_view>& Row::cell(std::size_t at) const {
  if (at >= size()) broken("no column has the number", std::to_string(at));
  return cells_->values[first_ + at];
}

std::string Row::text(std::size_t at) const { return maybe_text(at).value_or(std::string()); }
std::int64_t Row::i64(std::size_t at) const { return maybe_i64(at).value_or(0); }
double Row::f64(std::size_t at) const { return maybe_f64(at).value_or(0); }
UtcTime Row::utc(std::size_t at) const { return maybe_utc(at).value_or(UtcTime{}); }

bool Row::boolean(std::size_t at) const {
  const auto& value = cell(at);
  if (!value) return false;
  if (const auto type = binary_type(at); type != 0) {
    if (type != type::boolean || value->size() != 1) no_binary("not a boolean", type);
    return (*value)[0] != 0;
  }
  if (*value != "t" && *value != "f") broken("not a boolean", *value);
  return *value == "t";
}

ByteView Row::byte_view(std::size_t at) const {
  const auto& value = cell(at);
  if (!value) return {};
  if (binary_type(at) != type::bytea) no_binary("not a bytea", binary_type(at));
  return as_bytes(*value);
}

Bytes Row::bytes(std::size_t at) const {
  const auto& value = cell(at);
  if (!value) return {};
  if (binary_type(at) != 0) {
    const auto view = byte_view(at);
    return {view.begin(), view.end()};
  }
  Bytes out;
  if (!value->starts_with("\\x") || value->size() % 2 != 0) broken("not a bytea", *value);
  out.resize(value->size() / 2 - 1);
  std::uint8_t all = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto high = nibbles[static_cast<unsigned char>((*value)[2 * i + 2])];
    const auto low = nibbles[static_cast<unsigned char>((*value)[2 * i + 3])];
    all |= high | low;
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  if (all >= 16) broken("not a bytea", *value);
  return out;
}

std::vector<std::int64_t> Row::i64s(std::size_t at) const {
  const auto& value = cell(at);
  return value ? binary_numbers(binary_type(at), *value) : std::vector<std::int64_t>{};
}

std::optional<std::string> Row::maybe_text(std::size_t at) const {
  const auto& value = cell(at);
  if (const auto type = binary_type(at); value && type != 0 && type != type::text && type != type::varchar) no_binary("not a text", type);
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

std::optional<std::int64_t> Row::maybe_i64(std::size_t at) const {
  const auto& value = cell(at);
  if (!value) return std::nullopt;
  return binary_type(at) != 0 ? binary_number(binary_type(at), *value) : parse_number<std::int64_t>(*value);
}

std::optional<double> Row::maybe_f64(std::size_t at) const {
  const auto& value = cell(at);
  if (!value) return std::nullopt;
  return binary_type(at) != 0 ? binary_double(binary_type(at), *value) : parse_number<double>(*value);
}

std::optional<UtcTime> Row::maybe_utc(std::size_t at) const {
  const auto& value = cell(at);
  if (!value) return std::nullopt;
  return binary_type(at) != 0 ? binary_utc(binary_type(at), *value) : parse_timestamptz(*value);
}

}  // namespace ccoc::db
