// Sixteen cameras by one clock: whatever is done, each shows the picture of the clock's instant.
#include <random>

#include "screen.h"

namespace ccoc::playback {
namespace {

using namespace ccoc::test;
using Kind = PlayerState::Kind;

constexpr int cameras = 16;
constexpr Duration frame_interval = milliseconds{40};
constexpr Duration slack = milliseconds{3};  ///< pictures due so soon go out with the one before

class GroupTest : public testing::Test {
 protected:
  /// 05:20:00 to 05:22:00 of each camera, their pictures 2.5 ms apart.
  void SetUp() override {
    life.boot();
    life.clock.advance_to(end);
    for (int i = 0; i < cameras; ++i) {
      Camera camera(begin + Duration{2500 * i});
      auto recorder = life.archive->record(key(i)).value();
      camera.run_until(end, *recorder);
      recorder.reset();
      life.step();
    }
    pool.delay_of = [this] { return Duration{std::uniform_int_distribution{1000, 40'000}(random)}; };
  }
  static archive::StreamKey key(int i) { return {"cam" + std::to_string(i), "main"}; }

  void start(UtcTime position, double speed = 1) {
    for (int i = 0; i < cameras; ++i) {
      screens.push_back(std::make_unique<Screen>(world));
      players.push_back(start_one(i, *screens.back(), pool, position, speed));
    }
    offsets.assign(cameras, Duration{0});
  }
  std::unique_ptr<Player> start_one(int i, Screen& screen, WorldPool& by, UtcTime position, double speed = 1) {
    PlayerOptions options;
    options.position = position;
    options.speed = speed;
    options.group = group;
    return play(life.catalog(), key(i), options, world, by, screen).value();
  }
  void forget_shown() {
    for (auto& screen : screens) screen->shown.clear();
  }
  bool all_show_something() const {
    return std::ranges::all_of(screens, [](const auto& screen) {
      return std::ranges::any_of(screen->shown, [](const auto& shown) { return !shown.flags.preroll; });
    });
  }
  UtcTime shown_by(int i) const { return screens[static_cast<std::size_t>(i)]->last() + offsets[static_cast<std::size_t>(i)]; }
  /// The worst distance between two screens now.
  Duration spread() const {
    auto earliest = UtcTime::max(), latest = UtcTime::min();
    for (int i = 0; i < cameras; ++i) {
      earliest = std::min(earliest, shown_by(i));
      latest = std::max(latest, shown_by(i));
    }
    return latest - earliest;
  }
  /// Over `length`: no screen is ever more than `interval` (in footage time) from another, or behind the clock.
  void expect_together(Duration length, Duration interval, const char* what) {
    const auto early = Duration{static_cast<std::int64_t>(static_cast<double>(slack.count()) * std::abs(players[0]->speed()))};
    for (Duration passed{0}; passed < length; passed += milliseconds{5}) {
      world.run_for(milliseconds{5});
      ASSERT_LE(spread(), interval + early) << what << " after " << passed.count() << " µs";
      const auto position = players[0]->position();
      for (int i = 0; i < cameras; ++i) {
        ASSERT_LE(std::chrono::abs(position - shown_by(i)), interval + early)
            << what << ", camera " << i << " after " << passed.count() << " µs";
      }
      worst = std::max(worst, spread());
    }
  }
  void wait_until_all_show() {
    for (int i = 0; i < 400 && !all_show_something(); ++i) world.run_for(milliseconds{5});
    ASSERT_TRUE(all_show_something());
  }

  const UtcTime begin = at("2026-11-24T05:20:00.000Z");
  const UtcTime end = at("2026-11-24T05:22:00.000Z");
  std::mt19937 random{4};
  ArchiveLife life{begin};
  sim::World world{1, end};
  WorldPool pool{world};
  std::shared_ptr<GroupClock> group = make_group_clock(world.clock());
  std::vector<std::unique_ptr<Screen>> screens;
  std::vector<std::unique_ptr<Player>> players;
  std::vector<Duration> offsets;
  Duration worst{0};
};

TEST_F(GroupTest, sixteen_cameras_show_one_instant_from_the_first_picture_on) {
  start(at("2026-11-24T05:20:10.017Z"));
  wait_until_all_show();
  expect_together(seconds{5}, frame_interval, "after the start");
  RecordProperty("worst_spread_us", static_cast<int>(worst.count()));
}

TEST_F(GroupTest, a_seek_brings_all_to_the_instant_and_they_begin_together) {
  start(at("2026-11-24T05:20:10.000Z"));
  wait_until_all_show();
  for (const char* target : {"2026-11-24T05:21:30.333Z", "2026-11-24T05:20:00.050Z", "2026-11-24T05:20:59.990Z"}) {
    forget_shown();
    players[7]->seek(at(target));
    wait_until_all_show();
    for (int i = 0; i < cameras; ++i) {
      const auto& shown = screens[static_cast<std::size_t>(i)]->shown;
      const auto first = std::ranges::find_if(shown, [](const auto& s) { return !s.flags.preroll; });
      EXPECT_LE(std::chrono::abs(at(target) - first->unit->capture_time), frame_interval)
          << target << ": the picture of that instant, camera " << i;
    }
    expect_together(seconds{3}, frame_interval, target);
  }
}

TEST_F(GroupTest, speed_is_everyones_and_keeps_them_together) {
  start(at("2026-11-24T05:20:10.000Z"));
  wait_until_all_show();
  for (const double speed : {0.25, 4.0, 0.5, 2.0, 1.0}) {
    ASSERT_TRUE(players[3]->set_speed(speed));
    expect_together(seconds{4}, frame_interval, "at another speed");
    for (const auto& player : players) EXPECT_EQ(player->speed(), speed);
  }
}

TEST_F(GroupTest, key_frames_at_high_speeds_and_backwards_keep_within_one_of_them) {
  start(at("2026-11-24T05:20:30.000Z"), 8);
  wait_until_all_show();
  constexpr Duration key_interval = seconds{1};
  expect_together(seconds{2}, key_interval, "8 times");
  for (const double speed : {-4.0, 16.0, -1.0, 32.0}) {
    players[0]->seek(at("2026-11-24T05:20:50.000Z"));
    ASSERT_TRUE(players[5]->set_speed(speed));
    forget_shown();
    wait_until_all_show();
    expect_together(seconds{1}, key_interval, "fast or backwards");
  }
}

TEST_F(GroupTest, a_pause_holds_all_at_one_instant_and_resuming_goes_on_from_it) {
  start(at("2026-11-24T05:20:10.000Z"));
  wait_until_all_show();
  world.run_for(milliseconds{1237});
  players[9]->pause();
  expect_together(seconds{20}, frame_interval, "paused");
  const auto stopped = players[0]->position();
  players[2]->resume();
  EXPECT_EQ(players[0]->position(), stopped);
  expect_together(seconds{5}, frame_interval, "resumed");
}

TEST_F(GroupTest, a_step_of_one_is_everyones_in_both_directions) {
  start(at("2026-11-24T05:20:10.000Z"));
  wait_until_all_show();
  players[0]->pause();
  for (const int frames : {1, 1, 10, -1, -30, 1}) {
    const auto before = shown_by(4);
    ASSERT_TRUE(players[4]->step(frames));
    world.run_for(seconds{1});
    EXPECT_EQ(shown_by(4), before + frames * frame_interval) << frames;
    expect_together(milliseconds{50}, frame_interval, "after a step");
  }
}

TEST_F(GroupTest, each_cameras_offset_is_corrected_alone_and_at_once) {
  start(at("2026-11-24T05:20:10.000Z"));
  wait_until_all_show();
  for (int i = 0; i < cameras; ++i) {
    const auto offset = milliseconds{130 * (i - 8)};
    players[static_cast<std::size_t>(i)]->set_offset(offset);
    offsets[static_cast<std::size_t>(i)] = offset;
  }
  forget_shown();
  wait_until_all_show();
  expect_together(seconds{3}, frame_interval, "corrected");
  players[0]->seek(at("2026-11-24T05:21:00.000Z"));
  forget_shown();
  wait_until_all_show();
  expect_together(seconds{3}, frame_interval, "after a seek");
  players[15]->pause();
  ASSERT_TRUE(players[15]->step(-3));
  world.run_for(seconds{1});
  expect_together(milliseconds{50}, frame_interval, "after a step back");
  // A person moves one while it stands still.
  players[1]->set_offset(offsets[1] = milliseconds{-2000});
  world.run_for(seconds{1});
  expect_together(milliseconds{50}, frame_interval, "one moved while paused");
}

TEST_F(GroupTest, one_slow_disk_keeps_the_others_waiting_no_longer_than_a_second) {
  WorldPool slow{world};
  slow.delay = seconds{4};
  start(at("2026-11-24T05:20:10.000Z"));
  Screen late{world};
  players.push_back(start_one(0, late, slow, {}));
  world.run_for(seconds{9});
  players[0]->seek(at("2026-11-24T05:21:00.000Z"));
  world.run_for(milliseconds{900});
  EXPECT_LE(std::chrono::abs(players[0]->position() - at("2026-11-24T05:21:00.000Z")), milliseconds{1}) << "waits";
  world.run_for(milliseconds{1100});
  EXPECT_LE(std::chrono::abs(players[0]->position() - at("2026-11-24T05:21:01.000Z")), milliseconds{10}) << "goes on without it";
  expect_together(seconds{1}, frame_interval, "the others");
  world.run_for(seconds{8});
  EXPECT_LE(std::chrono::abs(late.last() - players[0]->position()), frame_interval + slack) << "which joins them when it can";
}

TEST_F(GroupTest, who_joins_later_is_where_the_others_are) {
  start(at("2026-11-24T05:20:10.000Z"));
  wait_until_all_show();
  world.run_for(seconds{3});
  Screen other{world};
  const auto joined = start_one(3, other, pool, at("2026-11-24T05:00:00.000Z"));
  world.run_for(milliseconds{200});
  EXPECT_LE(std::chrono::abs(other.last() - shown_by(3)), frame_interval);
}

}  // namespace
}  // namespace ccoc::playback
