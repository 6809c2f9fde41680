// Starting a helper program that is spoken to over a socket pair and believed nothing.
#pragma once

#include <string>
#include <vector>

#include "ccoc/base/result.h"

namespace ccoc {

struct ChildProcess {
  int pid = 0;
  int socket = -1;  ///< the hub's end, close-on-exec, non-blocking; the child's is its standard input and output
};

/// `environment`: all of it, "NAME=value". Of the hub's the child gets standard error only; its signals are as in a fresh
/// program, and it has its own process group, so that Ctrl-C in a terminal reaches only the hub. Who starts it closes the
/// socket and collects the process. `unavailable` when the program cannot be started. Any thread.
Result<ChildProcess> start_child(const std::string& program, const std::vector<std::string>& environment);

}  // namespace ccoc
