#include "subscription.h"

#include <atomic>

#include "ccoc/media/nal.h"

namespace ccoc::api {

/// Hands live units over, on the stream's media thread, until told to stop.
class Subscription::LiveFeed final : public live::Subscriber {
 public:
  LiveFeed(std::shared_ptr<Subscription> owner, std::optional<UtcTime> shown) : owner_(std::move(owner)), shown_(shown) {}

  void on_unit(const live::LiveUnitPtr& unit) override {
    if (!running_.load(std::memory_order_acquire)) return;
    std::uint8_t flags = 0;
    // Behind recorded footage the cached GOP begins earlier than what was shown last.
    if (shown_ && unit->unit().capture_time <= *shown_)
      flags |= unit_flags::preroll;
    else
      shown_.reset();
    owner_->hand_over(unit->pointer(), [&] { return unit->annexb(); }, flags, "live");
  }

  void on_audio(const media::AudioUnitPtr& unit) override {
    const bool heard = owner_->wanted_.audio && !shown_;
    if (heard && running_.load(std::memory_order_acquire)) owner_->delivery_.audio(unit);
  }

  void on_interrupted(media::GapCause cause, std::string_view reason) override {
    if (!running_.load(std::memory_order_acquire)) return;
    owner_->delivery_.state("gap", {.cause = media::to_string(cause), .from = {}, .to = {}, .reason = reason});
  }

  void stop() { running_.store(false, std::memory_order_release); }

 private:
  const std::shared_ptr<Subscription> owner_;
  std::optional<UtcTime> shown_;
  std::atomic<bool> running_{true};
};

Subscription::Subscription(Services& services, Wanted wanted, std::shared_ptr<Outbox> outbox)
    : services_(services),
      wanted_(std::move(wanted)),
      delivery_(wanted_.id, wanted_.format, std::move(outbox)),
      speed_(wanted_.speed),
      offset_(wanted_.offset) {}

Subscription::~Subscription() = default;

void Subscription::start(const std::shared_ptr<SubscriptionGroup>& group) {
  group_ = group;
  if (group_) {
    std::erase_if(group_->members, [](const auto& member) { return member.expired(); });
    group_->members.push_back(weak_from_this());
  }
  if (wanted_.position) {
    play_from(*wanted_.position);
  } else {
    go_live();
  }
}

void Subscription::tell_group(const std::function<void(Subscription&)>& what) {
  if (!group_) return;
  for (const auto& member : std::vector(group_->members)) {
    const auto other = member.lock();
    if (other && other.get() != this && !other->stopped_) what(*other);
  }
}

void Subscription::seek(Position position) {
  const auto move = [&position](Subscription& self) {
    if (!position) {
      self.leave_player();
      self.leave_live();
      self.restart_delivery();
      self.go_live();
      return;
    }
    self.leave_live();
    self.restart_delivery();
    if (self.player_) {
      self.player_->seek(*position);
    } else {
      self.play_from(*position);
    }
  };
  move(*this);
  // The group's clock moves the players; who is live, or is to be, has none.
  tell_group([&](Subscription& other) {
    if (!position || !other.player_) {
      move(other);
    } else {
      other.restart_delivery();
    }
  });
}

void Subscription::set_speed(double speed) {
  speed_ = speed;
  if (player_) {
    if (const auto status = player_->set_speed(speed); !status) fail_with(status.error());
  } else if (live_ && speed < 1) {
    // Slower than time, or backwards: what comes next is already recorded.
    leave_live_for(shown_instant());
  }
  tell_group([speed](Subscription& other) { other.speed_ = speed; });
}

void Subscription::leave_live_for(UtcTime at) {
  const auto leave = [at](Subscription& self) {
    if (self.player_) return;
    self.leave_live();
    self.play_from(at);
  };
  leave(*this);
  tell_group([&](Subscription& other) {
    other.speed_ = speed_;
    leave(other);
  });
}

void Subscription::set_offset(Duration offset) {
  if (std::exchange(offset_, offset) == offset || !player_) return;
  restart_delivery();
  player_->set_offset(offset);
}

void Subscription::pause() {
  paused_ = true;
  if (player_) player_->pause();
  if (live_) leave_live();
  delivery_.state("paused");
  tell_group([](Subscription& other) {
    other.paused_ = true;
    if (other.player_) other.player_->pause();
    if (other.live_) other.leave_live();
    other.delivery_.state("paused");
  });
}

void Subscription::resume() {
  const auto go_on = [](Subscription& self) {
    if (!std::exchange(self.paused_, false)) return;
    if (self.player_) {
      self.player_->resume();
    } else {
      self.play_from(self.shown_instant());
    }
  };
  go_on(*this);
  tell_group(go_on);
}

void Subscription::step(int frames) {
  if (!player_) leave_live_for(shown_instant());
  if (!player_) return;
  if (const auto status = player_->step(frames); !status) {
    fail_with(status.error());
    return;
  }
  paused_ = true;
  tell_group([](Subscription& other) { other.paused_ = true; });
}

void Subscription::stop() {
  if (std::exchange(stopped_, true)) return;
  leave_player();
  leave_live();
  delivery_.close();
  end_transcoding(true);
}

void Subscription::refresh() {
  if (stopped_ || !live_) return;
  const auto now = services_.live.find(wanted_.key.camera, wanted_.key.stream);
  if (now == channel_) return;
  leave_live();
  go_live();
}

void Subscription::check_rights(access::Rights rights) {
  if (stopped_) return;
  const auto needed = live_ ? access::Right::live_view : access::Right::playback_view;
  if (rights.has(needed)) return;
  delivery_.error(make_problem(ProblemKind::forbidden, "the right " + std::string(access::to_string(needed)) + " was withdrawn"));
  stop();
}

UtcTime Subscription::shown_instant() const {
  if (player_) return player_->position();
  const auto shown = delivery_.last_shown();
  return shown ? *shown + offset_ : services_.clock.utc_now();
}

void Subscription::go_live() {
  live_ = true;
  paused_ = false;
  channel_ = services_.live.find(wanted_.key.camera, wanted_.key.stream);
  if (!channel_) {
    delivery_.state("gap", {.cause = "disabled", .from = {}, .to = {}, .reason = "the stream is not switched on"});
    return;
  }
  if (!channel_->last_key()) {
    std::string reason = "no picture has come yet";
    for (const auto& status : services_.ingest.statuses_of(wanted_.key.camera)) {
      if (status.role == wanted_.key.stream && !status.last_error.empty()) reason = status.last_error;
    }
    delivery_.state("gap", {.cause = "camera", .from = {}, .to = {}, .reason = reason});
  }
  feed_ = std::make_shared<LiveFeed>(shared_from_this(), delivery_.last_shown());
  channel_->subscribe(feed_);
}

void Subscription::leave_live() {
  live_ = false;
  if (feed_) {
    feed_->stop();
    if (channel_) channel_->unsubscribe(feed_);
    feed_.reset();
  }
  channel_.reset();
}

void Subscription::play_from(UtcTime at) {
  live_ = false;
  playback::PlayerOptions options;
  options.position = at;
  options.speed = speed_;
  options.sound = wanted_.audio;
  options.offset = offset_;
  options.show_gaps = wanted_.show_gaps;
  if (group_) {
    if (!group_->clock) group_->clock = playback::make_group_clock(services_.playback_reactor.clock());
    options.group = group_->clock;
  }
  auto player =
      playback::play(services_.archive.catalog(), wanted_.key, options, services_.playback_reactor, services_.playback_pool, *this);
  if (!player) {
    fail_with(player.error());
    return;
  }
  player_ = std::move(*player);
  paused_ = player_->paused();  // as its group is
}

void Subscription::fail_with(const Error& error) { delivery_.error(to_problem(error)); }

void Subscription::on_unit(const media::AccessUnitPtr& unit, playback::UnitFlags flags) {
  std::uint8_t out = 0;
  if (flags.first) out |= unit_flags::discontinuity;
  if (flags.preroll) out |= unit_flags::preroll;
  if (flags.skipped) out |= unit_flags::skipped;
  hand_over(unit, [&] { return std::make_shared<const Bytes>(media::to_annexb(*unit)); }, out, paused_ ? "paused" : "playing");
}

void Subscription::on_state(const playback::PlayerState& state) {
  using Kind = playback::PlayerState::Kind;
  switch (state.kind) {
    case Kind::playing: delivery_.state(paused_ ? "paused" : "playing"); break;
    case Kind::late: delivery_.state("late"); break;
    case Kind::gap:
      delivery_.state("gap", {.cause = media::to_string(state.cause), .from = state.from, .to = state.to, .reason = {}});
      break;
    case Kind::live:
      leave_player();
      go_live();
      break;
    case Kind::ended: delivery_.state("ended"); break;
  }
}

void Subscription::on_error(const Error& error) { fail_with(error); }

}  // namespace ccoc::api
