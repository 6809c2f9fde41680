// The hub's face to the network: routes, rights, the console's files, `/stream` and `/events` upon the
// modules below. Made last and stopped first; everything in Services must outlive it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ccoc/access/access.h"
#include "ccoc/api/events.h"
#include "ccoc/api/router.h"
#include "ccoc/api/server.h"
#include "ccoc/archive/archive.h"
#include "ccoc/base/clock.h"
#include "ccoc/base/config.h"
#include "ccoc/base/reactor.h"
#include "ccoc/db/database.h"
#include "ccoc/ingest/ingest.h"
#include "ccoc/live/directory.h"
#include "ccoc/registry/clock_history.h"
#include "ccoc/registry/geography.h"
#include "ccoc/registry/motion_history.h"
#include "ccoc/registry/registry.h"
#include "ccoc/vision/picture_watch.h"
#include "ccoc/webrtc/viewers.h"

namespace ccoc::vision {
class ThumbnailCache;
class Transcoder;
}  // namespace ccoc::vision

namespace ccoc::api {

/// Decodes a key unit and codes it as JPEG, at most `max_width` pixels wide (0: as it is). Blocks; thread-safe.
using SnapshotFunction = std::function<Result<Bytes>(const media::AccessUnit& key_unit, unsigned max_width)>;

/// The last forecast of how long footage will last; empty before the first. Thread-safe.
using ForecastFunction = std::function<std::optional<archive::Forecast>()>;

/// What the last looks at a camera's picture showed; empty when there were none. Thread-safe.
using PictureFunction = std::function<std::optional<vision::PictureStatus>(const std::string& camera)>;

struct Services {
  const Clock& clock;
  access::Access& access;
  registry::CameraRegistry& cameras;
  registry::Geography& geography;
  registry::ClockHistory& clocks;
  registry::MotionHistory& motion;
  db::Database& database;
  archive::Archive& archive;
  ingest::Ingest& ingest;
  live::Directory& live;
  webrtc::Viewers& viewers;
  EventFeed& events;
  Reactor& playback_reactor;                     ///< subscriptions and players live on it
  WorkQueue& playback_pool;                      ///< players read on it
  SnapshotFunction snapshot;                     ///< empty: snapshots are `unavailable`
  SnapshotFunction thumbnail{};                  ///< the same with a decoder of its own, so that a timeline holds up no snapshot
  vision::ThumbnailCache* thumbnails = nullptr;  ///< null: each is made anew
  ForecastFunction forecast{};                   ///< empty: none is made
  PictureFunction picture{};                     ///< empty: nobody looks
  vision::Transcoder* transcoder = nullptr;      ///< null: streams go to viewers only as they are
  SiteConfig site;
  std::string data_dir;     ///< named in /status
  std::string footage_dir;  ///< where volumes lie, named in /status: volume NAME is footage_dir when there is one
  std::string web_root;     ///< built console; empty: none
  std::string version;
  std::string openapi;  ///< text of docs/openapi.yaml; empty: the one built into the program
};

class Api {
 public:
  /// Registers itself with access, listens, serves. Whoever listens to the registry tells `events` of its changes.
  static Result<std::unique_ptr<Api>> start(Services services, const ServerOptions& options);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  std::uint16_t port() const;
  const Router& router() const;
  /// Ends all connections; returns when no handler runs and no subscription lives.
  void stop();

 private:
  class Impl;
  explicit Api(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ccoc::api
