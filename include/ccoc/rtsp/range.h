// The Range header (RFC 2326 §12.29): seconds since the beginning (npt, §3.6) or UTC (clock, §3.7).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ccoc/base/result.h"
#include "ccoc/base/time.h"

namespace ccoc::rtsp {

struct Range {
  enum class Unit { npt, clock };
  Unit unit = Unit::npt;
  bool now = false;  ///< npt=now-
  std::optional<Duration> npt_from, npt_to;
  std::optional<UtcTime> from, to;
};

/// `unsupported` for other units (smpte), `invalid_argument` for what is no range.
Result<Range> parse_range(std::string_view value);

/// "20261124T052357.250Z".
std::string format_clock(UtcTime t);
/// "clock=20261124T052357.250Z-", with an end where there is one.
std::string clock_range(UtcTime from, std::optional<UtcTime> to);

}  // namespace ccoc::rtsp
