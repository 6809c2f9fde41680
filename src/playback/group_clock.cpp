#include "group_clock.h"

#include <algorithm>

#include "ccoc/playback/player.h"

namespace ccoc::playback {

std::shared_ptr<GroupClock> make_group_clock(const Clock& clock) { return std::make_shared<GroupClock>(clock); }

namespace {
constexpr Duration longest_wait = std::chrono::seconds{1};
}  // namespace

UtcTime GroupClock::position() const {
  if (paused_ || clock_.now() < anchor_time_) return anchor_position_;
  const auto passed = static_cast<double>((clock_.now() - anchor_time_).count()) * speed_;
  return anchor_position_ + Duration{static_cast<std::int64_t>(passed)};
}

Duration GroupClock::until(UtcTime position) const {
  const auto way = static_cast<double>((position - anchor_position_).count()) / speed_;
  return std::max(Duration{0}, anchor_time_ - clock_.now() + Duration{static_cast<std::int64_t>(way)});
}

void GroupClock::join(const std::shared_ptr<Member>& member, UtcTime position, double speed) {
  std::erase_if(members_, [](const auto& other) { return other.expired(); });
  if (members_.empty()) {
    anchor_position_ = position;
    anchor_time_ = clock_.now();
    speed_ = speed;
    paused_ = false;
    wait_for_members();
  }
  members_.push_back(member);
}

void GroupClock::leave(const Member* member) {
  std::erase_if(members_, [&](const auto& other) {
    const auto held = other.lock();
    return !held || held.get() == member;
  });
  on_ready();  // perhaps it was the one that was waited for
}

void GroupClock::seek(UtcTime at) {
  anchor_position_ = at;
  wait_for_members();
  for (const auto& member : members()) member->on_seek(at);
}

void GroupClock::set_speed(double speed) {
  if (speed == speed_) return;
  anchor_position_ = position();
  if (!waiting_) anchor_time_ = clock_.now();
  speed_ = speed;
  tell(true);
  // Another way of reading (key frames only, backwards) begins anew.
  if (!std::ranges::all_of(members(), &Member::ready)) wait_for_members();
}

void GroupClock::pause() {
  if (paused_) return;
  anchor_position_ = position();
  paused_ = true;
  tell(false);
}

void GroupClock::resume() {
  if (!paused_) return;
  paused_ = false;
  anchor_time_ = clock_.now();
  if (waiting_) wait_for_members();
  tell(false);
}

void GroupClock::move_to(UtcTime position) {
  anchor_position_ = position;
  anchor_time_ = clock_.now();
  waiting_ = false;
  tell(false);
}

void GroupClock::wait_for_members() {
  waiting_ = true;
  anchor_time_ = clock_.now() + longest_wait;
}

void GroupClock::on_ready() {
  if (!waiting_) return;
  const auto now = clock_.now();
  if (now < anchor_time_ && !std::ranges::all_of(members(), &Member::ready)) return;
  waiting_ = false;
  anchor_time_ = std::min(anchor_time_, now);
  if (!paused_) tell(false);
}

void GroupClock::jump_if_all_idle() {
  if (paused_) return;
  const bool forwards = speed_ > 0;
  std::optional<UtcTime> target;
  for (const auto& member : members()) {
    const auto until = member->idle_until();
    if (!until) return;
    if (!target || (forwards ? *until < *target : *until > *target)) target = until;
  }
  if (!target || *target == UtcTime::max() || *target == UtcTime::min()) return;
  if (forwards ? *target > position() : *target < position()) move_to(*target);
}

std::vector<std::shared_ptr<GroupClock::Member>> GroupClock::members() const {
  std::vector<std::shared_ptr<Member>> all;
  for (const auto& member : members_) {
    if (auto held = member.lock()) all.push_back(std::move(held));
  }
  return all;
}

void GroupClock::tell(bool speed_changed) {
  for (const auto& member : members()) member->on_change(speed_changed);
}

}  // namespace ccoc::playback
