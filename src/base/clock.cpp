#include "ccoc/base/clock.h"

namespace ccoc {

UtcTime SystemClock::utc_now() const { return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()); }

MonoTime SystemClock::now() const { return std::chrono::floor<std::chrono::microseconds>(std::chrono::steady_clock::now()); }

}  // namespace ccoc
