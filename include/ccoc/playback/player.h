// Plays footage at a speed: paces a cursor against a clock and hands over access units when they are due.
// Everything here happens on one reactor's thread; reading is done on a blocking pool, one job at a
// time per player, at most a few seconds and 8 MiB ahead.
#pragma once

#include <functional>
#include <memory>

#include "ccoc/archive/catalog.h"
#include "ccoc/base/reactor.h"
#include "ccoc/media/access_unit.h"

namespace ccoc::playback {

inline constexpr double slowest_speed = 0.25;
inline constexpr double fastest_speed = 32;
/// Above it, and backwards, only key frames are given.
inline constexpr double fastest_full_speed = 4;

/// What a viewer is told between pictures.
struct PlayerState {
  enum class Kind {
    playing,  ///< pictures come, in time
    late,     ///< the disk is behind; pictures will come, the clock waited for them
    gap,      ///< nothing was recorded from `from` to `to`: the clock jumps to `to` (see PlayerOptions::show_gaps)
    live,     ///< the end of what is written, and the stream is recorded: switch to the live channel
    ended,    ///< the end (or, backwards, the beginning) and nothing more will come
  };
  Kind kind = Kind::playing;
  UtcTime from;
  UtcTime to;
  media::GapCause cause = media::GapCause::hub;
};

struct UnitFlags {
  bool first = false;    ///< first after a start, seek or change of speed: the decoder begins anew here
  bool preroll = false;  ///< on the way to the wanted instant: decode it, don't show it
  bool skipped = false;  ///< frames between the last one and this were left out (key frames only)
};

/// Called on the reactor's thread. The player may be destroyed inside any call.
class PlayerListener {
 public:
  virtual ~PlayerListener() = default;
  virtual void on_unit(const media::AccessUnitPtr& unit, UnitFlags flags) = 0;
  /// Only at speed 1, and only where PlayerOptions::sound asks for it: at most 200 ms before it is due.
  virtual void on_audio(const media::AudioUnitPtr&) {}
  virtual void on_state(const PlayerState& state) = 0;
  /// Playing stopped (disk or index refused); seek() tries again.
  virtual void on_error(const Error& error) = 0;
};

/// The clock that players of one group share: a seek, a pause or a speed of one is everyone's. After a seek it stands still
/// until all have read their first pictures, at most a second, so that they begin together. Made on, and used on, one reactor's thread.
class GroupClock;
std::shared_ptr<GroupClock> make_group_clock(const Clock& clock);

class Player {
 public:
  virtual ~Player() = default;

  /// From the key frame at or before `at`, frames before `at` at once as preroll.
  virtual void seek(UtcTime at) = 0;
  /// |speed| in 0.25…32, negative backwards; `invalid_argument` (field "speed") otherwise. The position stays.
  virtual Status set_speed(double speed) = 0;
  virtual void pause() = 0;
  virtual void resume() = 0;
  /// Pauses, and goes `frames` on (or back, -100…100): the frames needed to decode the wanted one come as preroll.
  virtual Status step(int frames) = 0;
  /// Shows its footage so much later than its own times say; what is shown changes at once, the group's clock does not.
  virtual void set_offset(Duration offset) = 0;
  /// The instant that is shown now; of footage whose times are `offset` earlier.
  virtual UtcTime position() const = 0;
  virtual double speed() const = 0;
  virtual bool paused() const = 0;
};

struct PlayerOptions {
  UtcTime position;
  double speed = 1;
  std::size_t read_ahead_bytes = 8u << 20;
  bool sound = false;
  Duration offset{0};                 ///< see Player::set_offset
  bool show_gaps = false;             ///< nothing comes for as long as nothing was recorded; otherwise gaps are jumped over
  std::shared_ptr<GroupClock> group;  ///< empty: a clock of its own; otherwise `position` and `speed` join the group's
};

/// Starts playing; the first call to the listener comes later, never inside. The references must outlive the player;
/// `catalog` and `reactor` must also outlive work in `pool`. `invalid_argument` for a speed out of range.
Result<std::unique_ptr<Player>> play(archive::Catalog& catalog, archive::StreamKey key, const PlayerOptions& options, Reactor& reactor,
                                     WorkQueue& pool, PlayerListener& listener);

}  // namespace ccoc::playback
