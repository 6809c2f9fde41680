// Any moment, at any speed, in both directions: across files, gaps, changes of the format, up to the live edge.
#include "screen.h"

namespace ccoc::playback {
namespace {

using namespace ccoc::test;
using Kind = PlayerState::Kind;

class MomentsTest : public testing::Test {
 protected:
  /// 05:20:00 to 05:22:30, files of a minute; a gap to 05:23:10; from 05:24:00 another format; to 05:25:10, where the last file
  /// is open.
  void SetUp() override {
    life.boot();
    auto& recorder = life.record();
    life.run(camera, gap_begin);
    recorder.on_interrupted(media::GapCause::network, "cable");
    camera.restart(gap_end);
    life.run(camera, change);
    auto other = std::make_shared<media::VideoFormat>(*street().format);
    other->pps.push_back(other->pps.front());
    camera.set_format(other);
    life.run(camera, edge);
  }
  std::unique_ptr<Player> start(UtcTime position, double speed = 1, bool show_gaps = false) {
    screen.shown.clear();
    screen.states.clear();
    PlayerOptions options;
    options.position = position;
    options.speed = speed;
    options.show_gaps = show_gaps;
    return play(life.catalog(), cam01, options, world, pool, screen).value();
  }
  void expect_in_order(bool forwards) const {
    for (std::size_t i = 1; i < screen.shown.size(); ++i) {
      const auto a = screen.shown[i - 1].unit->capture_time, b = screen.shown[i].unit->capture_time;
      ASSERT_TRUE(forwards ? a < b : a > b) << i;
    }
  }
  UtcTime step(Player& player, int frames) {
    EXPECT_TRUE(player.step(frames));
    world.run_for(milliseconds{300});
    return screen.last();
  }

  const UtcTime begin = at("2026-11-24T05:20:00.000Z");
  const UtcTime gap_begin = at("2026-11-24T05:22:30.000Z"), gap_end = at("2026-11-24T05:23:10.000Z");
  const UtcTime change = at("2026-11-24T05:24:00.000Z"), edge = at("2026-11-24T05:25:10.040Z");
  Camera camera{begin};
  ArchiveLife life{begin};
  sim::World world{1, edge};
  WorldPool pool{world};
  Screen screen{world};
};

TEST_F(MomentsTest, every_speed_forwards_reaches_the_edge_over_everything_in_between) {
  for (const double speed : {0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0}) {
    const auto from = speed < 4 ? gap_begin - seconds{2} : begin;
    const auto player = start(from, speed);
    const auto footage = static_cast<double>((edge - from - (gap_end - gap_begin)).count());
    world.run_for(Duration{static_cast<std::int64_t>(footage / speed)} + seconds{3});
    EXPECT_EQ(screen.kinds(), (std::vector{Kind::playing, Kind::gap, Kind::playing, Kind::live})) << speed;
    EXPECT_EQ(screen.states[1].from, gap_begin);
    EXPECT_EQ(screen.states[1].to, gap_end);
    expect_in_order(true);
    EXPECT_TRUE(std::ranges::any_of(screen.shown, [](const auto& s) { return s.unit->format->pps.size() == 2; })) << "the new format";
    for (const auto& shown : screen.shown) ASSERT_EQ(shown.flags.skipped, speed > fastest_full_speed) << "key frames only above four times";
    if (speed <= fastest_full_speed) {
      EXPECT_NEAR(static_cast<double>(screen.shown.size()), footage / 40'000, 3) << "every frame at " << speed;
    }
  }
}

TEST_F(MomentsTest, every_speed_backwards_reaches_the_beginning_over_everything_in_between) {
  for (const double speed : {-0.25, -1.0, -2.0, -8.0, -32.0}) {
    const auto from = speed < -2 ? edge - seconds{1} : begin + seconds{static_cast<int>(-speed * 40) + 5};
    const auto player = start(from, speed);
    world.run_for(Duration{static_cast<std::int64_t>(static_cast<double>((from - begin).count()) / -speed)} + seconds{3});
    EXPECT_EQ(screen.kinds().back(), Kind::ended) << speed;
    EXPECT_EQ(screen.last(), begin) << speed;
    expect_in_order(false);
    for (const auto& shown : screen.shown) ASSERT_TRUE(shown.unit->key);
    if (from > gap_end) {
      EXPECT_TRUE(std::ranges::count(screen.kinds(), Kind::gap) == 1) << speed;
      EXPECT_NEAR(static_cast<double>(screen.shown.size()), 150 + 120, 3) << "a key frame a second";
    }
  }
}

TEST_F(MomentsTest, turns_round_at_any_moment) {
  const auto player = start(change + seconds{3});
  world.run_for(seconds{2});
  ASSERT_TRUE(player->set_speed(-8));
  world.run_for(seconds{10});
  EXPECT_LT(screen.last(), gap_begin) << "back over the change and the gap";
  const auto turned = screen.last();
  ASSERT_TRUE(player->set_speed(1));
  world.run_for(seconds{2});
  EXPECT_NEAR(std::chrono::duration<double>(screen.last() - turned).count(), 2.0, 1.1) << "and on from there";
  EXPECT_EQ(screen.kinds().back(), Kind::playing);
}

TEST_F(MomentsTest, frame_by_frame_over_the_end_of_a_file_both_ways) {
  const auto boundary = life.rows()[1].start;
  const auto player = start(boundary - milliseconds{80});
  player->pause();
  world.run_for(milliseconds{300});
  auto shown = screen.last();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(step(*player, 1), shown += milliseconds{40});
  EXPECT_GT(shown, boundary);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(step(*player, -1), shown -= milliseconds{40});
  EXPECT_LT(shown, boundary);
  EXPECT_EQ(step(*player, -100), shown - seconds{4}) << "over several groups";
}

TEST_F(MomentsTest, frame_by_frame_over_a_gap_both_ways) {
  const auto player = start(gap_begin - milliseconds{80});
  player->pause();
  world.run_for(milliseconds{300});
  EXPECT_EQ(screen.last(), gap_begin - milliseconds{80});
  EXPECT_EQ(step(*player, 1), gap_begin - milliseconds{40});
  EXPECT_EQ(step(*player, 1), gap_end) << "the first picture behind it";
  EXPECT_EQ(screen.kinds().end()[-2], Kind::gap) << "and it is told";
  EXPECT_EQ(step(*player, 1), gap_end + milliseconds{40});
  EXPECT_EQ(step(*player, -1), gap_end);
  EXPECT_EQ(step(*player, -1), gap_begin - milliseconds{40});
}

TEST_F(MomentsTest, frame_by_frame_over_a_change_of_the_format_both_ways) {
  const auto player = start(change - milliseconds{40});
  player->pause();
  world.run_for(milliseconds{300});
  EXPECT_EQ(screen.shown.back().unit->format->pps.size(), 1u);
  EXPECT_EQ(step(*player, 1), change);
  EXPECT_EQ(screen.shown.back().unit->format->pps.size(), 2u);
  EXPECT_TRUE(screen.shown.back().unit->key);
  EXPECT_EQ(step(*player, -1), change - milliseconds{40});
  EXPECT_EQ(screen.shown.back().unit->format->pps.size(), 1u);
}

TEST_F(MomentsTest, frame_by_frame_to_both_ends_and_back) {
  const auto player = start(begin + milliseconds{40});
  player->pause();
  world.run_for(milliseconds{300});
  EXPECT_EQ(step(*player, -1), begin);
  EXPECT_EQ(step(*player, -1), begin) << "nothing is older";
  EXPECT_EQ(step(*player, 1), begin + milliseconds{40});
  const auto last = edge - milliseconds{80};  // the last whole fragment's
  player->seek(last);
  world.run_for(milliseconds{500});
  const auto shown = screen.last();
  EXPECT_LE(last - shown, seconds{1});
  EXPECT_EQ(step(*player, -1), shown - milliseconds{40});
  EXPECT_EQ(step(*player, 1), shown);
}

TEST_F(MomentsTest, a_step_at_the_edge_waits_for_the_picture_that_is_written_next) {
  const auto player = start(edge - seconds{2});
  player->pause();
  world.run_for(milliseconds{500});
  auto shown = screen.last();
  ASSERT_TRUE(player->step(100));
  world.run_for(seconds{1});
  EXPECT_GT(screen.last(), shown) << "as far as there is something";
  life.run(camera, life.clock.utc_now() + seconds{5});
  player->seek(edge + seconds{2});
  world.run_for(seconds{1});
  shown = screen.last();
  EXPECT_LE(std::chrono::abs(shown - (edge + seconds{2})), milliseconds{40}) << "what came meanwhile can be sought";
  EXPECT_EQ(step(*player, 1), shown + milliseconds{40});
}

TEST_F(MomentsTest, a_gap_is_waited_through_where_it_is_to_be_shown) {
  const auto player = start(gap_begin - seconds{1}, 4, true);
  world.run_for(milliseconds{500});
  EXPECT_EQ(screen.kinds(), (std::vector{Kind::playing, Kind::gap}));
  const auto stopped_at = screen.shown.size();
  world.run_for(seconds{9});
  EXPECT_EQ(screen.shown.size(), stopped_at) << "40 s of nothing at four times the speed";
  EXPECT_GT(player->position(), gap_begin + seconds{35});
  world.run_for(seconds{1});
  EXPECT_EQ(screen.kinds(), (std::vector{Kind::playing, Kind::gap, Kind::playing}));
  EXPECT_LE(std::chrono::abs(player->position() - screen.last()), milliseconds{60});
}

TEST_F(MomentsTest, a_seek_finds_the_picture_of_every_moment_there_is) {
  const auto player = start(begin);
  player->pause();
  for (auto moment = begin; moment < change + seconds{20}; moment += milliseconds{3'730}) {
    player->seek(moment);
    world.run_for(milliseconds{300});
    if (moment >= gap_begin && moment < gap_end) {
      EXPECT_EQ(screen.last(), gap_end) << format_rfc3339(moment);
    } else {
      EXPECT_LE(screen.last(), moment) << format_rfc3339(moment);
      EXPECT_GT(screen.last(), moment - milliseconds{40}) << format_rfc3339(moment);
    }
  }
}

}  // namespace
}  // namespace ccoc::playback
