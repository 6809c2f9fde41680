// Who asks what time it is asks a Clock, so that tests and the simulation own time.
#pragma once

#include "ccoc/base/time.h"

namespace ccoc {

/// Thread-safe source of time.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall clock; may step when the machine's clock is corrected.
  virtual UtcTime utc_now() const = 0;
  /// Never steps back.
  virtual MonoTime now() const = 0;
};

/// The kernel's clocks.
class SystemClock final : public Clock {
 public:
  UtcTime utc_now() const override;
  MonoTime now() const override;
};

}  // namespace ccoc
