// Recording begins before the machine's clock is set (faults.md D4).
#include "support/footage.h"

namespace ccoc::archive {
namespace {

using namespace ccoc::test;

class UnsetClock : public testing::Test {
 protected:
  void SetUp() override {
    life.boot();
    life.record();
  }
  /// Three and a half minutes from 1970 on, then the clock is set and recording goes on.
  void record_and_set() {
    life.run(camera, life.clock.utc_now() + minutes{3} + seconds{30});
    life.clock.set_utc(set_at);
    // What the ingest does when the hub's clock steps: the camera's times go on from the new one.
    camera.restart(set_at);
  }
  std::vector<Segment> footage(UtcTime from, UtcTime to) { return life.catalog().find(cam01, from, to).value(); }

  const UtcTime set_at = at("2026-11-24T05:24:00.000Z");
  ArchiveLife life{at("1970-01-01T00:02:00.000Z")};
  Camera camera{life.clock.utc_now()};
};

TEST_F(UnsetClock, footage_gets_its_true_times_when_the_clock_is_set) {
  record_and_set();
  life.run(camera, set_at + minutes{2});
  for (int i = 0; i < 5; ++i) life.step();
  EXPECT_TRUE(footage(at("1970-01-01T00:00:00.000Z"), at("1971-01-01T00:00:00.000Z")).empty());
  const auto found = footage(set_at - minutes{10}, set_at + minutes{2});
  ASSERT_GE(found.size(), 5u);
  EXPECT_NEAR(static_cast<double>((found.front().start - (set_at - minutes{3} - seconds{30})).count()), 0, 50'000);
  Duration sum{0};
  for (const auto& segment : found) {
    EXPECT_TRUE(segment.path.starts_with("cam01/main/2026-11-24/")) << segment.path;
    const auto reader = life.catalog().open(segment).value();
    EXPECT_EQ(reader->start_of(reader->fragments().front()), segment.start);
    for (const auto& fragment : reader->fragments()) {
      EXPECT_TRUE(reader->verify(fragment));
      EXPECT_NEAR(static_cast<double>((fragment.decode_utc() - reader->start_of(fragment)).count()), 0, 1000) << "prft tells the same";
    }
    sum += segment.end - segment.start;
  }
  EXPECT_NEAR(static_cast<double>(sum.count()), 330e6, 1e6);
  for (const auto& path : life.disk->files()) EXPECT_TRUE(path.starts_with("cam01/main/2026-11-24/")) << path;
  const std::vector<std::string> cameras{"cam01"};
  const auto timelines = life.catalog().timeline(cameras, "main", set_at - minutes{10}, set_at + minutes{2}, 0).value();
  for (const auto& gap : timelines[0].gaps) {
    EXPECT_LT(*gap.to - gap.from, seconds{2}) << gap.reason;
  }
}

TEST_F(UnsetClock, so_does_footage_of_a_recorder_that_is_gone) {
  life.run(camera, life.clock.utc_now() + seconds{90});
  life.recorder.reset();  // somebody edited the camera
  life.step();
  life.record();
  record_and_set();
  life.run(camera, set_at + minutes{1});
  for (int i = 0; i < 5; ++i) life.step();
  for (const auto& path : life.disk->files()) EXPECT_TRUE(path.starts_with("cam01/main/2026-11-24/")) << path;
}

TEST_F(UnsetClock, no_gap_of_fifty_years_is_told) {
  record_and_set();
  life.run(camera, set_at + seconds{30});
  for (const auto& gap : life.gaps()) {
    EXPECT_LT(gap.to.value_or(gap.from) - gap.from, hours{1}) << gap.reason;
  }
}

TEST_F(UnsetClock, nothing_goes_by_age_while_the_age_is_unknown) {
  life.run(camera, life.clock.utc_now() + minutes{3} + seconds{30});
  RetentionPolicy policy;
  policy.days_of = [](const std::string&) { return 1u; };
  const auto before = life.disk->files();
  EXPECT_EQ(life.archive->enforce_retention(policy).value().files_removed, 0u);
  // Set, and nothing was re-timed yet.
  life.clock.set_utc(set_at);
  EXPECT_EQ(life.archive->enforce_retention(policy).value().files_removed, 0u);
  EXPECT_EQ(life.disk->files(), before);
  policy.max_bytes = 1;
  EXPECT_GT(life.archive->enforce_retention(policy).value().files_removed, 0u) << "want of room is another matter";
}

TEST_F(UnsetClock, what_an_earlier_process_recorded_is_kept_as_it_is) {
  life.run(camera, life.clock.utc_now() + minutes{3} + seconds{30});
  life.recorder.reset();
  life.step();
  life.boot();
  life.archive->recover();
  for (int i = 0; i < 6; ++i) life.step();
  life.clock.set_utc(set_at);
  for (int i = 0; i < 6; ++i) life.step();
  EXPECT_EQ(footage(at("1970-01-01T00:00:00.000Z"), at("1971-01-01T00:00:00.000Z")).size(), 4u)
      << "how long the machine was off nobody knows";
}

}  // namespace
}  // namespace ccoc::archive
