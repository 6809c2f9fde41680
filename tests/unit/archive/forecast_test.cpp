#include "ccoc/archive/forecast.h"

#include <gtest/gtest.h>

#include <limits>

namespace ccoc::archive {
namespace {

constexpr double gib = 1e9;
const UtcTime now = parse_rfc3339("2026-11-24T00:00:00Z").value();
UtcTime days_later(double days) { return now + Duration{static_cast<std::int64_t>(days * 86400e6)}; }
double days_between(UtcTime a, UtcTime b) { return static_cast<double>((b - a).count()) / 86400e6; }

CameraFootage camera(const char* id, double gib_per_day, double max_days, double promised = 0) {
  CameraFootage out;
  out.camera = id;
  out.bytes_per_day = gib_per_day * gib;
  out.oldest = days_later(-2);
  out.max_days = max_days;
  out.promised_days = promised;
  return out;
}
Room room(double capacity, double used) { return {"", capacity * gib, used * gib}; }

TEST(ForecastTest, with_room_enough_age_decides) {
  const auto f = make_forecast(now, {camera("a", 10, 30), camera("b", 10, 7)}, room(1000, 40), {});
  EXPECT_FALSE(f.full_at);
  EXPECT_DOUBLE_EQ(f.cameras[0].lasting_days, 30);
  EXPECT_DOUBLE_EQ(f.cameras[1].lasting_days, 7);
  EXPECT_EQ(f.cameras[1].oldest_goes_at, days_later(5));
}

TEST(ForecastTest, without_it_the_oldest_goes_when_the_disk_is_full) {
  const auto f = make_forecast(now, {camera("a", 10, 30), camera("b", 10, 30)}, room(200, 40), {});
  ASSERT_TRUE(f.full_at);
  EXPECT_NEAR(days_between(now, *f.full_at), 8, 1e-6);
  EXPECT_NEAR(f.cameras[0].lasting_days, 10, 1e-6);
  EXPECT_NEAR(days_between(now, *f.cameras[0].oldest_goes_at), 8, 1e-6);
  EXPECT_FALSE(f.cameras[0].promise_at_risk);
}

TEST(ForecastTest, what_age_takes_leaves_room_for_the_others) {
  const auto f = make_forecast(now, {camera("short", 10, 2), camera("long", 10, 100)}, room(200, 200), {});
  EXPECT_DOUBLE_EQ(f.cameras[0].lasting_days, 2);
  EXPECT_NEAR(f.cameras[1].lasting_days, 18, 1e-6);
}

TEST(ForecastTest, a_promise_is_kept_at_the_cost_of_the_others) {
  const auto f = make_forecast(now, {camera("promised", 10, 30, 15), camera("other", 10, 30)}, room(200, 200), {});
  EXPECT_NEAR(f.cameras[0].lasting_days, 15, 1e-6);
  EXPECT_NEAR(f.cameras[1].lasting_days, 5, 1e-6);
  EXPECT_FALSE(f.cameras[0].promise_at_risk);
  EXPECT_NEAR(days_between(now, *f.cameras[0].oldest_goes_at), 13, 1e-6) << "15 days after it was recorded";
  EXPECT_EQ(f.cameras[1].oldest_goes_at, now);
}

TEST(ForecastTest, a_promise_that_does_not_fit_is_at_risk_long_before_it_breaks) {
  const auto f = make_forecast(now, {camera("a", 10, 30, 15), camera("b", 10, 30, 15)}, room(200, 10), {});
  EXPECT_NEAR(f.cameras[0].lasting_days, 10, 1e-6);
  EXPECT_TRUE(f.cameras[0].promise_at_risk);
  EXPECT_NEAR(days_between(now, *f.full_at), 9.5, 1e-6);
}

TEST(ForecastTest, what_moves_in_time_lasts_as_long_as_it_may) {
  auto moving = camera("a", 10, 90);
  moving.moves_after_days = 7;
  moving.moves_to = "far";
  const Room far{"far", std::numeric_limits<double>::infinity(), 0};
  EXPECT_DOUBLE_EQ(make_forecast(now, {moving}, room(100, 0), {far}).cameras[0].lasting_days, 90);
  EXPECT_NEAR(make_forecast(now, {moving}, room(50, 0), {far}).cameras[0].lasting_days, 5, 1e-6) << "it goes before it could move";
  const Room small{"far", 100 * gib, 0};
  EXPECT_NEAR(make_forecast(now, {moving}, room(100, 0), {small}).cameras[0].lasting_days, 17, 1e-6);
}

TEST(ForecastTest, cameras_that_record_nothing_are_no_reason_for_alarm) {
  auto idle = camera("idle", 0, 30, 15);
  idle.oldest.reset();
  const auto f = make_forecast(now, {idle, camera("a", 10, 30)}, room(20, 20), {});
  EXPECT_FALSE(f.cameras[0].promise_at_risk);
  EXPECT_FALSE(f.cameras[0].oldest_goes_at);
  EXPECT_TRUE(make_forecast(now, {}, room(0, 0), {}).cameras.empty());
}

TEST(ForecastTest, footage_that_never_goes_by_age_goes_by_room_or_not_at_all) {
  EXPECT_FALSE(make_forecast(now, {camera("a", 0, 0)}, room(20, 20), {}).cameras[0].oldest_goes_at);
  EXPECT_NEAR(make_forecast(now, {camera("a", 10, 0)}, room(20, 0), {}).cameras[0].lasting_days, 2, 1e-6);
}

VolumeRoom volume(const char* name, double used, double free, std::uint64_t file_system) {
  return {name, true, used * gib, free * gib, std::numeric_limits<double>::infinity(), file_system};
}

TEST(ForecastTest, what_is_free_on_a_file_system_counts_once) {
  const auto apart = join_rooms({volume("a", 10, 100, 1), volume("b", 20, 100, 2), volume("c", 0, 50, 0), volume("d", 0, 50, 0)});
  EXPECT_DOUBLE_EQ(apart.recorded.capacity_bytes, 330 * gib);
  EXPECT_DOUBLE_EQ(apart.recorded.used_bytes, 30 * gib);
  const auto together = join_rooms({volume("a", 10, 100, 1), volume("b", 20, 95, 1)});
  EXPECT_DOUBLE_EQ(together.recorded.capacity_bytes, 125 * gib) << "the larger of what both leave free";
  EXPECT_DOUBLE_EQ(join_rooms({volume("a", 10, -5, 1)}).recorded.capacity_bytes, 10 * gib);
}

TEST(ForecastTest, a_quota_holds_on_a_shared_file_system_too) {
  auto small = volume("a", 10, 100, 1);
  small.quota_bytes = 30 * gib;
  auto over = volume("b", 20, 100, 1);
  over.quota_bytes = 15 * gib;
  EXPECT_DOUBLE_EQ(join_rooms({small, over}).recorded.capacity_bytes, 45 * gib);
  EXPECT_DOUBLE_EQ(join_rooms({small, volume("b", 20, 100, 1)}).recorded.capacity_bytes, 130 * gib);
}

TEST(ForecastTest, colder_volumes_are_rooms_of_their_own_unless_they_share_one) {
  auto cold = volume("cold", 5, 100, 2), colder = volume("colder", 5, 100, 2), beside = volume("beside", 5, 100, 1),
       far = volume("far", 5, 0, 0);
  far.free_bytes = std::numeric_limits<double>::infinity();
  cold.recorded = colder.recorded = beside.recorded = far.recorded = false;
  const auto rooms = join_rooms({volume("main", 10, 100, 1), beside, cold, colder, far});
  EXPECT_DOUBLE_EQ(rooms.recorded.capacity_bytes, 115 * gib);
  EXPECT_EQ(rooms.room_of,
            (std::map<std::string, std::string>{{"main", ""}, {"beside", ""}, {"cold", "cold"}, {"colder", "cold"}, {"far", "far"}}));
  ASSERT_EQ(rooms.colder.size(), 2u);
  for (const auto& room : rooms.colder) {
    EXPECT_EQ(room.capacity_bytes, room.volume == "far" ? std::numeric_limits<double>::infinity() : 110 * gib) << room.volume;
  }
}

}  // namespace
}  // namespace ccoc::archive
