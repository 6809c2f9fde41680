#include "ccoc/ingest/outages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ccoc::ingest {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;

const UtcTime start = parse_rfc3339("2026-11-24T13:00:00Z").value();

struct World {
  std::vector<registry::Camera> cameras;
  std::vector<StreamStatus> statuses;

  void add(const std::string& id, const std::string& host, const std::string& owner, StreamState state, Duration since = {}) {
    registry::Camera camera;
    camera.id = id;
    camera.owner.name = owner;
    camera.streams.push_back({.role = "main", .url = "rtsp://" + host + "/main"});
    cameras.push_back(std::move(camera));
    StreamStatus status;
    status.camera = id;
    status.role = "main";
    status.state = state;
    status.since = start + since;
    statuses.push_back(std::move(status));
  }
  std::vector<Outage> find() const { return find_outages(cameras, statuses); }
};

TEST(Outages, single_cameras_have_nothing_in_common) {
  World world;
  for (int i = 0; i < 10; ++i) {
    world.add("c" + std::to_string(i), "10.1." + std::to_string(i) + ".7", "shop " + std::to_string(i),
              i < 2 ? StreamState::offline : StreamState::live);
  }
  EXPECT_TRUE(world.find().empty());
}

TEST(Outages, a_switch_that_failed_is_named_by_its_network) {
  World world;
  for (int i = 0; i < 8; ++i) {
    world.add("c" + std::to_string(i), i < 4 ? "10.1.2." + std::to_string(i + 1) : "10.1.3." + std::to_string(i + 1), i % 2 ? "one" : "two",
              i < 4 ? StreamState::offline : StreamState::live, seconds{i});
  }
  const auto outages = world.find();
  ASSERT_EQ(outages.size(), 1u);
  EXPECT_EQ(outages[0].shared, Outage::Shared::network);
  EXPECT_EQ(outages[0].name, "10.1.2.0/24");
  EXPECT_EQ(outages[0].since, start);
  EXPECT_THAT(outages[0].cameras, ElementsAre("c0", "c1", "c2", "c3"));
}

TEST(Outages, an_owner_whose_cameras_all_went_is_named) {
  World world;
  for (int i = 0; i < 9; ++i) {
    world.add("c" + std::to_string(i), "cam" + std::to_string(i) + ".example", i < 3 ? "Tanin market" : "others",
              i < 3 ? StreamState::offline : StreamState::live);
  }
  const auto outages = world.find();
  ASSERT_EQ(outages.size(), 1u);
  EXPECT_EQ(outages[0].shared, Outage::Shared::owner);
  EXPECT_EQ(outages[0].name, "Tanin market");
}

TEST(Outages, everything_gone_is_said_once) {
  World world;
  for (int i = 0; i < 6; ++i) world.add("c" + std::to_string(i), "10.1.2." + std::to_string(i), "city", StreamState::connecting);
  world.add("off", "10.1.2.9", "city", StreamState::disabled);
  const auto outages = world.find();
  ASSERT_EQ(outages.size(), 1u);
  EXPECT_EQ(outages[0].shared, Outage::Shared::everything);
  EXPECT_EQ(outages[0].cameras.size(), 6u);
}

TEST(Outages, cameras_that_went_one_after_the_other_over_days_are_no_outage) {
  World world;
  for (int i = 0; i < 5; ++i) {
    world.add("c" + std::to_string(i), "10.1.2." + std::to_string(i), "city", StreamState::offline, std::chrono::hours{7 * i});
  }
  EXPECT_TRUE(world.find().empty());
}

TEST(Outages, networks_of_ipv6_addresses_and_names_without_a_network) {
  World world;
  for (int i = 0; i < 3; ++i) world.add("a" + std::to_string(i), "[2001:db8:1:2::" + std::to_string(i + 1) + "]", "", StreamState::offline);
  for (int i = 0; i < 3; ++i) world.add("b" + std::to_string(i), "camera" + std::to_string(i), "", StreamState::live);
  const auto outages = world.find();
  ASSERT_EQ(outages.size(), 1u);
  EXPECT_EQ(outages[0].name, "2001:0db8:0001:0002::/64");
}

}  // namespace
}  // namespace ccoc::ingest
