#include "recorded_feed.h"

namespace ccoc::api {
namespace {

/// At the end of what is written: how often it is looked whether there is more.
constexpr Duration edge_interval = std::chrono::seconds{1};

}  // namespace

RecordedFeed::RecordedFeed(Services& services, Reactor& door, Wanted wanted, Sink sink)
    : services_(services), door_(door), wanted_(std::move(wanted)), sink_(std::make_shared<Sink>(std::move(sink))) {}

RecordedFeed::~RecordedFeed() = default;

void RecordedFeed::start() {
  services_.playback_reactor.post([self = shared_from_this()] {
    if (self->ended_) return;
    playback::PlayerOptions options;
    options.position = self->wanted_.from;
    options.speed = self->wanted_.speed;
    options.sound = self->wanted_.sound;
    auto player = playback::play(self->services_.archive.catalog(), self->wanted_.key, options, self->services_.playback_reactor,
                                 self->services_.playback_pool, *self);
    if (!player) return self->end(player.error());
    self->player_ = std::move(*player);
  });
}

void RecordedFeed::pause() {
  paused_ = true;
  services_.playback_reactor.post([self = shared_from_this()] {
    self->edge_timer_.reset();
    if (self->player_) self->player_->pause();
  });
}

void RecordedFeed::resume() {
  paused_ = false;
  auto held = std::exchange(held_, {});
  for (auto& what : held) {
    if (const auto sink = sink_) what(*sink);
  }
  services_.playback_reactor.post([self = shared_from_this()] {
    if (self->player_) self->player_->resume();
  });
}

void RecordedFeed::stop() {
  sink_.reset();
  held_.clear();
  services_.playback_reactor.post([self = shared_from_this()] {
    self->ended_ = true;
    self->edge_timer_.reset();
    self->player_.reset();
  });
}

void RecordedFeed::deliver(std::function<void(Sink&)> what) {
  door_.post([self = shared_from_this(), what = std::move(what)]() mutable {
    const auto sink = self->sink_;
    if (!sink) return;
    if (self->paused_) {
      self->held_.push_back(std::move(what));
      return;
    }
    what(*sink);
  });
}

void RecordedFeed::end(std::optional<Error> error) {
  if (std::exchange(ended_, true)) return;
  edge_timer_.reset();
  player_.reset();
  deliver([error = std::move(error)](Sink& sink) { sink.on_end(error); });
}

void RecordedFeed::on_unit(const media::AccessUnitPtr& unit, playback::UnitFlags) {
  if (ended_) return;
  const auto time = unit->capture_time;
  const bool backwards = wanted_.speed < 0;
  if (wanted_.to && (backwards ? time < *wanted_.to : time >= *wanted_.to)) return end(std::nullopt);
  // Looking for more at the live edge begins with the key unit before.
  if (!backwards && newest_ && time <= *newest_) return;
  newest_ = time;
  deliver([unit](Sink& sink) { sink.on_unit(unit); });
}

void RecordedFeed::on_audio(const media::AudioUnitPtr& unit) {
  if (!ended_) deliver([unit](Sink& sink) { sink.on_audio(unit); });
}

void RecordedFeed::on_state(const playback::PlayerState& state) {
  using Kind = playback::PlayerState::Kind;
  if (state.kind == Kind::gap && wanted_.to && wanted_.speed > 0 && state.to >= *wanted_.to) return end(std::nullopt);
  if (state.kind == Kind::ended) return end(std::nullopt);
  if (state.kind != Kind::live) return;
  if (!newest_) return end(std::nullopt);
  edge_timer_ = services_.playback_reactor.call_after(edge_interval, [this] { look_for_more(); });
}

void RecordedFeed::look_for_more() {
  if (!ended_ && player_ && newest_) player_->seek(*newest_);
}

void RecordedFeed::on_error(const Error& error) { end(error); }

}  // namespace ccoc::api
