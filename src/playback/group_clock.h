// Where playing is: a line from the monotonic clock to footage time, shared by the players of a group.
// One reactor's thread only.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "ccoc/base/clock.h"

namespace ccoc::playback {

class GroupClock {
 public:
  /// A player, as its clock sees it.
  class Member {
   public:
    virtual ~Member() = default;
    virtual void on_seek(UtcTime at) = 0;
    /// Speed, pause or position changed.
    virtual void on_change(bool speed_changed) = 0;
    /// It has, or knows that it has not, the pictures of where it was sent last.
    virtual bool ready() const = 0;
    /// In a gap, or at an end: until when nothing comes from it; empty while pictures come.
    virtual std::optional<UtcTime> idle_until() const = 0;
  };

  explicit GroupClock(const Clock& clock) : clock_(clock), anchor_time_(clock.now()) {}

  UtcTime position() const;
  double speed() const { return speed_; }
  bool paused() const { return paused_; }
  MonoTime now() const { return clock_.now(); }
  bool alone() const { return members_.size() <= 1; }

  /// How long, in real time, until playing comes to `position`; 0 when it has. Only while it is not paused.
  Duration until(UtcTime position) const;

  /// The first to join sets position and speed.
  void join(const std::shared_ptr<Member>& member, UtcTime position, double speed);
  void leave(const Member* member);

  void seek(UtcTime at);
  void set_speed(double speed);
  void pause();
  void resume();
  /// Moves the line without telling a seek: after waiting for a slow disk, over a gap, or by a step.
  void move_to(UtcTime position);
  /// When nobody in the group has pictures until later, jumps to the first that has.
  void jump_if_all_idle();
  /// A member became ready(): when all are, what waited for them begins.
  void on_ready();

 private:
  /// Stands still until all members are ready, so that their pictures begin together; no longer than a second, lest one
  /// slow disk stop them all.
  void wait_for_members();
  std::vector<std::shared_ptr<Member>> members() const;
  void tell(bool speed_changed);

  const Clock& clock_;
  MonoTime anchor_time_;
  UtcTime anchor_position_;
  double speed_ = 1;
  bool paused_ = false;
  bool waiting_ = false;  ///< for members; anchor_time_ is when it ends at the latest
  std::vector<std::weak_ptr<Member>> members_;
};

}  // namespace ccoc::playback
