// A machine without a battery begins in 1970, until a time server tells it better (faults.md D4).
#pragma once

#include "ccoc/base/time.h"

namespace ccoc::archive {

/// 2025-01-01: nothing was recorded before, so a clock that says so was not set yet.
inline constexpr UtcTime clock_unset_before{std::chrono::seconds{1'735'689'600}};

inline bool is_unset(UtcTime t) { return t < clock_unset_before; }

}  // namespace ccoc::archive
