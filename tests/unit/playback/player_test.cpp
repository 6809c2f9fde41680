#include "ccoc/playback/player.h"

#include "screen.h"

namespace ccoc::playback {
namespace {

using namespace ccoc::test;
using media::AccessUnitPtr;
using Kind = PlayerState::Kind;

class PlayerTest : public testing::Test {
 protected:
  /// 05:20:00 to 05:22:30 and 05:23:10 to 05:25:10; the last file is open.
  void SetUp() override {
    life.boot();
    auto& recorder = life.record();
    life.run(camera, at("2026-11-24T05:22:30.000Z"));
    recorder.on_interrupted(media::GapCause::network, "cable");
    camera.restart(at("2026-11-24T05:23:10.000Z"));
    life.run(camera, at("2026-11-24T05:25:10.040Z"));
  }
  std::unique_ptr<Player> start(const char* position, double speed = 1, std::shared_ptr<GroupClock> group = nullptr) {
    return start_on(screen, position, speed, std::move(group));
  }
  std::unique_ptr<Player> start_on(Screen& on, const char* position, double speed, std::shared_ptr<GroupClock> group) {
    PlayerOptions options;
    options.position = at(position);
    options.speed = speed;
    options.group = std::move(group);
    return play(life.catalog(), cam01, options, world, pool, on).value();
  }
  std::size_t frames_after_preroll() const {
    return static_cast<std::size_t>(std::ranges::count_if(screen.shown, [](const auto& s) { return !s.flags.preroll; }));
  }
  static Duration apart(UtcTime a, UtcTime b) { return std::chrono::abs(a - b); }

  Camera camera{at("2026-11-24T05:20:00.000Z")};
  ArchiveLife life{at("2026-11-24T05:20:00.000Z")};
  sim::World world{1, at("2026-11-24T05:25:10.040Z")};
  WorldPool pool{world};
  Screen screen{world};
};

TEST_F(PlayerTest, gives_frames_when_they_are_due) {
  const auto player = start("2026-11-24T05:21:30.000Z");
  world.run_for(seconds{10});
  EXPECT_NEAR(static_cast<double>(screen.shown.size()), 251, 2);
  const auto& first = screen.shown.front();
  EXPECT_TRUE(first.flags.first);
  EXPECT_TRUE(first.unit->key);
  for (const auto& s : screen.shown) {
    const auto due = first.when + (s.unit->capture_time - first.unit->capture_time);
    ASSERT_LE(std::chrono::abs(s.when - due), milliseconds{5});
  }
  EXPECT_LE(apart(player->position(), at("2026-11-24T05:21:40.000Z")), milliseconds{10});
  EXPECT_EQ(screen.kinds(), (std::vector{Kind::playing}));
}

TEST_F(PlayerTest, sends_the_frames_before_the_instant_at_once_as_preroll) {
  const auto player = start("2026-11-24T05:21:30.700Z");
  world.run_for(milliseconds{10});
  ASSERT_EQ(screen.shown.size(), 18u);
  EXPECT_EQ(screen.shown.front().unit->capture_time, at("2026-11-24T05:21:30.000Z"));
  EXPECT_EQ(screen.last(), at("2026-11-24T05:21:30.680Z"));
  for (std::size_t i = 0; i < 17; ++i) EXPECT_TRUE(screen.shown[i].flags.preroll) << i;
  EXPECT_FALSE(screen.shown[17].flags.preroll) << "the picture of the instant itself";
}

TEST_F(PlayerTest, knows_the_picture_of_the_instant_across_reads) {
  const auto player = start("2026-11-24T05:21:30.000Z");
  player->pause();
  for (int i = 0; i < 60; ++i) {  // every place a read may end at
    screen.shown.clear();
    player->seek(at("2026-11-24T05:21:30.020Z") + milliseconds{40 * i});
    world.run_for(milliseconds{300});
    ASSERT_EQ(screen.last(), at("2026-11-24T05:21:30.000Z") + milliseconds{40 * i});
    ASSERT_EQ(frames_after_preroll(), 1u) << i;
  }
}

TEST_F(PlayerTest, plays_faster_and_slower) {
  for (const double speed : {0.25, 0.5, 2.0, 4.0}) {
    screen.shown.clear();
    const auto player = start("2026-11-24T05:20:10.000Z", speed);
    world.run_for(seconds{8});
    EXPECT_NEAR(static_cast<double>(screen.shown.size()), 8 * 25 * speed + 1, 3) << speed;
  }
}

TEST_F(PlayerTest, gives_key_frames_only_when_very_fast_and_backwards) {
  auto player = start("2026-11-24T05:20:10.000Z", 16);
  world.run_for(seconds{4});
  EXPECT_NEAR(static_cast<double>(screen.shown.size()), 65, 2);
  for (const auto& s : screen.shown) {
    ASSERT_TRUE(s.unit->key);
    ASSERT_TRUE(s.flags.skipped);
  }
  player.reset();
  screen.shown.clear();
  player = start("2026-11-24T05:21:10.000Z", -2);
  world.run_for(seconds{10});
  EXPECT_NEAR(static_cast<double>(screen.shown.size()), 21, 1);
  for (std::size_t i = 1; i < screen.shown.size(); ++i) {
    ASSERT_LT(screen.shown[i].unit->capture_time, screen.shown[i - 1].unit->capture_time);
  }
}

TEST_F(PlayerTest, tells_a_gap_with_its_cause_and_jumps_over_it) {
  const auto player = start("2026-11-24T05:22:28.000Z");
  world.run_for(seconds{4});
  ASSERT_EQ(screen.kinds(), (std::vector{Kind::playing, Kind::gap, Kind::playing}));
  EXPECT_EQ(screen.states[1].to, at("2026-11-24T05:23:10.000Z"));
  EXPECT_EQ(screen.states[1].cause, media::GapCause::network);
  EXPECT_GT(screen.last(), at("2026-11-24T05:23:11.000Z"));
}

TEST_F(PlayerTest, says_live_at_the_edge_of_what_is_written) {
  const auto player = start("2026-11-24T05:25:05.000Z", 4);
  world.run_for(seconds{5});
  EXPECT_EQ(screen.kinds(), (std::vector{Kind::playing, Kind::live}));
  EXPECT_EQ(screen.last(), at("2026-11-24T05:25:09.960Z"));
}

TEST_F(PlayerTest, keeps_its_distance_to_the_edge_at_normal_speed) {
  const auto player = start("2026-11-24T05:25:05.000Z");
  for (int i = 0; i < 40; ++i) {
    world.run_for(milliseconds{500});
    life.run(camera, life.clock.utc_now() + milliseconds{500});
  }
  EXPECT_EQ(screen.kinds(), (std::vector{Kind::playing}));
  EXPECT_LE(apart(screen.last(), at("2026-11-24T05:25:25.000Z")), milliseconds{50});
  EXPECT_NEAR(static_cast<double>(screen.shown.size()), 501, 2) << "every frame";
}

TEST_F(PlayerTest, ends_where_nothing_more_will_come) {
  life.recorder.reset();
  life.step();
  const auto player = start("2026-11-24T05:25:08.000Z");
  world.run_for(seconds{5});
  EXPECT_EQ(screen.kinds(), (std::vector{Kind::playing, Kind::ended}));
  ASSERT_TRUE(player->set_speed(-4));
  world.run_for(seconds{2});
  EXPECT_EQ(screen.kinds().back(), Kind::playing) << "and goes back from there";
  EXPECT_LT(screen.last(), at("2026-11-24T05:25:05.000Z"));
}

TEST_F(PlayerTest, ends_at_the_beginning_when_it_plays_backwards) {
  const auto player = start("2026-11-24T05:20:05.000Z", -4);
  world.run_for(seconds{5});
  EXPECT_EQ(screen.kinds(), (std::vector{Kind::playing, Kind::ended}));
  EXPECT_EQ(screen.last(), at("2026-11-24T05:20:00.000Z"));
}

TEST_F(PlayerTest, stands_still_while_paused_and_goes_on_where_it_was) {
  const auto player = start("2026-11-24T05:21:30.000Z");
  world.run_for(seconds{2});
  player->pause();
  const auto stopped_at = screen.shown.size();
  world.run_for(seconds{30});
  EXPECT_EQ(screen.shown.size(), stopped_at);
  player->resume();
  world.run_for(seconds{2});
  EXPECT_NEAR(static_cast<double>(screen.shown.size()), 101, 2);
}

TEST_F(PlayerTest, shows_the_picture_it_seeks_to_while_paused) {
  const auto player = start("2026-11-24T05:21:30.000Z");
  world.run_for(seconds{1});
  player->pause();
  player->seek(at("2026-11-24T05:20:40.500Z"));
  world.run_for(seconds{1});
  EXPECT_EQ(screen.last(), at("2026-11-24T05:20:40.480Z"));
  player->seek(at("2026-11-24T05:22:50.000Z"));
  world.run_for(seconds{1});
  EXPECT_EQ(screen.kinds().back(), Kind::playing);
  EXPECT_EQ(screen.last(), at("2026-11-24T05:23:10.000Z")) << "in a gap: the first picture after it";
}

TEST_F(PlayerTest, drops_what_was_read_for_an_older_seek) {
  const auto player = start("2026-11-24T05:21:30.000Z");
  player->seek(at("2026-11-24T05:20:10.000Z"));
  player->seek(at("2026-11-24T05:24:10.000Z"));
  world.run_for(seconds{1});
  EXPECT_EQ(screen.shown.front().unit->capture_time, at("2026-11-24T05:24:10.000Z"));
}

TEST_F(PlayerTest, steps_frame_by_frame_in_both_directions) {
  const auto player = start("2026-11-24T05:21:30.000Z");
  world.run_for(milliseconds{500});
  player->pause();
  const auto shown = screen.last();
  ASSERT_TRUE(player->step(1));
  world.run_for(milliseconds{100});
  EXPECT_LE(apart(screen.last(), shown + milliseconds{40}), Duration{20});
  ASSERT_TRUE(player->step(3));
  world.run_for(milliseconds{100});
  EXPECT_LE(apart(screen.last(), shown + milliseconds{160}), Duration{20});
  ASSERT_TRUE(player->step(-1));
  world.run_for(milliseconds{100});
  EXPECT_LE(apart(screen.last(), shown + milliseconds{120}), Duration{20});
  ASSERT_TRUE(player->step(-30));
  world.run_for(milliseconds{100});
  EXPECT_LE(apart(screen.last(), shown - milliseconds{1080}), Duration{20}) << "over a key frame";
  EXPECT_TRUE(player->paused());
  EXPECT_EQ(player->step(101).error().field, "frames");
}

TEST_F(PlayerTest, makes_the_clock_wait_for_a_slow_disk_and_says_late) {
  PlayerOptions options;
  options.position = at("2026-11-24T05:20:10.000Z");
  options.speed = 4;
  options.read_ahead_bytes = 150'000;
  const auto player = play(life.catalog(), cam01, options, world, pool, screen).value();
  world.run_for(seconds{2});
  pool.delay = seconds{20};
  world.run_for(seconds{60});
  EXPECT_TRUE(std::ranges::count(screen.kinds(), Kind::late) > 0);
  pool.delay = milliseconds{3};
  world.run_for(seconds{90});
  EXPECT_EQ(screen.kinds().back(), Kind::live);
  std::set<UtcTime> seen;
  for (const auto& s : screen.shown) EXPECT_TRUE(seen.insert(s.unit->capture_time).second) << "no frame twice";
  EXPECT_NEAR(static_cast<double>(seen.size()), 260.0 * 25, 3) << "and none left out";
}

TEST_F(PlayerTest, tries_again_when_the_pool_is_full) {
  pool.full = true;
  const auto player = start("2026-11-24T05:21:30.000Z");
  world.run_for(seconds{1});
  EXPECT_TRUE(screen.shown.empty());
  pool.full = false;
  world.run_for(milliseconds{200});
  EXPECT_FALSE(screen.shown.empty());
  EXPECT_EQ(screen.shown.front().unit->capture_time, at("2026-11-24T05:21:30.000Z"));
}

TEST_F(PlayerTest, may_be_destroyed_inside_a_call_and_with_work_under_way) {
  auto player = start("2026-11-24T05:21:30.000Z");
  screen.on_each = [&] { player.reset(); };
  world.run_for(seconds{1});
  EXPECT_EQ(screen.shown.size(), 1u);
  player = start("2026-11-24T05:21:30.000Z");
  player.reset();
  world.run_for(seconds{1});
  EXPECT_EQ(screen.shown.size(), 1u);
}

TEST_F(PlayerTest, reports_what_stops_it_and_plays_after_the_next_seek) {
  life.tables->away = true;
  const auto player = start("2026-11-24T05:21:30.000Z");
  world.run_for(seconds{1});
  ASSERT_EQ(screen.errors.size(), 1u);
  EXPECT_EQ(screen.errors[0].code, ErrorCode::unavailable);
  life.tables->away = false;
  player->seek(at("2026-11-24T05:21:30.000Z"));
  world.run_for(seconds{1});
  EXPECT_FALSE(screen.shown.empty());
}

TEST_F(PlayerTest, refuses_speeds_nobody_can_watch) {
  const auto player = start("2026-11-24T05:21:30.000Z");
  for (const double bad : {0.0, 0.1, 33.0, -0.1, -64.0, std::numeric_limits<double>::quiet_NaN()}) {
    const auto refused = player->set_speed(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().field, "speed");
  }
}

TEST_F(PlayerTest, reads_only_so_far_ahead) {
  PlayerOptions options;
  options.position = at("2026-11-24T05:20:10.000Z");
  options.read_ahead_bytes = 50'000;
  const auto player = play(life.catalog(), cam01, options, world, pool, screen).value();
  player->pause();
  world.run_for(seconds{60});
  EXPECT_LE(pool.jobs, 5);
}

TEST_F(PlayerTest, plays_a_group_by_one_clock) {
  const auto group = make_group_clock(world.clock());
  Screen second{world};
  const auto one = start("2026-11-24T05:21:30.000Z", 1, group);
  world.run_for(seconds{3});
  const auto two = start_on(second, "2026-11-24T05:00:00.000Z", 4, group);
  EXPECT_EQ(two->speed(), 1) << "who joins takes the group's speed and place";
  world.run_for(seconds{3});
  EXPECT_LE(apart(screen.last(), second.last()), milliseconds{40});
  two->seek(at("2026-11-24T05:24:00.000Z"));
  ASSERT_TRUE(one->set_speed(2));
  world.run_for(seconds{5});
  EXPECT_LE(apart(screen.last(), at("2026-11-24T05:24:10.000Z")), milliseconds{80});
  EXPECT_LE(apart(screen.last(), second.last()), milliseconds{80});
  one->pause();
  EXPECT_TRUE(two->paused());
}

TEST_F(PlayerTest, jumps_a_gap_only_when_the_whole_group_is_in_it) {
  // cam02 has footage all the time.
  auto other = life.archive->record({"cam02", "main"}).value();
  Camera whole(at("2026-11-24T05:22:00.000Z"));
  whole.run_until(at("2026-11-24T05:25:00.000Z"), *other);
  life.step();
  const auto group = make_group_clock(world.clock());
  Screen second{world};
  const auto one = start("2026-11-24T05:22:28.000Z", 1, group);
  PlayerOptions options;
  options.group = group;
  const auto two = play(life.catalog(), {"cam02", "main"}, options, world, pool, second).value();
  world.run_for(seconds{20});
  EXPECT_LE(apart(second.last(), at("2026-11-24T05:22:48.000Z")), milliseconds{200});
  EXPECT_EQ(screen.kinds().back(), Kind::gap);
  world.run_for(seconds{25});
  EXPECT_LE(apart(screen.last(), second.last()), milliseconds{80});
}

}  // namespace
}  // namespace ccoc::playback
