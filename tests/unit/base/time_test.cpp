#include "ccoc/base/time.h"

#include <gtest/gtest.h>

namespace ccoc {
namespace {

TEST(Rfc3339, reads_back_what_it_writes) {
  const auto t = parse_rfc3339("2026-11-24T05:23:57.123Z");
  ASSERT_TRUE(t) << t.error().message;
  EXPECT_EQ(format_rfc3339(*t), "2026-11-24T05:23:57.123Z");
  EXPECT_EQ(format_day(*t), "2026-11-24");
  EXPECT_EQ(format_time_of_day(*t), "052357Z");
}

TEST(Rfc3339, takes_offsets_and_any_fraction) {
  EXPECT_EQ(parse_rfc3339("2026-11-24T12:23:57.1234567+07:00").value(), parse_rfc3339("2026-11-24T05:23:57.123456Z").value());
}

TEST(Rfc3339, refuses_what_is_no_time_and_says_how_to_write_it) {
  for (const char* bad : {"", "yesterday", "2026-11-24", "2026-13-24T05:23:57Z", "2026-02-30T05:23:57Z", "2026-11-24T25:00:00Z",
                          "2026-11-24T05:23:57", "2026-11-24T05:23:57.Z", "2026-11-24T05:23:57Zx", "2026-11-24T05:23:57+0700"}) {
    const auto t = parse_rfc3339(bad);
    ASSERT_FALSE(t) << bad;
    EXPECT_EQ(t.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(t.error().message.find("RFC 3339"), std::string::npos);
  }
}

TEST(Ticks, round_to_nearest_both_ways) {
  EXPECT_EQ(to_ticks(Duration{40'000}, 90000), 3600);
  EXPECT_EQ(to_ticks(Duration{-40'000}, 90000), -3600);
  EXPECT_EQ(from_ticks(3600, 90000), Duration{40'000});
  for (const std::int64_t us : std::initializer_list<std::int64_t>{1, 33'333, 999'999, 86'400'000'000}) {
    const auto back = from_ticks(to_ticks(Duration{us}, 90000), 90000).count();
    EXPECT_LE(std::abs(back - us), 6) << us;
  }
}

}  // namespace
}  // namespace ccoc
