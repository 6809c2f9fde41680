// One subscription of `/stream`: live from the channel, or recorded from a player; it moves between the two.
// Lives on the playback reactor's thread: everything but the constructor is called there.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ccoc/api/api.h"
#include "ccoc/playback/player.h"
#include "ccoc/vision/transcoder.h"
#include "delivery.h"

namespace ccoc::api {

class Subscription;

/// Subscriptions that share one clock, and those of them that are live at the moment.
struct SubscriptionGroup {
  std::shared_ptr<playback::GroupClock> clock;
  std::vector<std::weak_ptr<Subscription>> members;
};

/// "live", or an instant.
using Position = std::optional<UtcTime>;

class Subscription final : public playback::PlayerListener, public std::enable_shared_from_this<Subscription> {
 public:
  struct Wanted {
    std::uint16_t id = 0;
    archive::StreamKey key;
    StreamFormat format = StreamFormat::annexb;
    Position position;
    double speed = 1;
    bool audio = false;
    /// What the viewer can decode ("avc1", "hvc1", "mp4v"); empty: it did not say.
    std::vector<std::string> decode = {};
    /// Its footage is shown so much later than its own times say.
    Duration offset{0};
    bool show_gaps = false;
  };
  /// `services` outlives it; `group` may be null.
  Subscription(Services& services, Wanted wanted, std::shared_ptr<Outbox> outbox);
  ~Subscription() override;

  void start(const std::shared_ptr<SubscriptionGroup>& group);
  void seek(Position position);
  void set_speed(double speed);
  void pause();
  void resume();
  void step(int frames);
  void set_offset(Duration offset);
  void stop();
  /// Follows a channel that was made anew, and one that has come.
  void refresh();
  /// Stops with an error when what it shows now may no longer be seen.
  void check_rights(access::Rights rights);

  bool stopped() const { return stopped_; }
  const Wanted& wanted() const { return wanted_; }

 private:
  class LiveFeed;

  using AnnexB = std::function<SharedBytes()>;
  /// On the thread of the channel or of the player: to the viewer, or to the transcoder first.
  void hand_over(const media::AccessUnitPtr& unit, const AnnexB& annexb, std::uint8_t flags, const char* normal_state);
  bool can_decode(const media::VideoFormat& format) const;
  void transcode(const media::AccessUnitPtr& unit, std::uint8_t flags, const char* normal_state);
  /// What was on its way to the viewer is of the old position.
  void restart_delivery();
  void end_transcoding(bool for_good);

  void go_live();
  void leave_live();
  void play_from(UtcTime at);
  /// The whole group goes from live to footage at `at`, which is a time of the group's clock.
  void leave_live_for(UtcTime at);
  void leave_player() { player_.reset(); }
  /// Where a viewer who was live until now would go on.
  UtcTime shown_instant() const;
  void tell_group(const std::function<void(Subscription&)>& what);
  void fail_with(const Error& error);

  void on_unit(const media::AccessUnitPtr& unit, playback::UnitFlags flags) override;
  void on_audio(const media::AudioUnitPtr& unit) override { delivery_.audio(unit); }
  void on_state(const playback::PlayerState& state) override;
  void on_error(const Error& error) override;

  Services& services_;
  const Wanted wanted_;
  Delivery delivery_;
  double speed_;
  Duration offset_;
  std::shared_ptr<SubscriptionGroup> group_;
  std::shared_ptr<live::Channel> channel_;
  std::shared_ptr<LiveFeed> feed_;
  std::unique_ptr<playback::Player> player_;
  bool live_ = false;
  bool paused_ = false;
  bool stopped_ = false;

  std::mutex transcoding_mutex_;  ///< of the next three
  std::unique_ptr<vision::TranscodeSession> transcoding_;
  bool refused_ = false;  ///< there was no room for one, and the viewer was told
  bool ended_ = false;
  std::atomic<const char*> normal_state_{"live"};  ///< of what is being transcoded
};

}  // namespace ccoc::api
