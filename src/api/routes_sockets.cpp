#include <boost/json/array.hpp>

#include "context.h"
#include "stream_session.h"

namespace ccoc::api {
namespace {

namespace json = boost::json;

/// Listens only; the feed does the rest.
class EventSession final : public SocketSession {
 public:
  EventSession(Gate& gate, const Request& request, std::shared_ptr<Outbox> outbox)
      : gate_(gate), credentials_(credentials_of(request)), outbox_(std::move(outbox)) {}

  void on_text(std::string_view) override { outbox_->close(1008, "nothing is expected here"); }
  void on_tick() override {
    if (++ticks_ % 5 != 0) return;
    const auto principal = gate_.who(credentials_);
    const bool gone = principal ? !principal->rights.has(access::Right::events_read) : principal.error().code != ErrorCode::unavailable;
    if (gone) outbox_->close(1008, "the log-in or the right has ended");
  }

 private:
  Gate& gate_;
  const Credentials credentials_;
  const std::shared_ptr<Outbox> outbox_;
  int ticks_ = 0;
};

std::string events_snapshot(Context& context) {
  std::map<std::string, ingest::StreamStatus> mains;
  for (auto& status : context.services.ingest.statuses()) {
    if (status.role == "main") mains.insert_or_assign(status.camera, std::move(status));
  }
  json::array cameras;
  if (const auto all = context.services.cameras.all()) {
    for (const auto& camera : *all) {
      const auto found = mains.find(camera.id);
      const auto state = found != mains.end() ? ingest::to_string(found->second.state)
                         : camera.enabled     ? std::string_view("connecting")
                                              : std::string_view("disabled");
      const auto since = found != mains.end() ? found->second.since : camera.updated_at;
      cameras.push_back({{"id", camera.id},
                         {"state", state},
                         {"since", format_rfc3339(since)},
                         {"picture", picture_json(context.picture_of(camera.id))}});
    }
  }
  return to_text(json::object{{"type", "snapshot"}, {"cameras", std::move(cameras)}});
}

using Opened = Result<std::unique_ptr<SocketSession>>;

/// Counts a connection while its session lives.
class CountedStream final : public SocketSession {
 public:
  CountedStream(Context& context, const Request& request, const std::shared_ptr<Outbox>& outbox)
      : count_(context.stream_connections), session_(context.services, context.gate, request, outbox, context.subscriptions) {
    ++count_;
  }
  ~CountedStream() override { --count_; }
  void on_text(std::string_view text) override { session_.on_text(text); }
  void on_tick() override { session_.on_tick(); }
  void on_closed() override { session_.on_closed(); }

 private:
  std::atomic<std::size_t>& count_;
  StreamSession session_;
};

}  // namespace

void add_socket_routes(Router& router, Context& context) {
  using access::Right;
  router.add({Method::get, api_prefix + "/stream", Need::right(Right::live_view),
              SocketHandler([&context](const Request& request, std::shared_ptr<Outbox> outbox) -> Opened {
                context.sockets.add(request.principal->session_id, outbox);
                return std::make_unique<CountedStream>(context, request, outbox);
              })});
  router.add({Method::get, api_prefix + "/events", Need::right(Right::events_read),
              SocketHandler([&context](const Request& request, std::shared_ptr<Outbox> outbox) -> Opened {
                context.sockets.add(request.principal->session_id, outbox);
                context.services.events.listen(outbox, [&context] { return events_snapshot(context); });
                return std::make_unique<EventSession>(context.gate, request, outbox);
              })});
}

}  // namespace ccoc::api
