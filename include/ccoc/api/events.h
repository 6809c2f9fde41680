// The feed behind `GET /events`: what changes, told to everyone who listens. Thread-safe; publishing
// never blocks, so media threads may do it.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ccoc/api/web_socket.h"
#include "ccoc/base/time.h"
#include "ccoc/ingest/status.h"
#include "ccoc/vision/picture_watch.h"

namespace ccoc::api {

class EventFeed {
 public:
  /// A stream entered a state.
  void stream_state(const ingest::StreamStatus& status);
  /// Pictures come and are not written (`recorded` false, with the reason), or are again.
  /// Whether footage of a camera will be kept as long as was promised, at today's rate.
  void promise_state(const std::string& camera, bool at_risk, double lasting_days, double promised_days, UtcTime at);
  void recording_state(const std::string& camera, const std::string& stream, bool recorded, const std::string& reason, UtcTime at);
  /// Footage that is due to go does not, with the reason, or does again (`problem` empty).
  void retention_state(const std::string& problem, UtcTime at);
  /// A camera's picture turned black, froze, or is well again.
  void picture_state(const vision::PictureStatus& status);
  void camera_changed(const std::string& camera);
  void camera_deleted(const std::string& camera);

  /// What `snapshot` gives goes out first, then what is published from the call on: a change meanwhile is told
  /// after it, never lost. `snapshot` may block. A listener ends with its outbox.
  void listen(const std::shared_ptr<Outbox>& outbox, const std::function<std::string()>& snapshot);
  std::size_t listeners() const;

 private:
  void publish(const std::string& text);

  struct Listener {
    std::weak_ptr<Outbox> outbox;
    bool ready = false;                ///< the snapshot went out
    std::vector<std::string> waiting;  ///< until then
  };
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Listener>> listeners_;
};

}  // namespace ccoc::api
