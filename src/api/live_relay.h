// A live channel's units on their way to viewers by RTSP: hopped to the door's thread, made into packets once. Everything but
// the subscriber's calls happens on that thread. It lives while a show holds it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "ccoc/archive/types.h"
#include "ccoc/base/reactor.h"
#include "ccoc/live/directory.h"
#include "ccoc/rtsp/relay.h"

namespace ccoc::api {

class LiveRelay final : public live::Subscriber, public std::enable_shared_from_this<LiveRelay> {
 public:
  LiveRelay(Reactor& reactor, live::Directory& directory, archive::StreamKey key, bool expects_sound);
  ~LiveRelay() override;
  /// Once, before anything else.
  void start();
  /// Nobody is told any more.
  void stop();

  rtsp::Relay& relay() { return relay_; }

  /// Calls back, perhaps at once, when pictures (and sound, where it is expected) have come: with nothing, or with an error:
  /// `unsupported` codec, `not_found` no such channel, `unavailable` nothing came for some seconds.
  using Ready = std::function<void(const std::optional<Error>&)>;
  void when_ready(Ready ready);

  /// Every second: follows a channel that was made anew, gives up waiting.
  void tick();

  // live::Subscriber, on the media thread.
  void on_unit(const live::LiveUnitPtr& unit) override;
  void on_audio(const media::AudioUnitPtr& unit) override;
  void on_interrupted(media::GapCause cause, std::string_view reason) override;

 private:
  struct Waiter {
    Ready ready;
    MonoTime until;
  };
  void attach(std::shared_ptr<live::Channel> channel);
  void tell_waiters();

  Reactor& reactor_;
  live::Directory& directory_;
  const archive::StreamKey key_;
  const bool expects_sound_;
  rtsp::Relay relay_;
  std::shared_ptr<live::Channel> channel_;
  std::shared_ptr<live::Subscriber> feed_;  ///< what the channel holds, so that this may go while it is subscribed
  std::vector<Waiter> waiters_;
  bool wrong_codec_ = false;
  std::optional<MonoTime> first_picture_;
};

}  // namespace ccoc::api
