#include "ccoc/playback/player.h"

#include <cmath>
#include <deque>

#include "group_clock.h"
#include "read_ahead.h"

namespace ccoc::playback {
namespace {

/// A picture later than this after a wait makes the clock wait too.
constexpr Duration tolerated_lateness = std::chrono::milliseconds{250};
constexpr Duration edge_poll = std::chrono::milliseconds{300};
constexpr Duration retry_delay = std::chrono::milliseconds{50};
/// Pictures due this soon go out with the one before: fewer timers.
constexpr Duration slack = std::chrono::milliseconds{2};
constexpr Duration sound_ahead = std::chrono::milliseconds{200};
constexpr std::size_t job_bytes = 1u << 20;
constexpr int most_frames_stepped = 100;

/// The player proper. Outlives its handle while a job of it is under way.
class Core final : public GroupClock::Member, public std::enable_shared_from_this<Core> {
 public:
  Core(archive::Catalog& catalog, archive::StreamKey key, const PlayerOptions& options, Reactor& reactor, WorkQueue& pool,
       PlayerListener& listener, std::shared_ptr<GroupClock> clock)
      : reactor_(reactor),
        pool_(pool),
        listener_(listener),
        clock_(std::move(clock)),
        cursor_(catalog, std::move(key), options.sound),
        most_queued_(options.read_ahead_bytes),
        show_gaps_(options.show_gaps),
        offset_(options.offset) {}

  void start(UtcTime position, double speed) {
    clock_->join(shared_from_this(), position, speed);
    mode_ = mode_of(clock_->speed());
    restart(clock_->position());
  }

  void close() {
    closed_ = true;
    clock_->leave(this);
    due_timer_.reset();
    edge_timer_.reset();
    retry_timer_.reset();
    queue_.clear();
  }

  GroupClock& clock() { return *clock_; }

  void set_offset(Duration offset) {
    if (std::exchange(offset_, offset) != offset) restart(clock_->position());
  }

  Status step(int frames) {
    if (std::abs(frames) > most_frames_stepped) {
      return fail(ErrorCode::invalid_argument, "a step is -100 to 100 frames", "frames");
    }
    clock_->pause();
    if (mode_ != Mode::frames) clock_->set_speed(1);
    if (frames > 0) {
      steps_wanted_ += frames;
      pump();
    } else if (frames < 0) {
      steps_back_ -= frames;
      request();
    }
    return {};
  }

  // GroupClock::Member
  void on_seek(UtcTime at) override { restart(at); }

  void on_change(bool speed_changed) override {
    if (closed_) return;
    const auto mode = mode_of(clock_->speed());
    const bool at_rest = state_.kind == PlayerState::Kind::live || state_.kind == PlayerState::Kind::ended;
    if (mode != mode_ || (speed_changed && at_rest)) {
      mode_ = mode;
      restart(at_rest && shown_ ? *shown_ : clock_->position());
    } else {
      pump();
    }
  }

  bool ready() const override { return !fresh_ || halted_; }

  std::optional<UtcTime> idle_until() const override {
    if (state_.kind == PlayerState::Kind::ended) return backwards() ? UtcTime::min() : UtcTime::max();
    return show_gaps_ ? std::nullopt : idle_until_;
  }

 private:
  bool backwards() const { return mode_ == Mode::keys_backwards; }

  void restart(UtcTime at) {
    if (closed_) return;
    ++epoch_;
    queue_.clear();
    sound_.clear();
    queued_bytes_ = 0;
    seek_to_ = wanted_ = at;
    first_ = fresh_ = true;
    given_ = 0;
    starved_ = halted_ = false;
    steps_wanted_ = 0;
    steps_back_ = 0;
    edge_.reset();
    edge_confirmed_ = false;
    idle_until_.reset();
    shown_.reset();
    due_timer_.reset();
    edge_timer_.reset();
    if (state_.kind != PlayerState::Kind::late) state_.kind = PlayerState::Kind::playing;
    told_state_ = false;
    request();
  }

  /// Lets the pool read on, when there is room and something to read.
  void request() {
    if (closed_ || reading_) return;
    const bool step_back = steps_back_ > 0 && shown_ && !seek_to_;
    if (!step_back && (halted_ || edge_ || queued_bytes_ >= most_queued_)) return;
    auto self = shared_from_this();
    const auto epoch = epoch_;
    const auto seek_to = seek_to_ ? std::optional(*seek_to_ - offset_) : std::nullopt;
    std::function<void()> job;
    if (step_back) {
      job = [self, epoch, current = *shown_ - offset_, frames = steps_back_] {
        auto target = find_frame_before(self->cursor_, current, frames);
        self->reactor_.post([self, epoch, current, target = std::move(target)] { self->on_target(epoch, current, target); });
      };
    } else {
      job = [self, epoch, mode = mode_, seek_to] {
        auto batch = std::make_shared<Batch>(read_batch(self->cursor_, mode, seek_to, job_bytes));
        self->reactor_.post([self, epoch, batch] { self->on_batch(epoch, *batch); });
      };
    }
    if (!pool_.submit(std::move(job))) {
      retry_timer_ = reactor_.call_after(retry_delay, [this] { request(); });
      return;
    }
    reading_ = true;
    if (step_back) {
      steps_back_ = 0;
    } else {
      seek_to_.reset();
    }
  }

  void on_target(std::uint64_t epoch, UtcTime current, const Result<std::optional<UtcTime>>& target) {
    reading_ = false;
    if (closed_) return;
    if (epoch != epoch_) return request();
    if (!target) return stop_with(target.error());
    clock_->seek(target->value_or(current) + offset_);
  }

  void on_batch(std::uint64_t epoch, Batch& batch) {
    reading_ = false;
    if (closed_) return;
    if (epoch != epoch_) return request();
    for (auto& step : batch.steps) {
      if (const auto* edge = std::get_if<AtLiveEdge>(&step)) {
        edge_ = *edge;
        if (queue_.empty()) edge_confirmed_ = true;
        edge_timer_ = reactor_.call_after(edge_poll, [this] {
          edge_.reset();
          request();
        });
        break;
      }
      if (const auto* unit = std::get_if<media::AccessUnitPtr>(&step)) {
        queued_bytes_ += (*unit)->data->size();
        edge_confirmed_ = false;
      }
      queue_.push_back(std::move(step));
    }
    sound_.insert(sound_.end(), batch.sound.begin(), batch.sound.end());
    if (batch.error && queue_.empty()) return stop_with(*batch.error);
    if (batch.error) pending_error_ = batch.error;
    if (std::exchange(fresh_, false)) {
      if (clock_->alone() && !clock_->paused()) clock_->move_to(wanted_);
      clock_->on_ready();
    }
    if (!closed_) pump();
  }

  void stop_with(const Error& error) {
    halted_ = true;
    pending_error_.reset();
    const auto self = shared_from_this();
    listener_.on_error(error);
    if (!closed_) clock_->on_ready();
  }

  void pump() {
    if (closed_) return;
    if (pumping_) {
      pump_again_ = true;
      return;
    }
    const auto self = shared_from_this();
    pumping_ = true;
    do {
      pump_again_ = false;
      while (!closed_ && !halted_ && !queue_.empty()) {
        if (!take_front()) break;
      }
      if (!closed_ && !halted_ && queue_.empty()) on_empty();
    } while (pump_again_ && !closed_);
    pumping_ = false;
    request();
  }

  /// False: the front's time has not come; a timer waits for it.
  bool take_front() {
    if (const auto* unit = std::get_if<media::AccessUnitPtr>(&queue_.front())) return take_unit(*unit);
    const auto step = std::move(queue_.front());
    queue_.pop_front();
    if (const auto* gap = std::get_if<GapAhead>(&step)) {
      idle_until_ = (backwards() ? gap->from : gap->to) + offset_;
      tell({PlayerState::Kind::gap, gap->from, gap->to, gap->cause});
      if (!closed_) clock_->jump_if_all_idle();
    } else {
      rest(PlayerState::Kind::ended);
    }
    return true;
  }

  bool take_unit(const media::AccessUnitPtr& front) {
    const auto time = front->capture_time + offset_;
    const auto position = clock_->position();
    const auto before = before_wanted(time);
    if (!before) return false;
    const bool preroll = *before;
    const auto ahead = backwards() ? position - time : time - position;
    const bool stepping = steps_wanted_ > 0 && time > wanted_;
    const bool at_once = preroll || stepping || (clock_->paused() && given_ == 0);
    const auto speed = std::abs(clock_->speed());
    const auto real_slack = Duration{static_cast<std::int64_t>(static_cast<double>(slack.count()) * speed)};
    if (!at_once && ahead > (clock_->paused() ? Duration{0} : real_slack)) {
      if (clock_->paused()) return false;
      due_timer_ = reactor_.call_after(clock_->until(time), [this] { pump(); });
      return false;
    }
    const auto unit = front;
    queue_.pop_front();
    queued_bytes_ -= unit->data->size();
    if (std::exchange(starved_, false) && !preroll && !stepping && !clock_->paused()) {
      const double lateness = static_cast<double>(-ahead.count()) / speed;
      if (lateness > static_cast<double>(tolerated_lateness.count())) {
        tell({PlayerState::Kind::late, time, position, {}});
        if (closed_) return false;
        clock_->move_to(time);
      }
    }
    give(unit, preroll);
    if (stepping && !closed_) {
      --steps_wanted_;
      clock_->move_to(time);
    }
    return true;
  }

  /// Whether the front, of `time`, is only decoded on the way to the wanted instant: all but the last picture at or
  /// before it. Empty: the one behind it must be read first to tell.
  std::optional<bool> before_wanted(UtcTime time) const {
    if (backwards() || time >= wanted_) return false;
    if (queue_.size() == 1) {
      const bool more_may_come = !edge_ && !pending_error_ && queued_bytes_ < most_queued_;
      return more_may_come ? std::nullopt : std::optional(false);
    }
    const auto* next = std::get_if<media::AccessUnitPtr>(&queue_[1]);
    return next != nullptr && (*next)->capture_time + offset_ <= wanted_;
  }

  void give(const media::AccessUnitPtr& unit, bool preroll) {
    idle_until_.reset();
    ++given_;
    shown_ = unit->capture_time + offset_;
    const auto epoch = epoch_;
    tell({PlayerState::Kind::playing, unit->capture_time, unit->capture_time, {}});
    if (closed_ || epoch != epoch_) return;
    listener_.on_unit(unit, {std::exchange(first_, false), preroll, mode_ != Mode::frames});
    if (!closed_ && epoch == epoch_) give_sound(unit->capture_time, preroll);
  }

  /// The sound around a picture that was just given. What is too old, or not to be heard, is dropped.
  void give_sound(UtcTime picture, bool preroll) {
    const bool heard = !preroll && clock_->speed() == 1 && !clock_->paused();
    const auto epoch = epoch_;
    while (!sound_.empty() && sound_.front()->capture_time < picture + sound_ahead) {
      const auto unit = std::move(sound_.front());
      sound_.pop_front();
      if (!heard || unit->capture_time < picture - sound_ahead) continue;
      listener_.on_audio(unit);
      if (closed_ || epoch != epoch_) return;
    }
  }

  void on_empty() {
    if (pending_error_) return stop_with(Error(*pending_error_));
    if (!edge_) {
      starved_ = true;
      return;
    }
    if (!edge_confirmed_) {
      edge_.reset();  // an old answer: ask once more before saying so
      edge_timer_.reset();
      return;
    }
    rest(edge_->recording ? PlayerState::Kind::live : PlayerState::Kind::ended);
  }

  /// Nothing more comes until somebody seeks or changes the speed.
  void rest(PlayerState::Kind kind) {
    halted_ = true;
    steps_wanted_ = 0;
    edge_timer_.reset();
    const auto at = shown_.value_or(clock_->position());
    tell({kind, at, at, {}});
    if (!closed_) clock_->jump_if_all_idle();
  }

  void tell(const PlayerState& state) {
    const bool same = told_state_ && state_.kind == state.kind && state.kind != PlayerState::Kind::gap;
    state_ = state;
    told_state_ = true;
    if (!same) listener_.on_state(state);
  }

  Reactor& reactor_;
  WorkQueue& pool_;
  PlayerListener& listener_;
  const std::shared_ptr<GroupClock> clock_;
  Cursor cursor_;  ///< the running job's, while reading_
  const std::size_t most_queued_;
  const bool show_gaps_;
  Duration offset_;  ///< what is of the clock here (wanted_, shown_, idle_until_) is so much later than the footage's own times

  bool closed_ = false;
  bool reading_ = false;
  bool pumping_ = false;
  bool pump_again_ = false;
  bool halted_ = false;
  std::uint64_t epoch_ = 0;  ///< answers to an older question are dropped
  Mode mode_ = Mode::frames;
  std::deque<Step> queue_;
  std::deque<media::AudioUnitPtr> sound_;
  std::size_t queued_bytes_ = 0;
  std::optional<UtcTime> seek_to_;
  UtcTime wanted_;
  std::optional<UtcTime> shown_;
  std::optional<UtcTime> idle_until_;
  std::uint64_t given_ = 0;  ///< since the last seek
  bool first_ = true;
  bool fresh_ = true;
  bool starved_ = false;
  int steps_wanted_ = 0;
  int steps_back_ = 0;
  std::optional<AtLiveEdge> edge_;
  bool edge_confirmed_ = false;
  std::optional<Error> pending_error_;
  PlayerState state_;
  bool told_state_ = false;
  std::unique_ptr<Timer> due_timer_;
  std::unique_ptr<Timer> edge_timer_;
  std::unique_ptr<Timer> retry_timer_;
};

Status check_speed(double speed) {
  const auto size = std::abs(speed);
  if (size >= slowest_speed && size <= fastest_speed) return {};  // NaN fails both
  return fail(ErrorCode::invalid_argument, "a speed is 0.25 to 32, or -0.25 to -32 for backwards", "speed");
}

class CorePlayer final : public Player {
 public:
  explicit CorePlayer(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  ~CorePlayer() override { core_->close(); }

  void seek(UtcTime at) override { core_->clock().seek(at); }
  Status set_speed(double speed) override {
    if (auto ok = check_speed(speed); !ok) return ok;
    core_->clock().set_speed(speed);
    return {};
  }
  void pause() override { core_->clock().pause(); }
  void resume() override { core_->clock().resume(); }
  Status step(int frames) override { return core_->step(frames); }
  void set_offset(Duration offset) override { core_->set_offset(offset); }
  UtcTime position() const override { return core_->clock().position(); }
  double speed() const override { return core_->clock().speed(); }
  bool paused() const override { return core_->clock().paused(); }

 private:
  const std::shared_ptr<Core> core_;
};

}  // namespace

Result<std::unique_ptr<Player>> play(archive::Catalog& catalog, archive::StreamKey key, const PlayerOptions& options, Reactor& reactor,
                                     WorkQueue& pool, PlayerListener& listener) {
  if (auto ok = check_speed(options.speed); !ok) return std::unexpected(ok.error());
  if (auto ok = archive::validate(key); !ok) return std::unexpected(ok.error());
  auto clock = options.group ? options.group : make_group_clock(reactor.clock());
  auto core = std::make_shared<Core>(catalog, std::move(key), options, reactor, pool, listener, std::move(clock));
  core->start(options.position, options.speed);
  return std::make_unique<CorePlayer>(std::move(core));
}

}  // namespace ccoc::playback
