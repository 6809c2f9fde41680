#include "stream_session.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "ccoc/base/log.h"
#include "json.h"

namespace ccoc::api {
namespace {

constexpr int rights_every_ticks = 5;
constexpr std::int64_t largest_offset_ms = 60'000;

/// "live" or an instant; nullopt when it was wrong (and said so).
std::optional<Position> read_position(FieldReader& fields, bool required) {
  const auto text = fields.text("position", {1, 40}, required);
  if (!text) return required || fields.has("position") ? std::nullopt : std::optional<Position>(Position{});
  if (*text == "live") return Position{};
  const auto at = parse_rfc3339(*text);
  if (!at) {
    fields.reject("position", "must be \"live\" or a time as 2026-11-24T05:23:57.123Z");
    return std::nullopt;
  }
  return Position{*at};
}

std::optional<double> read_speed(FieldReader& fields, bool required) {
  const auto speed = fields.number("speed", -playback::fastest_speed, playback::fastest_speed, required);
  if (speed && std::abs(*speed) < playback::slowest_speed) {
    fields.reject("speed", "must be 0.25 to 32, or -32 to -0.25 for backwards");
    return std::nullopt;
  }
  return speed;
}

std::optional<Duration> read_offset(FieldReader& fields, bool required) {
  const auto ms = fields.integer("offset_ms", -largest_offset_ms, largest_offset_ms, required);
  return ms ? std::optional<Duration>(std::chrono::milliseconds{*ms}) : std::nullopt;
}

}  // namespace

StreamSession::StreamSession(Services& services, Gate& gate, const Request& request, std::shared_ptr<Outbox> outbox,
                             std::atomic<std::size_t>& subscription_count)
    : services_(services),
      gate_(gate),
      credentials_(credentials_of(request)),
      actor_(actor_of(request)),
      outbox_(std::move(outbox)),
      subscription_count_(subscription_count),
      rights_(request.principal ? request.principal->rights : access::Rights{}),
      opened_at_(services.clock.utc_now()) {}

StreamSession::~StreamSession() = default;

void StreamSession::refuse(std::optional<std::uint16_t> id, const Problem& problem) { outbox_->send_text(stream_error(id, problem)); }

bool StreamSession::may(access::Right right, std::uint16_t id) {
  if (rights_.has(right)) return true;
  refuse(id, make_problem(ProblemKind::forbidden, "this needs the right " + std::string(access::to_string(right))));
  return false;
}

void StreamSession::on_text(std::string_view text) {
  const std::scoped_lock lock(mutex_);
  boost::system::error_code error;
  const auto value = boost::json::parse(text, error);
  if (error) {
    refuse(std::nullopt, make_problem(ProblemKind::malformed, "the message is not JSON: " + error.message()));
    return;
  }
  FieldReader fields(value);
  const auto op = fields.text("op", {1, 20}, true);
  const auto number = fields.integer("id", 0, 65535, true);
  if (!op || !number) {
    refuse(number ? std::optional(static_cast<std::uint16_t>(*number)) : std::nullopt, invalid_fields(fields.take_errors()));
    return;
  }
  const auto id = static_cast<std::uint16_t>(*number);
  if (*op == "subscribe") {
    subscribe(id, fields);
  } else {
    command(*op, id, fields);
  }
}

void StreamSession::subscribe(std::uint16_t id, FieldReader& fields) {
  const auto camera = fields.text("camera", {1, 40}, true);
  const auto stream = fields.text("stream", {1, 40}, false).value_or("main");
  const auto position = read_position(fields, false);
  const auto speed = read_speed(fields, false).value_or(1);
  const auto format = fields.text("format", {1, 20}, false).value_or("annexb");
  const auto group = fields.text("group", {0, 40}, false).value_or("");
  const bool audio = fields.boolean("audio", false).value_or(false);
  const auto offset = read_offset(fields, false);
  const auto gaps = fields.text("gaps", {1, 20}, false).value_or("skip");
  const auto decode = fields.texts("decode", 16, false).value_or(std::vector<std::string>{});
  if (stream != "main" && stream != "sub") fields.reject("stream", "must be main or sub");
  if (gaps != "skip" && gaps != "show") fields.reject("gaps", "must be skip or show");
  if (format != "annexb" && format != "fmp4") fields.reject("format", "must be annexb or fmp4");
  if (!fields.finish()) {
    refuse(id, invalid_fields(fields.take_errors()));
    return;
  }
  if (subscriptions_.contains(id)) {
    refuse(id, make_problem(ProblemKind::conflict, "the number " + std::to_string(id) + " is in use: unsubscribe first"));
    return;
  }
  if (subscriptions_.size() >= max_subscriptions) {
    refuse(id, make_problem(ProblemKind::too_many, "at most " + std::to_string(max_subscriptions) + " subscriptions on one connection"));
    return;
  }
  if (!may(*position ? access::Right::playback_view : access::Right::live_view, id)) return;
  const auto known = services_.cameras.get(*camera);
  if (!known) {
    refuse(id, to_problem(known.error()));
    return;
  }
  if (known->stream(stream) == nullptr) {
    refuse(id, make_problem(ProblemKind::not_found, *camera + " has no stream " + stream));
    return;
  }
  auto subscription = std::make_shared<Subscription>(
      services_,
      Subscription::Wanted{.id = id,
                           .key = {*camera, stream},
                           .format = format == "fmp4" ? StreamFormat::fmp4 : StreamFormat::annexb,
                           .position = *position,
                           .speed = speed,
                           .audio = audio,
                           .decode = decode,
                           // Beside others what is known of the camera counts; alone its own times are as good as any.
                           .offset = offset.value_or(group.empty() ? Duration{0} : Duration{known->playback_offset}),
                           .show_gaps = gaps == "show"},
      outbox_);
  subscriptions_.emplace(id, subscription);
  ++subscription_count_;
  std::shared_ptr<SubscriptionGroup> shared;
  if (!group.empty()) {
    auto& slot = groups_[group];
    if (!slot) slot = std::make_shared<SubscriptionGroup>();
    shared = slot;
  }
  post([subscription, shared] { subscription->start(shared); });
  if (*position) {
    const auto noted = services_.access.audit(actor_, "playback.opened", *camera,
                                              to_text(boost::json::object{{"stream", stream}, {"position", format_rfc3339(**position)}}));
    if (!noted) log::warn("api", "the audit trail did not take playback.opened: {}", noted.error().message);
  } else {
    watched_.insert(*camera);
  }
}

std::shared_ptr<Subscription> StreamSession::find(std::uint16_t id) {
  const auto found = subscriptions_.find(id);
  if (found != subscriptions_.end()) return found->second;
  refuse(id, make_problem(ProblemKind::not_found, "no subscription has the number " + std::to_string(id)));
  return nullptr;
}

void StreamSession::drop(std::uint16_t id) {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end()) return;
  post([subscription = std::move(found->second)] { subscription->stop(); });
  subscriptions_.erase(found);
  --subscription_count_;
}

void StreamSession::command(std::string_view op, std::uint16_t id, FieldReader& fields) {
  std::function<void(Subscription&)> task;
  auto needed = access::Right::playback_view;
  if (op == "seek") {
    const auto position = read_position(fields, true);
    if (position) {
      if (!*position) needed = access::Right::live_view;
      task = [to = *position](Subscription& s) { s.seek(to); };
    }
  } else if (op == "speed") {
    const auto speed = read_speed(fields, true);
    if (speed) task = [to = *speed](Subscription& s) { s.set_speed(to); };
  } else if (op == "step") {
    const auto frames = fields.integer("frames", -100, 100, true);
    if (frames) task = [count = static_cast<int>(*frames)](Subscription& s) { s.step(count); };
  } else if (op == "offset") {
    const auto offset = read_offset(fields, true);
    if (offset) task = [to = *offset](Subscription& s) { s.set_offset(to); };
  } else if (op == "resume" && !rights_.has(access::Right::playback_view)) {
    needed = access::Right::live_view;  // who may not see what was missed goes on with what is
    task = [](Subscription& s) { s.seek(std::nullopt); };
  } else if (op == "resume") {
    task = [](Subscription& s) { s.resume(); };
  } else if (op == "pause") {
    needed = access::Right::live_view;
    task = [](Subscription& s) { s.pause(); };
  } else if (op != "unsubscribe") {
    fields.reject("op", "must be subscribe, seek, speed, pause, resume, step, offset or unsubscribe");
  }
  if (!fields.finish()) {
    refuse(id, invalid_fields(fields.take_errors()));
    return;
  }
  auto subscription = find(id);
  if (!subscription) return;
  if (op == "unsubscribe") {
    drop(id);
    outbox_->send_text(to_text(boost::json::object{{"op", "state"}, {"id", id}, {"state", "ended"}}));
    return;
  }
  if (op != "pause" && !may(needed, id)) return;
  post([subscription = std::move(subscription), task = std::move(task)] {
    if (!subscription->stopped()) task(*subscription);
  });
}

void StreamSession::on_tick() {
  const std::scoped_lock lock(mutex_);
  const bool check = ++ticks_ % rights_every_ticks == 0;
  if (check) {
    const auto principal = gate_.who(credentials_);
    if (!principal && principal.error().code != ErrorCode::unavailable) {
      outbox_->close(1008, "the log-in has ended");
      return;
    }
    if (principal) rights_ = principal->rights;
    std::vector<std::uint16_t> gone;
    for (const auto& [id, subscription] : subscriptions_) {
      const auto camera = services_.cameras.get(subscription->wanted().key.camera);
      if (!camera && camera.error().code == ErrorCode::not_found) gone.push_back(id);
    }
    for (const auto id : gone) {
      drop(id);
      refuse(id, make_problem(ProblemKind::not_found, "the camera was taken out of the registry"));
    }
  }
  for (const auto& [id, subscription] : subscriptions_) {
    post([subscription, check, rights = rights_] {
      if (check) subscription->check_rights(rights);
      subscription->refresh();
    });
  }
}

void StreamSession::on_closed() {
  const std::scoped_lock lock(mutex_);
  while (!subscriptions_.empty()) drop(subscriptions_.begin()->first);
  if (watched_.empty()) return;
  boost::json::array cameras;
  for (const auto& camera : watched_) cameras.emplace_back(camera);
  const auto noted = services_.access.audit(
      actor_, "live.watched", "",
      to_text(boost::json::object{
          {"cameras", std::move(cameras)}, {"from", format_rfc3339(opened_at_)}, {"to", format_rfc3339(services_.clock.utc_now())}}));
  if (!noted) log::warn("api", "the audit trail did not take live.watched: {}", noted.error().message);
}

}  // namespace ccoc::api
