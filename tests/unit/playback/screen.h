// What player tests look at: reading that takes time, and a screen that remembers what it was given and when.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "ccoc/playback/player.h"
#include "sim/sim_world.h"
#include "support/footage.h"

namespace ccoc::test {

using media::AccessUnitPtr;
using playback::PlayerState;
using playback::UnitFlags;

/// Runs jobs on the world's thread after a delay; takes none while `full`.
class WorldPool final : public WorkQueue {
 public:
  explicit WorldPool(sim::World& world) : world_(world) {}
  bool submit(std::function<void()> work) override {
    if (full) return false;
    ++jobs;
    timers_.push_back(world_.call_after(delay_of ? delay_of() : delay, std::move(work)));
    return true;
  }
  Duration delay = milliseconds{3};
  std::function<Duration()> delay_of;  ///< instead of `delay`, when set
  bool full = false;
  int jobs = 0;

 private:
  sim::World& world_;
  std::vector<std::unique_ptr<Timer>> timers_;
};

class Screen final : public playback::PlayerListener {
 public:
  explicit Screen(sim::World& world) : world_(world) {}
  struct Shown {
    AccessUnitPtr unit;
    UnitFlags flags;
    MonoTime when;
  };
  void on_unit(const AccessUnitPtr& unit, UnitFlags flags) override {
    shown.push_back({unit, flags, world_.clock().now()});
    if (on_each) on_each();
  }
  void on_state(const PlayerState& state) override { states.push_back(state); }
  void on_error(const Error& error) override { errors.push_back(error); }

  std::vector<PlayerState::Kind> kinds() const {
    std::vector<PlayerState::Kind> all;
    for (const auto& state : states) all.push_back(state.kind);
    return all;
  }
  UtcTime last() const { return shown.empty() ? UtcTime{} : shown.back().unit->capture_time; }

  std::vector<Shown> shown;
  std::vector<PlayerState> states;
  std::vector<Error> errors;
  std::function<void()> on_each;

 private:
  sim::World& world_;
};

}  // namespace ccoc::test
