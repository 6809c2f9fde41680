// The spine (ingest, archive, index) in the seeded world. CCOC_SIM_FIRST_SEED, CCOC_SIM_SEEDS and CCOC_SIM_MINUTES
// make it longer; a broken history names its seed, and that seed replays it. CCOC_SIM_LOG=1 shows what the hub logs.
#include <gtest/gtest.h>

#include <cstdlib>

#include "ccoc/base/log.h"
#include "sim/spine_history.h"

namespace ccoc::sim {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

HistoryPlan plan_of(std::uint64_t seed) {
  HistoryPlan plan;
  plan.seed = seed;
  plan.length = std::chrono::minutes{static_cast<std::int64_t>(setting("CCOC_SIM_MINUTES", 10))};
  return plan;
}

void expect_whole(const HistoryResult& result, std::uint64_t seed) {
  for (const auto& what : result.broken) ADD_FAILURE() << "seed " << seed << ": " << what;
}

class Spine : public testing::Test {
 protected:
  void SetUp() override {
    if (setting("CCOC_SIM_LOG", 0) != 0) return;
    log::set_level(log::Level::error);
    log::set_sink([](log::Level, std::string_view) {});
  }
  void TearDown() override { log::set_sink(nullptr), log::set_level(log::Level::info); }
};

TEST_F(Spine, keeps_every_picture_when_nothing_goes_wrong) {
  HistoryPlan plan = plan_of(42);
  plan.camera_faults_per_hour = plan.hub_kills_per_hour = plan.disk_faults_per_hour = plan.index_outages_per_hour = 0;
  const auto result = run_history(plan);
  expect_whole(result, 42);
  EXPECT_GT(result.accounted, plan.cameras * plan.length);
  EXPECT_GT(result.units_received, 10'000u);
  EXPECT_EQ(result.units_received, result.units_kept);
}

TEST_F(Spine, another_disk_takes_over_where_one_refuses) {
  const auto first = setting("CCOC_SIM_FIRST_SEED", 1);
  const auto count = setting("CCOC_SIM_SEEDS", 4);
  int disk_faults = 0;
  for (auto seed = first; seed < first + count; ++seed) {
    auto plan = plan_of(seed);
    plan.disks = 2 + static_cast<int>(seed % 2);
    plan.disk_faults_per_hour = 20;
    const auto result = run_history(plan);
    expect_whole(result, seed);
    disk_faults += result.disk_faults;
  }
  if (count >= 4) {
    EXPECT_GT(disk_faults, 4) << "the histories must have had something to survive";
  }
}

TEST_F(Spine, loses_nothing_acknowledged_whatever_cameras_disk_index_and_kills_do) {
  const auto first = setting("CCOC_SIM_FIRST_SEED", 1);
  const auto count = setting("CCOC_SIM_SEEDS", 12);
  std::uint64_t camera_faults = 0;
  int kills = 0, disk_faults = 0, outages = 0;
  for (auto seed = first; seed < first + count; ++seed) {
    const auto result = run_history(plan_of(seed));
    expect_whole(result, seed);
    camera_faults += result.camera_faults;
    kills += result.hub_kills;
    disk_faults += result.disk_faults;
    outages += result.index_outages;
  }
  // The histories must have had something to survive.
  EXPECT_GT(camera_faults, count);
  if (count >= 10) {
    EXPECT_GT(kills, 0);
    EXPECT_GT(disk_faults, 0);
    EXPECT_GT(outages, 0);
  }
}

TEST_F(Spine, replays_one_seed_exactly) {
  const auto once = run_history(plan_of(7));
  const auto again = run_history(plan_of(7));
  EXPECT_EQ(once.fingerprint, again.fingerprint);
  EXPECT_EQ(once.units_kept, again.units_kept);
  EXPECT_NE(once.fingerprint, run_history(plan_of(8)).fingerprint);
}

}  // namespace
}  // namespace ccoc::sim
