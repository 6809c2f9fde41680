// Pictures from recorded or live video. Decoding happens in a process of its own (ccoc-vision), locked away from
// files, network and programs, because what cameras send may be hostile: a crash or hang there costs one answer.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "ccoc/base/result.h"
#include "ccoc/base/time.h"
#include "ccoc/media/access_unit.h"

namespace ccoc::vision {

/// What a picture looks like, coarsely: brightness from 0 to 255.
struct Look {
  static constexpr std::size_t columns = 64, rows = 36;
  std::uint32_t width = 0, height = 0;  ///< of the picture, pixels
  double mean = 0;
  double deviation = 0;                               ///< standard deviation over the pixels
  std::array<std::uint16_t, columns * rows> cells{};  ///< mean brightness of each cell, in 256ths, row by row
};

struct SnapshotOptions {
  std::string worker;                          ///< path of the program ccoc-vision
  Duration timeout = std::chrono::seconds(5);  ///< for one picture; then the worker is killed and replaced
  unsigned max_waiting = 16;                   ///< callers that may wait for their turn
  unsigned quality = 80;                       ///< JPEG, 1 to 100
};

struct SnapshotStats {
  std::uint64_t pictures = 0;  ///< delivered
  std::uint64_t failures = 0;  ///< answers that were errors, crashes and time-outs
  std::uint64_t starts = 0;    ///< workers started
  int worker_pid = 0;          ///< 0 while none runs
  bool under_way = false;      ///< a request has been sent and its answer is awaited
};

/// Owns the worker process: started with the first request, ended with the service. Thread-safe.
class SnapshotService {
 public:
  explicit SnapshotService(SnapshotOptions options);
  /// Everything but the worker's path at its default.
  explicit SnapshotService(std::string worker);
  ~SnapshotService();
  SnapshotService(const SnapshotService&) = delete;
  SnapshotService& operator=(const SnapshotService&) = delete;

  /// The picture of a key unit as JPEG, scaled down to at most `max_width` pixels (0: as it is). Blocks.
  /// `invalid_argument` when the unit is no key frame, `corrupt` when it cannot be decoded, `limit_exceeded` when too
  /// many wait already, `timeout`, `unavailable` when the worker died or cannot be started.
  Result<Bytes> jpeg(const media::AccessUnit& key_unit, unsigned max_width);

  /// Looks at the picture of a key unit. Blocks; errors as jpeg().
  Result<Look> look(const media::AccessUnit& key_unit);

  SnapshotStats stats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ccoc::vision
