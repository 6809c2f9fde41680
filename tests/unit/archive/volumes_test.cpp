// Several disks: who is written where, and what happens to a stream whose disk fails (faults.md 21).
#include <thread>

#include "support/footage.h"

namespace ccoc::archive {
namespace {

using namespace ccoc::test;
using namespace std::chrono_literals;

class VolumesTest : public testing::Test {
 protected:
  VolumesTest() { life.more_volumes = {{"second", second}}; }

  /// Streams by the volume their open file is on.
  std::map<std::string, int> placed(int cameras) {
    std::vector<std::unique_ptr<Recorder>> recorders;
    std::map<std::string, int> count;
    for (int i = 0; i < cameras; ++i) {
      recorders.push_back(life.archive->record({"cam" + std::to_string(i), "main"}).value());
      ++count[recorders.back()->status().volume];
    }
    return count;
  }
  sim::SimDisk& disk_of_stream() { return life.recorder->status().volume == "main" ? *life.disk : *second; }
  sim::SimDisk& other_disk() { return life.recorder->status().volume == "main" ? *second : *life.disk; }
  UtcTime now() const { return life.clock.utc_now(); }
  void run(Duration span) { life.run(camera, now() + span); }
  /// Time with footage and with gaps, as the timeline tells it.
  CameraTimeline timeline() {
    const std::vector<std::string> cameras{"cam01"};
    return life.catalog().timeline(cameras, "main", began, now(), 0).value().front();
  }

  std::shared_ptr<sim::SimDisk> second = std::make_shared<sim::SimDisk>();
  ArchiveLife life{at("2026-11-24T05:24:00.000Z")};
  UtcTime began = life.clock.utc_now();
  Camera camera{began};
};

TEST_F(VolumesTest, streams_are_shared_out_by_weight) {
  life.more_volumes[0].weight = 3;
  life.boot();
  const auto count = placed(400);
  EXPECT_NEAR(count.at("main"), 100, 40);
  EXPECT_NEAR(count.at("second"), 300, 40);
}

TEST_F(VolumesTest, a_stream_stays_where_it_is_when_another_disk_is_added) {
  life.boot();
  std::map<int, std::string> before;
  for (int i = 0; i < 60; ++i) before[i] = life.archive->record({"cam" + std::to_string(i), "main"}).value()->status().volume;
  life.more_volumes.push_back({"third", std::make_shared<sim::SimDisk>()});
  life.boot();
  int moved_between_old_ones = 0, moved_to_new = 0;
  for (int i = 0; i < 60; ++i) {
    const auto volume = life.archive->record({"cam" + std::to_string(i), "main"}).value()->status().volume;
    moved_to_new += volume == "third";
    moved_between_old_ones += volume != "third" && volume != before[i];
  }
  EXPECT_EQ(moved_between_old_ones, 0);
  EXPECT_GT(moved_to_new, 5);
}

TEST_F(VolumesTest, nothing_is_recorded_where_the_weight_is_nothing) {
  life.more_volumes[0].weight = 0;
  life.boot();
  EXPECT_EQ(placed(50), (std::map<std::string, int>{{"main", 50}}));
  life.main.weight = 0;
  EXPECT_FALSE(Archive::open({{"main", life.disk, 0}}, std::make_unique<sim::MemorySegmentStore>(life.tables), life.clock, {}));
}

TEST_F(VolumesTest, a_disk_that_refuses_costs_no_more_than_a_gop_and_is_used_again_when_it_works) {
  life.boot();
  life.record();
  run(20s);
  const auto home = life.recorder->status().volume;
  auto& failing = disk_of_stream();
  failing.fail_writes(Error{ErrorCode::io, "I/O error", {}});
  run(20s);
  EXPECT_NE(life.recorder->status().volume, home);
  EXPECT_TRUE(life.recorder->status().writing);
  EXPECT_FALSE(life.recorder->status().last_error);
  const auto after = timeline();
  Duration lost{0};
  for (const auto& gap : after.gaps) {
    lost += *gap.to - gap.from;
    EXPECT_EQ(gap.cause, media::GapCause::disk) << gap.reason;
  }
  EXPECT_LE(lost, 3s);
  run(60s);
  EXPECT_NE(life.recorder->status().volume, home) << "it still refuses";
  failing.fail_writes(std::nullopt);
  run(300s);
  EXPECT_EQ(life.recorder->status().volume, home);
  EXPECT_EQ(timeline().gaps.size(), after.gaps.size()) << "the way back costs nothing";
  const auto segments = life.catalog().find(cam01, began, now()).value();
  for (const auto& segment : segments) {
    EXPECT_NE(segment.run, 0u) << segment.path << " belongs to no run";
  }
}

TEST_F(VolumesTest, both_disks_refuse_and_it_is_said_and_recording_begins_again) {
  life.boot();
  life.record();
  run(10s);
  life.disk->fail_writes(Error{ErrorCode::io, "I/O error", {}});
  second->fail_writes(Error{ErrorCode::io, "I/O error", {}});
  run(40s);
  EXPECT_FALSE(life.recorder->status().writing);
  EXPECT_TRUE(life.recorder->status().last_error);
  second->fail_writes(std::nullopt);
  life.disk->fail_writes(std::nullopt);
  run(60s);
  EXPECT_TRUE(life.recorder->status().writing);
  ASSERT_EQ(timeline().gaps.size(), 1u);
  EXPECT_EQ(timeline().gaps.front().cause, media::GapCause::disk);
}

TEST_F(VolumesTest, a_disk_with_hardly_any_room_is_left_alone) {
  life.main.min_free_bytes = life.more_volumes[0].min_free_bytes = 200'000;
  life.boot();
  life.record();
  run(5s);
  const auto home = life.recorder->status().volume;
  disk_of_stream().set_capacity(disk_of_stream().used_bytes() + 95'000);
  run(10s);
  EXPECT_NE(life.recorder->status().volume, home);
  EXPECT_TRUE(timeline().gaps.empty()) << "it left before the disk was full";
}

TEST_F(VolumesTest, two_volumes_on_one_file_system_have_its_room_once) {
  life.disk->set_capacity(50'000'000);
  second->set_capacity(50'000'000);
  life.main.min_free_bytes = life.more_volumes[0].min_free_bytes = 10'000'000;
  life.boot();
  life.step();
  EXPECT_DOUBLE_EQ(life.archive->forecast({}, {}).value().capacity_bytes, 80e6);
  life.disk->set_file_system(7);
  second->set_file_system(7);
  life.clock.advance(3s);
  life.step();
  EXPECT_DOUBLE_EQ(life.archive->forecast({}, {}).value().capacity_bytes, 40e6);
}

TEST_F(VolumesTest, a_move_within_a_file_system_makes_no_room) {
  life.more_volumes[0].weight = 0;
  life.disk->set_capacity(50'000'000);
  second->set_capacity(50'000'000);
  life.boot();
  life.record();
  run(15min);
  life.recorder.reset();
  life.step();
  MovePolicy moves;
  moves.rules.push_back({"second", 1min, {}});
  const auto lasting = [&] {
    life.clock.advance(3s);
    life.step();
    life.archive->watch();
    return life.archive->forecast({}, moves).value().cameras.at(0).lasting_days;
  };
  const double apart = lasting();
  life.disk->set_file_system(7);
  second->set_file_system(7);
  EXPECT_LT(lasting(), apart);
}

TEST_F(VolumesTest, room_on_a_shared_file_system_is_made_of_the_oldest_footage_of_all_its_volumes) {
  life.main.weight = 0;
  life.boot();
  life.record();
  run(5min);
  life.recorder.reset();
  life.main.weight = 1;
  life.main.min_free_bytes = 10'000;
  life.more_volumes[0].weight = 0;
  life.boot();
  life.record();
  run(5min);
  life.recorder.reset();
  life.step();
  const auto newer = life.disk->files();
  const auto older = second->files();
  ASSERT_GT(newer.size(), 3u);
  ASSERT_GT(older.size(), 3u);
  life.disk->set_capacity(life.disk->used_bytes() + 5'000);
  life.disk->set_file_system(7);
  second->set_file_system(7);
  EXPECT_EQ(life.archive->enforce_retention({}).value().files_removed, 1u);
  life.step();
  EXPECT_EQ(life.disk->files(), newer);
  EXPECT_EQ(second->files(), std::vector(older.begin() + 1, older.end()));
}

TEST_F(VolumesTest, files_of_both_disks_play_as_one) {
  life.boot();
  life.record();
  run(90s);
  disk_of_stream().fail_writes(Error{ErrorCode::io, "I/O error", {}});
  run(90s);
  const auto segments = life.catalog().find(cam01, began, now()).value();
  std::set<std::string> volumes;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    volumes.insert(segments[i].volume);
    EXPECT_TRUE(life.catalog().open(segments[i]));
    if (i > 0) {
      EXPECT_GE(segments[i].start, segments[i - 1].end);
    }
  }
  EXPECT_EQ(volumes.size(), 2u);
}

/// With the archive's own threads, and a disk whose writes do not return.
TEST_F(VolumesTest, what_waits_for_a_disk_that_does_not_answer_is_written_to_the_other) {
  life.boot();
  life.record();
  life.archive->start();
  const auto eventually = [](auto holds) {
    for (int i = 0; i < 2000 && !holds(); ++i) std::this_thread::sleep_for(5ms);
    return holds();
  };
  const auto feed = [&](Duration span) {
    const auto until = camera.time() + span;
    while (camera.time() < until) {
      life.clock.advance_to(camera.time());
      life.recorder->on_unit(camera.next());
    }
  };
  // The clock leaps with the camera: no write may be under way for five seconds of it.
  for (std::uint64_t fed = 0; fed < 10; ++fed) {
    feed(1s);
    ASSERT_TRUE(eventually([&] { return life.recorder->status().frames_written >= 25 * fed; }));
  }
  auto& stuck = disk_of_stream();
  const auto home = life.recorder->status().volume;
  stuck.hold_writes(true);
  feed(2s);
  ASSERT_TRUE(eventually([&] { return stuck.held_writes() == 1; }));
  std::uint64_t sent = 12 * 25;
  for (int i = 0; i < 10; ++i, sent += 25) {
    feed(1s);
    // Nor on the other disk, once the stream has gone there: a fragment is open, and one is held.
    if (life.recorder->status().volume == home) continue;
    ASSERT_TRUE(eventually([&] { return life.recorder->status().frames_written + 75 >= sent; }));
  }
  EXPECT_NE(life.recorder->status().volume, home);
  ASSERT_TRUE(eventually([&] { return life.recorder->status().frames_written >= 450; }));
  // 22 s were sent; only the second that the disk holds is missing.
  EXPECT_LE(life.recorder->status().frames_dropped, 50u);
  // The recorder first: a disk that answers again has its streams back.
  life.recorder.reset();
  stuck.hold_writes(false);
  life.archive->stop();
  const auto segments = life.catalog().find(cam01, began, now()).value();
  std::string found;
  for (const auto& s : segments) found += s.volume + "/" + s.path + " " + format_rfc3339(s.start) + " to " + format_rfc3339(s.end) + "\n";
  ASSERT_EQ(segments.size(), 2u) << found;
  Duration footage{0};
  for (const auto& segment : segments) footage += segment.end - segment.start;
  EXPECT_GE(footage, 20s);
  const auto spans = timeline();
  ASSERT_EQ(spans.gaps.size(), 1u);
  EXPECT_EQ(spans.gaps.front().cause, media::GapCause::disk);
  EXPECT_EQ(spans.gaps.front().from, segments[0].end) << "the second under way was taken back";
  EXPECT_EQ(*spans.gaps.front().to, segments[1].start);
}

}  // namespace
}  // namespace ccoc::archive
