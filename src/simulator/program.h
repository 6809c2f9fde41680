// Runs another program without a shell.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ccoc/base/result.h"

namespace ccoc::simulator {

/// Runs `arguments` (the first is looked up in PATH) to its end, blocking. Its output goes to `log_file`; a failure
/// carries the last line of it. `not_found` when the program is not installed. `cancelled`, asked ten times a second, ends
/// the program early. May be called from several threads.
Status run_program(const std::vector<std::string>& arguments, const std::string& log_file, const std::function<bool()>& cancelled = {});

}  // namespace ccoc::simulator
