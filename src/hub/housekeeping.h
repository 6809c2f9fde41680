// What the hub does again and again beside recording: retention, scrubbing, moving, forecasts, and telling of what goes wrong.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "ccoc/access/access.h"
#include "ccoc/api/api.h"
#include "ccoc/archive/archive.h"
#include "ccoc/base/log.h"
#include "ccoc/ingest/ingest.h"
#include "ccoc/registry/clock_history.h"
#include "ccoc/registry/motion_history.h"
#include "ccoc/registry/registry.h"
#include "ccoc/vision/thumbnail_cache.h"
#include "foundation.h"

namespace ccoc::hub {

class Housekeeping {
 public:
  /// All of them outlive join().
  struct Rooms {
    const Config& config;
    const DataDirectory& data;
    const Clock& clock;
    registry::CameraRegistry& cameras;
    registry::ClockHistory& clocks;
    registry::MotionHistory& motion;
    access::Access& access;
    archive::Archive& archive;
    ingest::Ingest& ingest;
    vision::ThumbnailCache& thumbnails;
    api::EventFeed& events;
    std::shared_ptr<std::atomic<bool>> moving_cancelled;  ///< true: a file under way is given up
  };

  explicit Housekeeping(Rooms rooms);
  /// end(), join().
  ~Housekeeping();

  /// One thread for what is short, and one for moving where there is a second volume.
  void start();
  void end();
  void join();

  /// The last one; any thread.
  std::optional<archive::Forecast> forecast() const;
  /// Tells of footage that is not written or does not go, on the caller's thread, which no disk or database holds up: always the same.
  void look_after();

 private:
  void keep_house();
  void move_footage();
  void look_ahead(log::Throttle& throttle);
  void drop_initial_password_once_changed();
  void drop_what_outlived_footage();
  void pin_certificates(log::Throttle& throttle);
  void note_clocks(log::Throttle& throttle);
  void watch_recordings();
  void watch_retention();
  archive::RetentionPolicy retention_policy();
  archive::MovePolicy move_policy();

  const Rooms rooms_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread keeper_, mover_;
  mutable std::mutex forecast_mutex_;
  std::optional<archive::Forecast> forecast_;
  std::map<archive::StreamKey, std::string> not_recorded_;  ///< as last told; look_after()'s own
  std::string retention_problem_;                           ///< likewise
};

}  // namespace ccoc::hub
