// Compares what recorders are given with what stands on the disk: pictures that come and are not written are the fault that
// nobody notices until the footage is needed (faults.md 24).
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ccoc/archive/archive.h"
#include "recovery.h"

namespace ccoc::archive {

class RecordingWatch {
 public:
  /// Pictures that come for so long while nothing of them stands on the disk.
  static constexpr Duration patience = std::chrono::seconds{8};

  RecordingWatch(const Volumes& volumes, const Clock& clock) : volumes_(volumes), clock_(clock) {}

  /// Asks the disks how large the open files are. Blocks; one thread, every two seconds or so. `volume_problem`: what a volume
  /// says is wrong with it.
  void look(const std::map<StreamKey, RecordingStatus>& recordings, const std::map<std::string, std::string>& volume_problem);
  /// Thread-safe.
  std::vector<RecordingProblem> problems() const;

 private:
  struct Seen {
    std::uint64_t frames_taken = 0;
    std::optional<MonoTime> comes_since;  ///< pictures
    MonoTime came_at{};
    std::string path;
    std::uint64_t bytes = 0;
    std::optional<MonoTime> grew_at;
  };

  std::uint64_t bytes_on_disk(const RecordingStatus& status) const;

  const Volumes& volumes_;
  const Clock& clock_;
  std::map<StreamKey, Seen> seen_;
  mutable std::mutex mutex_;
  std::map<StreamKey, RecordingProblem> problems_;
};

}  // namespace ccoc::archive
