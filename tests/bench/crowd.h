// Many viewers in one process of its own, as cheaply as it can be done: one thread, epoll, the stamp of each frame read and the rest
// thrown away. So what they cost can be told apart from what the hub does for them.
#pragma once

#include <string>
#include <vector>

#include "ccoc/base/result.h"
#include "options.h"
#include "process.h"

namespace ccoc::bench {

/// What a crowd saw in the measured seconds.
struct CrowdReport {
  std::uint64_t viewers = 0;
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
  std::uint64_t missing = 0;                    ///< frames that a viewer did not get between two that it got
  double p50_ms = 0, p99_ms = 0, worst_ms = 0;  ///< from the camera's send to the frame's last byte at the viewer
};

/// What it is to look at. An entry is a stream for one viewer.
struct CrowdPlan {
  enum class Kind { rtsp, stream } kind = Kind::rtsp;
  std::uint16_t port = 0;
  std::string authorization;         ///< the header's value; may be empty
  std::vector<std::string> streams;  ///< "cam01/main"
  /// Of /stream: so many streams on one connection.
  int per_connection = 1;
  int settle_s = 3;
  int seconds = 15;
};

/// The process of a crowd. It says when all viewers have pictures, measures, reports and ends.
class Crowd {
 public:
  static Result<Crowd> start(const Options& options, const CrowdPlan& plan, const std::string& folder, const std::string& name);
  pid_t pid() const { return child_.pid(); }
  /// All viewers are there; `timeout` after a minute.
  Status wait_for_all();
  /// Waits for its end.
  Result<CrowdReport> report();

 private:
  Crowd(Child child, std::string folder) : child_(std::move(child)), folder_(std::move(folder)) {}
  Child child_;
  std::string folder_;
};

/// What such a process does: `folder` holds its plan, and gets "ready" and "report".
Status run_crowd(const std::string& folder);

}  // namespace ccoc::bench
