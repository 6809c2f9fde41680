#include "live_relay.h"

#include <algorithm>
#include <iterator>
#include <random>

namespace ccoc::api {
namespace {

constexpr Duration longest_wait = std::chrono::seconds{6};
constexpr Duration wait_for_sound = std::chrono::milliseconds{1500};

std::uint64_t random_seed() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

/// What a channel holds: passes on while the relay lives.
class Feed final : public live::Subscriber {
 public:
  explicit Feed(std::weak_ptr<LiveRelay> to) : to_(std::move(to)) {}
  void on_unit(const live::LiveUnitPtr& unit) override {
    if (const auto relay = to_.lock()) relay->on_unit(unit);
  }
  void on_audio(const media::AudioUnitPtr& unit) override {
    if (const auto relay = to_.lock()) relay->on_audio(unit);
  }
  void on_interrupted(media::GapCause cause, std::string_view reason) override {
    if (const auto relay = to_.lock()) relay->on_interrupted(cause, reason);
  }

 private:
  const std::weak_ptr<LiveRelay> to_;
};

}  // namespace

LiveRelay::LiveRelay(Reactor& reactor, live::Directory& directory, archive::StreamKey key, bool expects_sound)
    : reactor_(reactor),
      directory_(directory),
      key_(std::move(key)),
      expects_sound_(expects_sound),
      relay_(reactor.clock(), rtsp::Relay::Timing::live, random_seed()) {}

LiveRelay::~LiveRelay() {
  if (channel_) channel_->unsubscribe(feed_);
}

void LiveRelay::start() {
  feed_ = std::make_shared<Feed>(weak_from_this());
  attach(directory_.find(key_.camera, key_.stream));
}

void LiveRelay::stop() {
  attach(nullptr);
  auto waiters = std::exchange(waiters_, {});
}

void LiveRelay::attach(std::shared_ptr<live::Channel> channel) {
  if (channel_) channel_->unsubscribe(feed_);
  channel_ = std::move(channel);
  relay_.on_interrupted();
  if (channel_) channel_->subscribe(feed_);
}

void LiveRelay::tick() {
  auto now = directory_.find(key_.camera, key_.stream);
  if (now != channel_) attach(std::move(now));
  tell_waiters();
}

void LiveRelay::when_ready(Ready ready) {
  waiters_.push_back({std::move(ready), reactor_.clock().now() + longest_wait});
  tell_waiters();
}

void LiveRelay::tell_waiters() {
  if (waiters_.empty()) return;
  const auto now = reactor_.clock().now();
  const bool silent = expects_sound_ && !relay_.audio() && first_picture_ && now - *first_picture_ < wait_for_sound;
  std::optional<Error> error;
  std::vector<Waiter> told;
  if (relay_.video() && !silent) {
    told.swap(waiters_);
  } else if (wrong_codec_) {
    error = Error{ErrorCode::unsupported, "only H.264 and H.265 are sent by RTSP", {}};
    told.swap(waiters_);
  } else if (!channel_) {
    error = Error{ErrorCode::not_found, "the stream is not switched on", {}};
    told.swap(waiters_);
  } else {
    error = Error{ErrorCode::unavailable, "no picture comes", {}};
    const auto late = std::stable_partition(waiters_.begin(), waiters_.end(), [&](const Waiter& w) { return w.until > now; });
    told.assign(std::make_move_iterator(late), std::make_move_iterator(waiters_.end()));
    waiters_.erase(late, waiters_.end());
  }
  for (const auto& waiter : told) waiter.ready(error);
}

void LiveRelay::on_unit(const live::LiveUnitPtr& unit) {
  reactor_.post([self = shared_from_this(), unit = unit->pointer()] {
    self->wrong_codec_ = !rtsp::Relay::can_send(*unit->format);
    if (unit->key && !self->first_picture_) self->first_picture_ = self->reactor_.clock().now();
    self->relay_.on_unit(unit);
    self->tell_waiters();
  });
}

void LiveRelay::on_audio(const media::AudioUnitPtr& unit) {
  reactor_.post([self = shared_from_this(), unit] {
    self->relay_.on_audio(unit);
    self->tell_waiters();
  });
}

void LiveRelay::on_interrupted(media::GapCause, std::string_view) {
  reactor_.post([self = shared_from_this()] { self->relay_.on_interrupted(); });
}

}  // namespace ccoc::api
