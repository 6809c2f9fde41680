#include "picture_times.h"

#include <gtest/gtest.h>

namespace ccoc::webrtc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const UtcTime noon = parse_rfc3339("2026-11-24T12:00:00Z").value();

media::AccessUnit picture(Duration after_noon, bool discontinuity = false) {
  media::AccessUnit out;
  out.capture_time = noon + after_noon;
  out.media_time = to_ticks(out.capture_time.time_since_epoch(), video_timescale);
  out.discontinuity = discontinuity;
  return out;
}

TEST(PictureTimes, go_on_as_the_cameras_do) {
  PictureTimes times;
  times.begin(noon);
  const auto first = times.of(picture(milliseconds{0}));
  EXPECT_EQ(times.of(picture(milliseconds{40})) - first, 3600u);
  EXPECT_EQ(times.of(picture(milliseconds{80})) - first, 7200u);
}

TEST(PictureTimes, squeeze_what_is_older_than_the_viewer) {
  PictureTimes times;
  times.begin(noon + seconds{2});
  auto before = times.of(picture(milliseconds{0}));
  for (int i = 1; i < 50; ++i) {
    const auto now = times.of(picture(milliseconds{40} * i));
    EXPECT_EQ(now - before, 90u) << i;
    before = now;
  }
  EXPECT_EQ(times.of(picture(seconds{2})) - before, 3600u) << "from now on as it is";
}

TEST(PictureTimes, pass_over_a_gap_as_the_wall_clock_does) {
  PictureTimes times;
  times.begin(noon);
  const auto before = times.of(picture(milliseconds{0}));
  auto restarted = picture(seconds{30}, true);
  restarted.media_time = 17;  // the camera counts from anew
  EXPECT_EQ(times.of(restarted) - before, 30u * 90'000u);
  auto next = picture(seconds{30} + milliseconds{40});
  next.media_time = 17 + 3600;
  EXPECT_EQ(times.of(next) - before, 30u * 90'000u + 3600u);
}

TEST(PictureTimes, have_a_place_for_what_was_captured_beside_a_picture) {
  PictureTimes times;
  times.begin(noon + seconds{2});
  EXPECT_FALSE(times.at(noon)) << "before the first";
  times.of(picture(seconds{1}));
  const auto cached = times.of(picture(seconds{1} + milliseconds{40}));
  EXPECT_EQ(times.at(noon + seconds{2}), cached + 960u * 90u) << "from the last on time is not squeezed";
  const auto live = times.of(picture(seconds{2} + milliseconds{40}));
  EXPECT_EQ(times.at(noon + seconds{2}), live - 40u * 90u);
  EXPECT_EQ(times.at(noon + seconds{2} + milliseconds{100}), live + 60u * 90u);
  EXPECT_FALSE(times.at(noon + seconds{14})) << "the pictures have stopped";
  EXPECT_FALSE(times.at(noon - seconds{14}));
}

TEST(PictureTimes, never_stand_still_and_never_leap) {
  PictureTimes times;
  times.begin(noon);
  const auto first = times.of(picture(seconds{1}));
  const auto second = times.of(picture(seconds{1}));
  EXPECT_EQ(second - first, 90u);
  EXPECT_EQ(times.of(picture(std::chrono::hours{30})) - second, 90'000u * 600u);
}

}  // namespace
}  // namespace ccoc::webrtc
