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

void EventFeed::recording_state(const std::string& camera, const std::string& stream, bool recorded, const std::string& reason,
                                UtcTime at) {
  publish(to_text(boost::json::object{{"type", "recording.state"},
                                      {"camera", camera},
                                      {"stream", stream},
                                      {"recorded", recorded},
                                      {"reason", text_or_null(reason)},
                                      {"at", format_rfc3339(at)}}));
}

void EventFeed::promise_state(const std::string& camera, bool at_risk, double lasting_days, double promised_days, UtcTime at) {
  publish(to_text(boost::json::object{{"type", "retention.promise"},
                                      {"camera", camera},
                                      {"at_risk", at_risk},
                                      {"lasting_days", lasting_days},
                                      {"promised_days", promised_days},
                                      {"at", format_rfc3339(at)}}));
}

void EventFeed::retention_state(const std::string& problem, UtcTime at) {
  publish(to_text(boost::json::object{
      {"type", "retention.state"}, {"running", problem.empty()}, {"reason", text_or_null(problem)}, {"at", format_rfc3339(at)}}));
}

void EventFeed::picture_state(const vision::PictureStatus& status) {
  publish(to_text(boost::json::object{
      {"type", "camera.picture"}, {"camera", status.camera}, {"picture", picture_json(status)}, {"at", format_rfc3339(status.since)}}));
}

void EventFeed::camera_changed(const std::string& camera) {
  publish(to_text(boost::json::object{{"type", "camera.changed"}, {"camera", camera}}));
}

void EventFeed::camera_deleted(const std::string& camera) {
  publish(to_text(boost::json::object{{"type", "camera.deleted"}, {"camera", camera}}));
}

void EventFeed::listen(const std::shared_ptr<Outbox>& outbox, const std::function<std::string()>& snapshot) {
  const auto listener = std::make_shared<Listener>();
  listener->outbox = outbox;
  {
    const std::scoped_lock lock(mutex_);
    listeners_.push_back(listener);
  }
  auto first = snapshot();
  const std::scoped_lock lock(mutex_);
  outbox->send_text(std::move(first));
  for (auto& text : listener->waiting) outbox->send_text(std::move(text));
  listener->waiting.clear();
  listener->ready = true;
}

std::size_t EventFeed::listeners() const {
  const std::scoped_lock lock(mutex_);
  return listeners_.size();
}

void EventFeed::publish(const std::string& text) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(listeners_, [&](const std::shared_ptr<Listener>& listener) {
    const auto outbox = listener->outbox.lock();
    if (!outbox || outbox->closing()) return true;
    if (listener->ready) {
      outbox->send_text(text);
    } else {
      listener->waiting.push_back(text);
    }
    return false;
  });
}

}  // namespace ccoc::api
