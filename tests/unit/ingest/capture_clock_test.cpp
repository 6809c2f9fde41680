#include "ccoc/ingest/capture_clock.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace ccoc::ingest {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const UtcTime start = parse_rfc3339("2026-11-24T05:00:00Z").value();

TEST(CaptureClock, spaces_frames_by_the_camera_and_places_them_by_the_hub) {
  CaptureClock clock;
  UtcTime last = start;
  for (int i = 0; i < 250; ++i) {
    const auto stamp = clock.stamp(1'000'000u + static_cast<std::uint32_t>(i) * 3600u, start + milliseconds{40} * i);
    EXPECT_EQ(stamp.capture_time, start + milliseconds{40} * i);
    EXPECT_EQ(stamp.media_time, i * 3600);
    EXPECT_EQ(stamp.new_run, i == 0);
    last = stamp.capture_time;
  }
  EXPECT_EQ(last, start + milliseconds{40} * 249);
}

TEST(CaptureClock, is_not_shaken_by_a_jittery_network) {
  CaptureClock clock;
  std::mt19937 random{7};
  std::uniform_int_distribution<int> delay_us{0, 80'000};
  std::optional<UtcTime> last;
  for (int i = 0; i < 5000; ++i) {
    const UtcTime sent = start + milliseconds{40} * i;
    const auto stamp = clock.stamp(static_cast<std::uint32_t>(i) * 3600u, sent + Duration{delay_us(random)});
    if (last && i > 250) {
      EXPECT_NEAR(static_cast<double>((stamp.capture_time - *last).count()), 40'000, 2'000) << i;
      EXPECT_LT(std::chrono::abs(stamp.capture_time - sent), milliseconds{85}) << i;
    }
    last = stamp.capture_time;
  }
}

TEST(CaptureClock, goes_on_over_the_wrap_of_the_rtp_timestamp) {
  CaptureClock clock;
  for (int i = 0; i < 100; ++i) {
    const auto stamp = clock.stamp(0xffffff00u + static_cast<std::uint32_t>(i) * 3600u, start + milliseconds{40} * i);
    EXPECT_EQ(stamp.capture_time, start + milliseconds{40} * i);
    EXPECT_EQ(stamp.new_run, i == 0);
  }
}

TEST(CaptureClock, retimes_a_single_stray_timestamp) {
  CaptureClock clock;
  for (int i = 0; i < 100; ++i) {
    const std::uint32_t rtp = i == 50 ? 3'000'000'000u : static_cast<std::uint32_t>(i) * 3600u;
    const auto stamp = clock.stamp(rtp, start + milliseconds{40} * i);
    EXPECT_EQ(stamp.new_run, i == 0) << i;
    EXPECT_LE(std::chrono::abs(stamp.capture_time - (start + milliseconds{40} * i)), milliseconds{5}) << i;
  }
}

TEST(CaptureClock, starts_a_new_run_at_a_lasting_jump_without_leaving_the_hubs_time) {
  CaptureClock clock;
  int runs = 0;
  UtcTime last{};
  for (int i = 0; i < 200; ++i) {
    const std::uint32_t shift = i >= 100 ? 7200u * 90000u : 0u;
    const auto stamp = clock.stamp(static_cast<std::uint32_t>(i) * 3600u + shift, start + milliseconds{40} * i);
    runs += stamp.new_run;
    EXPECT_GT(stamp.capture_time, last);
    EXPECT_LE(std::chrono::abs(stamp.capture_time - (start + milliseconds{40} * i)), milliseconds{45}) << i;
    last = stamp.capture_time;
  }
  EXPECT_EQ(runs, 2);
}

// faults.md 6: 302 s of drift in all, and the RTP timestamp wraps twelve times.
TEST(CaptureClock, follows_a_camera_clock_that_drifts_by_500_ppm_for_a_week) {
  constexpr int fps = 5;
  constexpr std::int64_t frames = std::int64_t{7} * 24 * 3600 * fps;
  for (const double ppm : {500.0, -500.0}) {
    CaptureClock clock;
    std::int64_t worst = 0;
    std::int64_t runs = 0, backwards = 0;
    UtcTime last{};
    for (std::int64_t i = 0; i < frames; ++i) {
      const UtcTime now = start + milliseconds{1000 / fps} * i;
      const auto ticks = static_cast<double>(i) * 90000.0 / fps * (1 + ppm / 1e6);
      const auto stamp = clock.stamp(static_cast<std::uint32_t>(static_cast<std::uint64_t>(ticks)), now);
      backwards += stamp.capture_time <= last;
      runs += stamp.new_run;
      last = stamp.capture_time;
      worst = std::max<std::int64_t>(worst, std::abs((stamp.capture_time - now).count()));
    }
    EXPECT_EQ(backwards, 0) << ppm;
    EXPECT_EQ(runs, 1) << ppm;
    EXPECT_LT(worst, 20'000) << ppm << ": µs away from the hub's clock";
  }
}

TEST(CaptureClock, never_runs_backwards_when_the_hubs_clock_steps_back) {
  CaptureClock clock;
  UtcTime last{};
  for (int i = 0; i < 300; ++i) {
    const UtcTime hub = start + milliseconds{40} * i - (i >= 100 ? Duration{seconds{60}} : Duration{0});
    const auto stamp = clock.stamp(static_cast<std::uint32_t>(i) * 3600u, hub);
    EXPECT_GT(stamp.capture_time, last) << i;
    last = stamp.capture_time;
  }
}

TEST(CaptureClock, keeps_rising_over_a_restart_of_the_camera) {
  CaptureClock clock;
  UtcTime last{};
  for (int i = 0; i < 200; ++i) {
    if (i == 100) clock.restart();
    const auto stamp = clock.stamp(static_cast<std::uint32_t>(i % 100) * 3600u, start + milliseconds{40} * i);
    EXPECT_EQ(stamp.new_run, i % 100 == 0);
    EXPECT_GT(stamp.capture_time, last);
    last = stamp.capture_time;
  }
}

TEST(CaptureClock, does_not_place_pictures_in_the_future_when_a_camera_bursts_its_backlog_at_the_start) {
  CaptureClock clock;
  // 50 frames of the past 2 s come within 50 ms, then real time.
  for (int i = 0; i < 500; ++i) {
    const UtcTime arrival = i < 50 ? start + milliseconds{i} : start + milliseconds{50} + milliseconds{40} * (i - 49);
    const auto stamp = clock.stamp(static_cast<std::uint32_t>(i) * 3600u, arrival);
    if (i > 60) {
      EXPECT_LE(stamp.capture_time, arrival + milliseconds{150}) << i;
    }
  }
}

// faults.md 8: B-frames come before what is shown before them.
TEST(CaptureClock, gives_decode_and_presentation_times_to_b_frames) {
  // x264's pyramid: decode order of groups of four pictures, as distances in presentation order.
  constexpr int order[] = {3, 1, 0, 2};
  for (const unsigned told : {2u, 0u}) {
    CaptureClock clock;
    clock.expect_reordering(told, 25);
    std::vector<std::pair<std::int64_t, int>> shown;  // presentation time, picture
    std::int64_t last_decode = -1;
    int arrived = 0;
    const auto take = [&](int picture) {
      const auto stamp = clock.stamp(static_cast<std::uint32_t>(picture) * 3600u, start + milliseconds{40} * arrived++);
      EXPECT_EQ(stamp.new_run, arrived == 1);
      EXPECT_GT(stamp.media_time, last_decode) << picture;
      last_decode = stamp.media_time;
      shown.emplace_back(stamp.media_time + stamp.composition_offset, picture);
      if (told > 0 || arrived > 40) {
        EXPECT_GE(stamp.composition_offset, 0) << picture;
      }
      EXPECT_LT(stamp.composition_offset, 6 * 3600) << picture;
      const auto presented = stamp.capture_time + from_ticks(stamp.composition_offset, video_timescale);
      if (told > 0 || arrived > 40) {
        EXPECT_LT(std::chrono::abs(presented - (start + milliseconds{40} * picture)), milliseconds{200}) << picture;
      }
    };
    take(0);
    for (int group = 0; group < 50; ++group) {
      for (const int at : order) take(1 + 4 * group + at);
    }
    std::ranges::sort(shown);
    for (std::size_t i = 1; i < shown.size(); ++i) {
      // What was not told is learned with the first groups.
      if (told > 0 || i > 40) {
        EXPECT_EQ(shown[i].second, shown[i - 1].second + 1) << told;
        EXPECT_NEAR(static_cast<double>(shown[i].first - shown[i - 1].first), 3600, told > 0 ? 90 : 800) << i;
      }
    }
  }
}

TEST(CaptureClock, forgets_a_reordering_that_was_only_a_glitch) {
  CaptureClock clock;
  CaptureStamp stamp;
  for (int i = 0; i < 1500; ++i) {
    // One picture is stamped half a second too early.
    const int shown = i == 100 ? i - 12 : i;
    stamp = clock.stamp(static_cast<std::uint32_t>(100'000 + shown * 3600), start + milliseconds{40} * i);
  }
  EXPECT_EQ(stamp.composition_offset, 0);
  EXPECT_LT(std::chrono::abs(stamp.capture_time - (start + milliseconds{40} * 1499)), milliseconds{50});
}

}  // namespace
}  // namespace ccoc::ingest
