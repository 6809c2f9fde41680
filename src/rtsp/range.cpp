#include "ccoc/rtsp/range.h"

#include <cmath>
#include <cstdlib>

#include "text.h"

namespace ccoc::rtsp {
namespace {

constexpr double longest_npt_s = 10.0 * 365 * 86400;

std::unexpected<Error> no_range() { return fail(ErrorCode::invalid_argument, "this is no Range that RFC 2326 knows", "Range"); }

/// Digits and at most one '.', no sign, no exponent.
std::optional<double> number(std::string_view text) {
  if (text.empty() || text.size() > 20) return std::nullopt;
  int dots = 0;
  for (const char c : text) {
    if (c == '.')
      ++dots;
    else if (!is_digit(c))
      return std::nullopt;
  }
  if (dots > 1 || text == ".") return std::nullopt;
  return std::strtod(std::string(text).c_str(), nullptr);
}

/// "123.45" or "12:05:35.3".
std::optional<Duration> parse_npt(std::string_view text) {
  double seconds = 0;
  for (int parts = 0; !text.empty(); ++parts) {
    const auto part = number(take(text, ':'));
    if (!part || parts == 3) return std::nullopt;
    seconds = seconds * 60 + *part;
  }
  if (!(seconds <= longest_npt_s)) return std::nullopt;
  return Duration{std::llround(seconds * 1e6)};
}

/// "19961108T143720.25Z".
std::optional<UtcTime> parse_clock(std::string_view text) {
  if (text.size() < 16 || (text[8] != 'T' && text[8] != 't') || (text.back() != 'Z' && text.back() != 'z')) return std::nullopt;
  const auto part = [&](std::size_t at, std::size_t size) { return std::string(text.substr(at, size)); };
  const auto fraction = part(15, text.size() - 16);
  if (!fraction.empty() && (fraction[0] != '.' || fraction.size() < 2)) return std::nullopt;
  const auto whole = parse_rfc3339(part(0, 4) + "-" + part(4, 2) + "-" + part(6, 2) + "T" + part(9, 2) + ":" + part(11, 2) + ":" +
                                   part(13, 2) + fraction + "Z");
  return whole ? std::optional(*whole) : std::nullopt;
}

}  // namespace

Result<Range> parse_range(std::string_view value) {
  value = trim(take(value, ';'));  // a time to begin at is not looked at
  if (value.find('=') == std::string_view::npos) return no_range();
  const auto unit = trim(take(value, '='));
  const auto first = trim(take(value, '-'));
  const auto last = trim(value);
  Range out;
  if (iequals(unit, "npt")) {
    out.now = iequals(first, "now");
    if (!out.now && !first.empty() && !(out.npt_from = parse_npt(first))) return no_range();
    if (!last.empty() && !(out.npt_to = parse_npt(last))) return no_range();
    return out;
  }
  if (iequals(unit, "clock")) {
    out.unit = Range::Unit::clock;
    if (!(out.from = parse_clock(first))) return no_range();
    if (!last.empty() && !(out.to = parse_clock(last))) return no_range();
    return out;
  }
  if (istarts_with(unit, "smpte")) return fail(ErrorCode::unsupported, "only npt and clock ranges are understood", "Range");
  return no_range();
}

std::string format_clock(UtcTime t) {
  std::string out;
  for (const char c : format_rfc3339(t)) {
    if (c != '-' && c != ':') out += c;
  }
  return out;
}

std::string clock_range(UtcTime from, std::optional<UtcTime> to) {
  return "clock=" + format_clock(from) + "-" + (to ? format_clock(*to) : std::string());
}

}  // namespace ccoc::rtsp
