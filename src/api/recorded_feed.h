// Recorded footage on its way to one viewer by RTSP: a player on the playback reactor, its units hopped to the door's thread.
// The owner's calls and the sink's come on the door's thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "ccoc/api/api.h"
#include "ccoc/playback/player.h"

namespace ccoc::api {

class RecordedFeed final : public playback::PlayerListener, public std::enable_shared_from_this<RecordedFeed> {
 public:
  struct Wanted {
    archive::StreamKey key;
    UtcTime from;
    std::optional<UtcTime> to;  ///< backwards (speed < 0) the earlier one; empty: as long as there is footage
    double speed = 1;
    bool sound = false;
  };
  struct Sink {
    std::function<void(const media::AccessUnitPtr&)> on_unit;
    std::function<void(const media::AudioUnitPtr&)> on_audio;
    /// Nothing follows: the end, or why it failed.
    std::function<void(const std::optional<Error>&)> on_end;
  };
  RecordedFeed(Services& services, Reactor& door, Wanted wanted, Sink sink);
  ~RecordedFeed() override;

  void start();
  void pause();
  void resume();
  /// Nothing follows.
  void stop();

 private:
  void on_unit(const media::AccessUnitPtr& unit, playback::UnitFlags flags) override;
  void on_audio(const media::AudioUnitPtr& unit) override;
  void on_state(const playback::PlayerState& state) override;
  void on_error(const Error& error) override;
  void end(std::optional<Error> error);
  void deliver(std::function<void(Sink&)> what);
  void look_for_more();

  Services& services_;
  Reactor& door_;
  const Wanted wanted_;

  // Door's thread.
  std::shared_ptr<Sink> sink_;  ///< held while it is told something, which may end it
  bool paused_ = false;
  std::vector<std::function<void(Sink&)>> held_;  ///< came after the pause

  // Playback reactor.
  std::unique_ptr<playback::Player> player_;
  std::unique_ptr<Timer> edge_timer_;
  std::optional<UtcTime> newest_;
  bool ended_ = false;
};

}  // namespace ccoc::api
