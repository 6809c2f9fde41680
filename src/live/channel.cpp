#include "ccoc/live/channel.h"

#include <algorithm>

#include "ccoc/media/nal.h"

namespace ccoc::live {
namespace {

/// A GOP longer than this is not cached whole: a new viewer then waits for the next key unit.
constexpr std::size_t max_gop_bytes = 16 * 1024 * 1024;
constexpr std::size_t max_gop_units = 1200;

}  // namespace

const SharedBytes& LiveUnit::annexb() const {
  std::call_once(once_, [this] { annexb_ = std::make_shared<const Bytes>(media::to_annexb(*unit_)); });
  return annexb_;
}

Channel::Channel(Reactor& reactor, std::function<void(bool)> watched) : reactor_(reactor), watched_(std::move(watched)) {}

void Channel::on_unit(const media::AccessUnitPtr& unit) {
  auto live = std::make_shared<const LiveUnit>(unit);
  if (unit->key) {
    gop_.clear();
    gop_bytes_ = 0;
    const std::lock_guard lock(last_key_mutex_);
    last_key_ = unit;
  } else if (unit->discontinuity) {
    gop_.clear();
    gop_bytes_ = 0;
  }
  if (unit->key || !gop_.empty()) {
    gop_bytes_ += unit->data->size();
    if (gop_bytes_ > max_gop_bytes || gop_.size() >= max_gop_units) {
      gop_.clear();
      gop_bytes_ = 0;
    } else {
      gop_.push_back(live);
    }
  }
  for (const auto& subscriber : subscribers_) subscriber->on_unit(live);
}

void Channel::on_audio(const media::AudioUnitPtr& unit) {
  if (audio_format_ != unit->format) {
    const std::lock_guard lock(last_key_mutex_);
    audio_format_ = unit->format;
  }
  for (const auto& subscriber : subscribers_) subscriber->on_audio(unit);
}

void Channel::on_interrupted(media::GapCause cause, std::string_view reason) {
  gop_.clear();
  gop_bytes_ = 0;
  for (const auto& subscriber : subscribers_) subscriber->on_interrupted(cause, reason);
}

void Channel::subscribe(std::shared_ptr<Subscriber> subscriber) {
  reactor_.post([self = shared_from_this(), subscriber = std::move(subscriber)]() mutable { self->add(std::move(subscriber)); });
}

void Channel::unsubscribe(std::shared_ptr<Subscriber> subscriber) {
  reactor_.post([self = shared_from_this(), subscriber = std::move(subscriber)] { self->drop(subscriber); });
}

media::AccessUnitPtr Channel::last_key() const {
  const std::lock_guard lock(last_key_mutex_);
  return last_key_;
}

media::AudioFormatPtr Channel::audio_format() const {
  const std::lock_guard lock(last_key_mutex_);
  return audio_format_;
}

void Channel::add(std::shared_ptr<Subscriber> subscriber) {
  subscribers_.push_back(subscriber);
  subscriber_count_.store(subscribers_.size(), std::memory_order_relaxed);
  for (const auto& unit : gop_) subscriber->on_unit(unit);
  if (subscribers_.size() == 1 && watched_) watched_(true);
}

void Channel::drop(const std::shared_ptr<Subscriber>& subscriber) {
  const auto before = subscribers_.size();
  std::erase(subscribers_, subscriber);
  subscriber_count_.store(subscribers_.size(), std::memory_order_relaxed);
  if (before > 0 && subscribers_.empty() && watched_) watched_(false);
}

}  // namespace ccoc::live
