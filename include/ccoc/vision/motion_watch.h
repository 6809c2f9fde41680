// Looks for movement in the pictures of the cameras that ask for it, at each new key frame, at most so often. One thread and
// one worker process; cameras take turns, so that the load is bounded whatever their number.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ccoc/base/clock.h"
#include "ccoc/vision/motion_grid.h"
#include "ccoc/vision/picture_watch.h"

namespace ccoc::vision {

struct MotionWatchOptions {
  std::string worker;                           ///< path of ccoc-vision
  Duration interval = std::chrono::seconds{1};  ///< between two rounds
};

class MotionWatch {
 public:
  /// Called on the watch's thread: `cells`, not empty, changed up to `at`, when the newer of the two pictures was taken.
  using Listener = std::function<void(const std::string& camera, UtcTime at, const MotionCells& cells)>;

  MotionWatch(MotionWatchOptions options, const Clock& clock, PictureWatch::CameraList cameras, PictureWatch::Source source,
              Listener listener);
  /// end().
  ~MotionWatch();
  MotionWatch(const MotionWatch&) = delete;
  MotionWatch& operator=(const MotionWatch&) = delete;

  /// Once is enough; thread-safe.
  void start();
  /// Nobody is called any more once it returns. Bounded by one look.
  void end();
  SnapshotStats stats() const;
  /// Instead of the thread, for tests.
  void look_at(const WatchedCamera& camera);

 private:
  struct Seen {
    media::AccessUnitPtr key;
    std::string stream;
    Look look;
  };
  void run();

  const MotionWatchOptions options_;
  const Clock& clock_;
  const PictureWatch::CameraList cameras_;
  const PictureWatch::Source source_;
  const Listener listener_;
  SnapshotService service_;
  std::map<std::string, Seen> seen_;  ///< the thread's own

  struct Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace ccoc::vision
