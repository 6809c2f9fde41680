#include "ccoc/base/time.h"

#include <cstdio>

namespace ccoc {
namespace {

using namespace std::chrono;

struct Civil {
  year_month_day date;
  hh_mm_ss<microseconds> clock;
};

Civil civil(UtcTime t) {
  const auto day = floor<days>(t);
  return {year_month_day{day}, hh_mm_ss<microseconds>{t - day}};
}

bool digits(std::string_view text, std::size_t at, std::size_t count, int& out) {
  if (at + count > text.size()) return false;
  out = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + (text[i] - '0');
  }
  return true;
}

std::unexpected<Error> bad_time(std::string_view text) {
  return fail(ErrorCode::invalid_argument,
              "'" + std::string(text.substr(0, 40)) + "' is not a time; write it as 2026-11-24T05:23:57.123Z (RFC 3339)");
}

}  // namespace

std::string format_rfc3339(UtcTime t) {
  const auto c = civil(t);
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(c.date.year()),
                static_cast<unsigned>(c.date.month()), static_cast<unsigned>(c.date.day()), static_cast<int>(c.clock.hours().count()),
                static_cast<int>(c.clock.minutes().count()), static_cast<int>(c.clock.seconds().count()),
                static_cast<int>(duration_cast<milliseconds>(c.clock.subseconds()).count()));
  return buffer;
}

Result<UtcTime> parse_rfc3339(std::string_view text) {
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0;
  if (text.size() < 20 || !digits(text, 0, 4, y) || text[4] != '-' || !digits(text, 5, 2, mo) || text[7] != '-' || !digits(text, 8, 2, d) ||
      (text[10] != 'T' && text[10] != 't' && text[10] != ' ') || !digits(text, 11, 2, h) || text[13] != ':' || !digits(text, 14, 2, mi) ||
      text[16] != ':' || !digits(text, 17, 2, s)) {
    return bad_time(text);
  }
  const year_month_day date{year{y}, month{static_cast<unsigned>(mo)}, day{static_cast<unsigned>(d)}};
  if (!date.ok() || h > 23 || mi > 59 || s > 60) return bad_time(text);
  std::size_t at = 19;
  std::int64_t fraction_us = 0;
  if (text[at] == '.') {
    std::int64_t unit = 100'000;
    const std::size_t first = ++at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10) {
      fraction_us += unit * (text[at] - '0');
    }
    if (at == first) return bad_time(text);
  }
  if (at >= text.size()) return bad_time(text);
  minutes offset{0};
  if (text[at] == 'Z' || text[at] == 'z') {
    ++at;
  } else if (text[at] == '+' || text[at] == '-') {
    int oh = 0, om = 0;
    if (!digits(text, at + 1, 2, oh) || at + 3 >= text.size() || text[at + 3] != ':' || !digits(text, at + 4, 2, om) || oh > 23 ||
        om > 59) {
      return bad_time(text);
    }
    offset = minutes{(oh * 60 + om) * (text[at] == '-' ? -1 : 1)};
    at += 6;
  } else {
    return bad_time(text);
  }
  if (at != text.size()) return bad_time(text);
  return UtcTime{sys_days{date}} + hours{h} + minutes{mi} + seconds{s} + microseconds{fraction_us} - offset;
}

std::string format_day(UtcTime t) { return format_rfc3339(t).substr(0, 10); }

std::string format_time_of_day(UtcTime t) {
  const auto text = format_rfc3339(t);
  return text.substr(11, 2) + text.substr(14, 2) + text.substr(17, 2) + "Z";
}

}  // namespace ccoc
