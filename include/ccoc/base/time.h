// Time is a type, never an integer. UTC instants and durations have microsecond resolution.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "ccoc/base/result.h"

namespace ccoc {

using Duration = std::chrono::microseconds;
/// Wall-clock instant, µs since 1970-01-01T00:00:00Z (POSIX time, no leap seconds).
using UtcTime = std::chrono::sys_time<std::chrono::microseconds>;
/// Instant of a clock that never steps; only differences mean something.
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::microseconds>;

/// A media time: `ticks` of 1/`timescale` second. 90 kHz for video (RFC 6184 §5.1).
struct MediaTime {
  std::int64_t ticks = 0;
  std::uint32_t timescale = 90000;
  friend bool operator==(const MediaTime&, const MediaTime&) = default;
};

inline constexpr std::uint32_t video_timescale = 90000;

/// Ticks of `timescale` in `d`, rounded to nearest.
constexpr std::int64_t to_ticks(Duration d, std::uint32_t timescale) {
  const auto us = d.count();
  const auto scale = static_cast<std::int64_t>(timescale);
  const auto whole = us / 1'000'000 * scale;
  const auto part = us % 1'000'000 * scale;
  return whole + (part + (part >= 0 ? 500'000 : -500'000)) / 1'000'000;
}

/// The duration of `ticks` of 1/`timescale` second, rounded to nearest microsecond.
constexpr Duration from_ticks(std::int64_t ticks, std::uint32_t timescale) {
  const auto scale = static_cast<std::int64_t>(timescale);
  const auto whole = ticks / scale * 1'000'000;
  const auto part = ticks % scale * 1'000'000;
  return Duration{whole + (part + (part >= 0 ? scale / 2 : -scale / 2)) / scale};
}

/// "2026-11-24T05:23:57.123Z" (RFC 3339, always UTC, always milliseconds).
std::string format_rfc3339(UtcTime t);
/// Takes RFC 3339 with any offset and any fraction; fails with `invalid_argument` and what was expected.
Result<UtcTime> parse_rfc3339(std::string_view text);

/// "2026-11-24" and "052357Z": the parts of a footage path, in UTC.
std::string format_day(UtcTime t);
std::string format_time_of_day(UtcTime t);

}  // namespace ccoc
