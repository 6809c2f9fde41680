// One running worker: started, spoken to, killed. Not thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "ccoc/base/bytes.h"
#include "ccoc/base/result.h"

namespace ccoc::vision {

class WorkerProcess {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  WorkerProcess() = default;
  ~WorkerProcess() { kill(); }
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  Status start(const std::string& path);
  /// True while the process lives; collects it when it has ended.
  bool running();
  int pid() const { return pid_; }

  /// Sends the pieces as one message and waits for the answer; `sent` is called in between. After a failure the
  /// connection is of no use: kill().
  Result<Bytes> exchange(std::span<const ByteView> pieces, Deadline deadline, const std::function<void()>& sent);
  void kill();

 private:
  Status write_all(ByteView bytes, Deadline deadline);
  Status read_all(std::span<std::uint8_t> into, Deadline deadline);
  Status wait_for(short events, Deadline deadline);

  int pid_ = 0;
  int socket_ = -1;
};

}  // namespace ccoc::vision
