// A live channel per stream: the cached GOP and its subscribers. It lives on the stream's media thread;
// subscribing from elsewhere is posted there. A slow subscriber never slows the channel: what a
// subscriber is given it must queue, bounded, or drop.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ccoc/base/reactor.h"
#include "ccoc/media/frame_sink.h"

namespace ccoc::live {

/// A unit on its way to viewers. Its Annex B form is made on first use and shared by all of them.
class LiveUnit {
 public:
  explicit LiveUnit(media::AccessUnitPtr unit) : unit_(std::move(unit)) {}
  const media::AccessUnit& unit() const { return *unit_; }
  const media::AccessUnitPtr& pointer() const { return unit_; }
  /// Thread-safe. Key units carry their parameter sets in front.
  const SharedBytes& annexb() const;

 private:
  media::AccessUnitPtr unit_;
  mutable std::once_flag once_;
  mutable SharedBytes annexb_;
};
using LiveUnitPtr = std::shared_ptr<const LiveUnit>;

/// Called on the stream's media thread only. Must not block.
class Subscriber {
 public:
  virtual ~Subscriber() = default;
  /// First the cached GOP from its key unit on, at once; then every unit as it comes.
  virtual void on_unit(const LiveUnitPtr& unit) = 0;
  /// As it comes; nothing of it is cached.
  virtual void on_audio(const media::AudioUnitPtr&) {}
  /// The stream stopped; units may follow later, the first of them with `discontinuity`.
  virtual void on_interrupted(media::GapCause cause, std::string_view reason) = 0;
};

class Channel final : public media::FrameSink, public std::enable_shared_from_this<Channel> {
 public:
  /// `watched(true)` is called on the media thread when the first subscriber comes, `watched(false)` when the
  /// last has gone.
  Channel(Reactor& reactor, std::function<void(bool)> watched);

  void on_unit(const media::AccessUnitPtr& unit) override;
  void on_audio(const media::AudioUnitPtr& unit) override;
  void on_interrupted(media::GapCause cause, std::string_view reason) override;

  /// Any thread. The subscriber is held until unsubscribed.
  void subscribe(std::shared_ptr<Subscriber> subscriber);
  /// Any thread; a last call to the subscriber may still be under way when it returns.
  void unsubscribe(std::shared_ptr<Subscriber> subscriber);

  /// The last key unit, for snapshots; null before the first. Any thread.
  media::AccessUnitPtr last_key() const;
  /// Of the sound that came last; null before. Any thread.
  media::AudioFormatPtr audio_format() const;
  std::size_t subscriber_count() const { return subscriber_count_.load(std::memory_order_relaxed); }

 private:
  void add(std::shared_ptr<Subscriber> subscriber);
  void drop(const std::shared_ptr<Subscriber>& subscriber);

  Reactor& reactor_;
  std::function<void(bool)> watched_;
  std::vector<LiveUnitPtr> gop_;
  std::size_t gop_bytes_ = 0;
  std::vector<std::shared_ptr<Subscriber>> subscribers_;
  std::atomic<std::size_t> subscriber_count_{0};
  mutable std::mutex last_key_mutex_;
  media::AccessUnitPtr last_key_;
  media::AudioFormatPtr audio_format_;  ///< changed on the media thread only, with the mutex held
};

}  // namespace ccoc::live
