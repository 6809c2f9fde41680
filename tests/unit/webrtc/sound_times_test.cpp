#include "sound_times.h"

#include <gtest/gtest.h>

#include "picture_times.h"

namespace ccoc::webrtc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint32_t ms = 90;

/// 20 ms of sound.
media::AudioUnit piece(bool discontinuity = false) {
  media::AudioUnit out;
  out.duration = 20 * ms;
  out.discontinuity = discontinuity;
  return out;
}

TEST(SoundTimes, go_on_without_a_seam_while_the_clock_trembles) {
  SoundTimes times;
  const auto first = times.of(piece(), 1000);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->time, 1000u);
  EXPECT_TRUE(first->after_a_hole);
  std::uint32_t due = 1000;
  for (std::uint32_t i = 1; i < 200; ++i) {
    due = 1000 + i * 20 * ms + (i % 2 == 0 ? 30 * ms : 0) - (i % 3 == 0 ? 30 * ms : 0);
    const auto next = times.of(piece(), due);
    ASSERT_TRUE(next) << i;
    EXPECT_EQ(next->time, 1000 + i * 20 * ms);
    EXPECT_FALSE(next->after_a_hole) << i;
  }
}

TEST(SoundTimes, leap_ahead_where_sound_is_missing) {
  SoundTimes times;
  ASSERT_TRUE(times.of(piece(), 0));
  const auto lost = times.of(piece(true), 40 * ms);
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->time, 40u * ms) << "one piece was lost";
  EXPECT_TRUE(lost->after_a_hole);
  const auto late = times.of(piece(), 3000 * ms);
  ASSERT_TRUE(late);
  EXPECT_EQ(late->time, 3000u * ms) << "it stopped for a while, though nobody said so";
  EXPECT_TRUE(late->after_a_hole);
}

TEST(SoundTimes, leave_out_what_comes_too_early_and_never_run_backwards) {
  SoundTimes times;
  std::uint32_t last = 0, left_out = 0;
  // A microphone that is 5 % fast for a minute.
  for (std::uint32_t i = 0; i < 3000; ++i) {
    const auto due = 1000 * ms + i * 19 * ms;
    const auto next = times.of(piece(i % 100 == 99), due);
    if (!next) {
      ++left_out;
      continue;
    }
    EXPECT_GT(next->time, last) << i;
    EXPECT_LE(next->time, due + 61 * ms) << i;
    last = next->time;
  }
  EXPECT_NEAR(left_out, 150, 5) << "as much as it was too fast";
}

TEST(SoundTimes, say_that_what_was_left_out_is_missing) {
  SoundTimes times;
  ASSERT_TRUE(times.of(piece(), 1000 * ms));
  ASSERT_FALSE(times.of(piece(), 900 * ms));
  const auto next = times.of(piece(), 1020 * ms);
  ASSERT_TRUE(next);
  EXPECT_TRUE(next->after_a_hole);
  EXPECT_FALSE(times.of(piece(), 1040 * ms)->after_a_hole);
}

TEST(SoundTimes, begin_anew_when_the_pictures_do) {
  SoundTimes times;
  ASSERT_TRUE(times.of(piece(), 100'000 * ms));
  const auto back = times.of(piece(), 1000 * ms);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->time, 1000u * ms);
  EXPECT_TRUE(back->after_a_hole);
}

TEST(SoundTimes, are_modulo_two_to_the_32) {
  SoundTimes times;
  ASSERT_TRUE(times.of(piece(), 0u - 10 * ms));
  EXPECT_EQ(times.of(piece(), 10 * ms)->time, 10u * ms);
  EXPECT_FALSE(times.of(piece(), 30 * ms)->after_a_hole);
}

}  // namespace
}  // namespace ccoc::webrtc
