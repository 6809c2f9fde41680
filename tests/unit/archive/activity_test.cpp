#include "ccoc/archive/activity.h"

#include <random>

#include "support/footage.h"

namespace ccoc::archive {
namespace {

using namespace ccoc::test;

constexpr std::uint32_t frame_ticks = video_timescale / 25;

/// A second of a camera: a key frame and 24 frames between.
std::vector<media::Sample> second_of(std::uint32_t key, std::uint32_t other) {
  std::vector<media::Sample> samples(25, {other, frame_ticks, 0, false});
  samples[0] = {key, frame_ticks, 0, true};
  return samples;
}

TEST(Activity, tells_movement_where_every_second_has_the_same_bytes) {
  // As a camera with a constant bitrate codes a still street, then a busy one: the same 100 kB a second.
  ActivityMeter meter;
  for (int second = 0; second < 20; ++second) {
    const bool busy = second >= 10;
    meter.add(second * std::int64_t{video_timescale}, busy ? second_of(28'000, 3000) : second_of(76'000, 1000));
  }
  const auto levels = meter.levels();
  ASSERT_EQ(levels.size(), 20u);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(levels[i], levels[i < 10 ? 0 : 19]) << i;
  // 3000/28000 is 8.14 times 1000/76000: three octaves.
  EXPECT_NEAR(levels[19] - levels[0], 3.03 * activity_steps_per_octave, 1);
}

TEST(Activity, tells_movement_where_only_the_quantiser_gives_way) {
  ActivityMeter meter;
  auto still = second_of(50'000, 2000), busy = second_of(50'000, 2000);
  for (auto& sample : still) sample.quantizer = 30;
  for (auto& sample : busy) sample.quantizer = sample.key ? 30 : 36;
  meter.add(0, still);
  meter.add(video_timescale, busy);
  const auto levels = meter.levels();
  EXPECT_EQ(levels[1] - levels[0], activity_steps_per_octave);
}

TEST(Activity, does_not_depend_on_where_fragments_are_cut) {
  ActivityMeter whole, pieces;
  std::int64_t time = 0;
  for (int second = 0; second < 5; ++second) {
    const auto samples = second_of(40'000, 500u + 700u * static_cast<unsigned>(second));
    whole.add(time, samples);
    pieces.add(time, std::span(samples).first(7));
    pieces.add(time + 7 * frame_ticks, std::span(samples).subspan(7));
    time += video_timescale;
  }
  EXPECT_EQ(whole.levels(), pieces.levels());
}

TEST(Activity, knows_nothing_before_the_second_frame_and_survives_silly_times) {
  ActivityMeter meter;
  EXPECT_TRUE(meter.levels().empty());
  const std::vector<media::Sample> key{{5000, frame_ticks, 0, true}};
  meter.add(0, key);
  EXPECT_TRUE(meter.levels().empty());
  meter.add(std::int64_t{1} << 59, second_of(1, 1));
  meter.add(-5, second_of(1, 1));
  EXPECT_LT(meter.levels().size(), 10'000u);
}

TEST(Activity, of_pictures_that_are_all_key_frames_is_how_their_size_changes) {
  ActivityMeter meter;
  std::vector<media::Sample> samples;
  for (unsigned i = 0; i < 100; ++i) {
    const bool busy = i >= 50;
    samples.push_back({busy && i % 2 == 1 ? 36'000u : 30'000u + i % 3 * 50, frame_ticks, 0, true});
  }
  meter.add(0, samples);
  const auto levels = meter.levels();
  ASSERT_EQ(levels.size(), 4u);
  EXPECT_GT(levels[3], levels[1] + 2 * activity_steps_per_octave);
}

TEST(Activity, of_a_timeline_stands_above_the_streams_own_quiet_level) {
  const auto from = at("2026-11-24T05:00:00.000Z");
  ActivityBuckets buckets(from, from + seconds{100}, 20);
  Bytes levels(80, 100);
  levels[42] = 100 + 2 * activity_steps_per_octave;
  buckets.add(from, levels);
  const auto shown = buckets.relative();
  ASSERT_EQ(shown.size(), 20u);
  for (std::size_t i = 0; i < 20; ++i) {
    if (i == 8) continue;
    EXPECT_EQ(shown[i], 0) << i;
  }
  EXPECT_EQ(shown[8], 1) << "one second in a bucket of five is seen";
}

TEST(Activity, of_noise_alone_stays_low_and_of_much_movement_is_cut_off) {
  const auto from = at("2026-11-24T05:00:00.000Z");
  ActivityBuckets noise(from, from + seconds{20}, 20), storm(from, from + seconds{20}, 20);
  Bytes levels(20, 100);
  for (std::size_t i = 0; i < 20; ++i) levels[i] = static_cast<std::uint8_t>(100 + i % 3);
  noise.add(from, levels);
  for (const double value : noise.relative()) EXPECT_LT(value, 0.2);
  levels[10] = levels[11] = 250;
  levels[12] = 100 + 2 * activity_steps_per_octave;
  storm.add(from, levels);
  EXPECT_EQ(storm.relative()[10], 1);
  EXPECT_NEAR(storm.relative()[12], 2.0 / 3, 0.01);
}

TEST(Activity, of_many_steps_is_that_of_each) {
  std::mt19937 random(5);
  const auto from = at("2026-11-24T05:00:00.000Z");
  for (int round = 0; round < 300; ++round) {
    const auto length = Duration{std::uniform_int_distribution<std::int64_t>(1, 7'200'000'000)(random)};
    const auto step = Duration{std::uniform_int_distribution<std::int64_t>(1, 400'000'000)(random)};
    const auto start = from + Duration{std::uniform_int_distribution<std::int64_t>(-9'000'000'000, 9'000'000'000)(random)};
    const auto count = std::uniform_int_distribution<std::size_t>(0, 700)(random);
    Bytes levels(std::uniform_int_distribution<std::size_t>(0, 300)(random));
    for (auto& level : levels) level = static_cast<std::uint8_t>(random() % 256);
    ActivityBuckets one_by_one(from, from + length, count), together(from, from + length, count);
    for (std::size_t i = 0; i < levels.size(); ++i) one_by_one.add_range(start + step * static_cast<std::int64_t>(i), step, levels[i]);
    together.add_steps(start, step, levels);
    ASSERT_EQ(together.relative(), one_by_one.relative()) << round;
  }
}

TEST(Activity, of_one_second_fills_every_shorter_bucket_and_nothing_outside_the_range) {
  const auto from = at("2026-11-24T05:00:00.000Z");
  ActivityBuckets buckets(from, from + seconds{3}, 12);
  buckets.add(from - seconds{1}, Bytes{250, 10, 90, 10, 250});
  const auto shown = buckets.relative();
  for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(shown[i] > 0, i >= 4 && i < 8) << i;
}

/// Frames of given sizes through a recorder: an access unit needs no picture in it for that.
class RecordedActivity : public testing::Test {
 protected:
  void SetUp() override { life.boot(); }

  void record_second(std::size_t key, std::size_t other) {
    for (int i = 0; i < 25; ++i) {
      auto unit = std::make_shared<media::AccessUnit>(*camera.next());
      unit->key = i == 0;
      unit->data = nal(i == 0 ? key : other);
      life.clock.advance_to(unit->capture_time);
      life.recorder->on_unit(unit);
    }
    life.step();
  }
  /// One NAL unit of so many bytes in all.
  static SharedBytes nal(std::size_t size) {
    Bytes bytes(size, 0x41);
    for (int i = 0; i < 4; ++i) bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>((size - 4) >> (24 - 8 * i));
    return std::make_shared<const Bytes>(std::move(bytes));
  }
  std::vector<double> shown(UtcTime from, UtcTime to, unsigned buckets) {
    const std::vector<std::string> cameras{"cam01"};
    return life.catalog().timeline(cameras, "main", from, to, buckets).value()[0].activity;
  }

  UtcTime start = at("2026-11-24T05:20:00.000Z");
  ArchiveLife life{start};
  Camera camera{start};
};

TEST_F(RecordedActivity, shows_in_the_timeline_of_closed_and_of_open_files) {
  life.record();
  for (int second = 0; second < 100; ++second) {
    const bool busy = (second >= 30 && second < 40) || second >= 90;
    record_second(busy ? 28'000 : 76'000, busy ? 3000 : 1000);
  }
  const auto bars = shown(start, start + seconds{100}, 10);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(bars[i] > 0.9, i == 3 || i == 9) << i << " " << bars[i];
    EXPECT_EQ(bars[i] < 0.1, i != 3 && i != 9) << i << " " << bars[i];
  }
}

TEST_F(RecordedActivity, is_found_in_the_file_as_it_was_indexed) {
  auto& recorder = life.record();
  for (unsigned second = 0; second < 70; ++second) record_second(50'000, 500 + 100 * second);
  recorder.on_interrupted(media::GapCause::camera, "");
  life.step();
  const auto before = life.rows();
  ASSERT_EQ(before.size(), 2u);
  EXPECT_EQ(before[0].activity.size(), 60u);
  EXPECT_GT(before[0].activity[59], before[0].activity[1]);
  // A hub that knows nothing of these files finds the same in them.
  life.tables->segments.clear();
  life.boot();
  life.archive->recover();
  for (int i = 0; i < 10; ++i) life.step();
  const auto after = life.rows();
  ASSERT_EQ(after.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(after[i].activity, before[i].activity);
}

}  // namespace
}  // namespace ccoc::archive
