// Looks at every camera's picture now and then, and tells when one turns black, is covered or freezes. One thread and one
// worker process; cameras take turns, so that the load is even and bounded.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ccoc/base/clock.h"
#include "ccoc/media/access_unit.h"
#include "ccoc/vision/picture_judge.h"

namespace ccoc::vision {

struct PictureStatus {
  std::string camera;
  PictureState state = PictureState::unknown;
  UtcTime since;
  std::string stream;                ///< what was looked at: "sub" where there is one
  std::optional<UtcTime> looked_at;  ///< capture time of the last picture looked at
};

struct PictureWatchOptions {
  std::string worker;                            ///< path of ccoc-vision
  Duration interval = std::chrono::seconds{15};  ///< between two looks at a camera, give or take a quarter
  Duration frozen_after = std::chrono::minutes{3};
};

/// What a camera shows now. `key` is the newest key frame, null when no picture comes.
struct WatchedCamera {
  std::string camera;
  std::string stream;
  media::AccessUnitPtr key;
};

class PictureWatch {
 public:
  /// Called on the watch's thread, at the beginning of each round.
  using CameraList = std::function<std::vector<std::string>()>;
  /// Called on the watch's thread when the camera's turn comes.
  using Source = std::function<WatchedCamera(const std::string& camera)>;
  /// Called on the watch's thread when a state changes; not for the first `ok`.
  using Listener = std::function<void(const PictureStatus&)>;

  PictureWatch(PictureWatchOptions options, const Clock& clock, CameraList cameras, Source source, Listener listener);
  /// Ends the thread and the worker.
  ~PictureWatch();
  PictureWatch(const PictureWatch&) = delete;
  PictureWatch& operator=(const PictureWatch&) = delete;

  /// Empty for a camera that was not looked at yet. Any thread.
  std::optional<PictureStatus> status(const std::string& camera) const;
  /// Any thread.
  SnapshotStats stats() const;

  /// Instead of the thread, for tests: one turn of one camera.
  void look_at(const WatchedCamera& camera);
  void start();
  /// Nobody is called any more once it returns. Bounded by one look.
  void end();

 private:
  struct Entry {
    PictureJudge judge;
    PictureStatus status;
    media::AccessUnitPtr last;
    unsigned passed_over = 0;  ///< looks at large pictures that were due since the watch began
  };
  void run();
  bool rest(Duration time);
  void forget_others(const std::vector<std::string>& cameras);

  const PictureWatchOptions options_;
  const Clock& clock_;
  const CameraList cameras_;
  const Source source_;
  const Listener listener_;
  SnapshotService service_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;

  struct Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace ccoc::vision
