// The programs that are measured: started with a log of their own, sampled from /proc, stopped by their pid.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "ccoc/base/result.h"

namespace ccoc::bench {

/// A child process with both outputs in a log file. Stopped with the object; dies with the benchmark.
class Child {
 public:
  /// `environment` entries are KEY=VALUE, put beside the benchmark's own.
  static Result<Child> start(const std::vector<std::string>& arguments, const std::string& log,
                             const std::vector<std::string>& environment = {});
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  pid_t pid() const { return pid_; }
  const std::string& log() const { return log_; }
  bool running();
  /// SIGTERM, then SIGKILL after `limit`; how long it took to end. `timeout` when it had to be killed.
  /// SIGKILL; returns when it is gone.
  void kill();
  Result<std::chrono::milliseconds> stop(std::chrono::milliseconds limit = std::chrono::seconds{15});

 private:
  Child(pid_t pid, std::string log) : pid_(pid), log_(std::move(log)) {}
  pid_t pid_ = -1;
  std::string log_;
};

/// What a group of processes took so far, or what it took between two looks (`-`).
struct Usage {
  double cpu_s = 0;                 ///< user + system, with children that have ended
  std::uint64_t rss_bytes = 0;      ///< shared pages counted in every process
  std::uint64_t pss_bytes = 0;      ///< shared pages divided among those that share them; 0 when /proc does not tell
  std::uint64_t written_bytes = 0;  ///< handed to write()
  int threads = 0;
  int processes = 0;
};

/// The processes below some roots, PostgreSQL's apart from the rest.
struct TreeUsage {
  Usage program;
  Usage postgres;
};
TreeUsage measure(const std::vector<pid_t>& roots);

/// CPU seconds that the whole machine has spent on anything but waiting, on all cores.
double machine_cpu_s();

/// Memory and threads of `end`, CPU and bytes of the time between.
Usage between(const Usage& begin, const Usage& end);

}  // namespace ccoc::bench
