// What must hold for every input: the fuzzer takes the abort for a finding.
#pragma once

#include <cstdlib>

#include "ccoc/base/bytes.h"

inline void check(bool holds) {
  if (!holds) std::abort();
}
