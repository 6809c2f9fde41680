// The history of the cameras' clocks, in a real database. faults.md 6
#include "ccoc/registry/clock_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/postgres.h"

namespace ccoc::registry {
namespace {

using namespace std::chrono_literals;

const UtcTime start = parse_rfc3339("2026-11-24T00:00:00Z").value();

class ClockHistoryTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(database->execute(
        "insert into cameras (id, name_th, name_en, owner_kind, owner_name, zone, community, recording_mode, retention_days, "
        "enabled, approximate, notes, created_at, updated_at) "
        "values ('cam01', 'ก', '', 'public', '', '', '', 'continuous', 30, true, false, '', now(), now())"));
  }
  std::vector<ClockReading> all() { return history.read("cam01", "main", start - 1h, start + 24h * 3650, 5000).value(); }

  std::unique_ptr<db::Database> database = test::fresh_database();
  ClockHistory history{*database};
};

TEST_F(ClockHistoryTest, keeps_one_reading_an_hour_and_every_jump) {
  for (int minute = 0; minute < 180; ++minute) {
    const std::int64_t offset = minute == 90 ? 7200'000 : 40 + minute % 3;
    ASSERT_TRUE(history.note("cam01", "main", {start + std::chrono::minutes{minute}, offset}));
  }
  EXPECT_THAT(all(), testing::ElementsAre(ClockReading{start, 40}, ClockReading{start + 60min, 40}, ClockReading{start + 90min, 7200'000},
                                          ClockReading{start + 91min, 41}, ClockReading{start + 151min, 41}));
  EXPECT_EQ(history.read("cam01", "main", start, start + 24h, 2).value().size(), 2u) << "the newest";
  EXPECT_TRUE(history.read("cam01", "sub", start, start + 24h, 10).value().empty());
}

TEST_F(ClockHistoryTest, forgets_what_is_too_old_and_what_nobody_knows) {
  ASSERT_TRUE(history.note("cam01", "main", {start, 1}));
  ASSERT_TRUE(history.note("cam01", "main", {start + 24h * 300, 2}));
  ASSERT_TRUE(history.note("gone", "main", {start, 1})) << "a camera that was deleted meanwhile is no error";
  ASSERT_TRUE(history.tidy(start + 24h * 401));
  EXPECT_EQ(all().size(), 1u);
  ASSERT_TRUE(database->execute("delete from cameras"));
  EXPECT_TRUE(all().empty());
}

TEST(Drift, is_the_slope_of_the_offsets) {
  std::vector<ClockReading> readings;
  for (int hour = 0; hour < 100; ++hour) readings.push_back({start + std::chrono::hours{hour}, 100 + hour * 1800 + hour % 2 * 10});
  EXPECT_NEAR(drift_ppm(readings).value(), 500, 1);
  EXPECT_FALSE(drift_ppm({}));
  EXPECT_FALSE(drift_ppm({{start, 1}, {start + 10min, 2}})) << "too short to tell";
}

TEST(Drift, counts_from_when_the_clock_was_set_last) {
  std::vector<ClockReading> readings;
  for (int hour = 0; hour < 50; ++hour) readings.push_back({start + std::chrono::hours{hour}, hour * 1800});
  for (int hour = 50; hour < 60; ++hour) readings.push_back({start + std::chrono::hours{hour}, -(hour - 50) * 36});
  EXPECT_NEAR(drift_ppm(readings).value(), -10, 1);
}

}  // namespace
}  // namespace ccoc::registry
