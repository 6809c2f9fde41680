// Locks the process in: from then on it can compute, and read and write what is open already.
#pragma once

#include "ccoc/base/result.h"

namespace ccoc::vision {

/// No files, no network, no programs, no further processes (seccomp); bounded memory and CPU time (rlimits).
Status lock_down();

/// After lock_down: tries what must not be possible; names the first thing that is.
Status check_locked_down();

}  // namespace ccoc::vision
