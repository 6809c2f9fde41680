#include "ccoc/api/events.h"

#include "json.h"

namespace ccoc::api {

void EventFeed::stream_state(const ingest::StreamStatus& status) {
  publish(to_text(boost::json::object{{"type", "camera.state"},
                                      {"camera", status.camera},
                                      {"stream", status.role},
                                      {"state", ingest::to_string(status.state)},
                                      {"reason", text_or_null(status.last_error)},
                                      {"at", format_rfc3339(status.since)}}));
}

void EventFeed::camera_changed(const std::string& camera) {
  publish(to_text(boost::json::object{{"type", "camera.changed"}, {"camera", camera}}));
}

void EventFeed::camera_deleted(const std::string& camera) {
  publish(to_text(boost::json::object{{"type", "camera.deleted"}, {"camera", camera}}));
}

void EventFeed::listen(const std::shared_ptr<Outbox>& outbox, std::string snapshot) {
  const std::scoped_lock lock(mutex_);
  outbox->send_text(std::move(snapshot));
  listeners_.push_back(outbox);
}

std::size_t EventFeed::listeners() const {
  const std::scoped_lock lock(mutex_);
  return listeners_.size();
}

void EventFeed::publish(const std::string& text) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(listeners_, [&](const std::weak_ptr<Outbox>& listener) {
    const auto outbox = listener.lock();
    if (!outbox || outbox->closing()) return true;
    outbox->send_text(text);
    return false;
  });
}

}  // namespace ccoc::api
