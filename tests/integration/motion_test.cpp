// Movement as it is kept in a real database and asked for over HTTP.
#include <gtest/gtest.h>

#include "support/api_world.h"

namespace ccoc::test {
namespace {

class Motion : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    world = new ApiWorld;
    world->add_camera("cam01");
    investigator = new Person(world->port());
    ASSERT_EQ(investigator->log_in("investigator").status, 200);
    // Upper left for three seconds around the change of a minute; lower right later.
    for (int i = 0; i < 4; ++i)
      world->motion.note("cam01", at("2026-11-24T05:00:58.500Z") + seconds{i}, registry::motion_area(0, 0, 0.1, 0.1));
    ASSERT_TRUE(world->motion.flush());
    world->motion.note("cam01", at("2026-11-24T05:01:30.000Z"), registry::motion_area(0.9, 0.9, 0.1, 0.1));
    world->motion.note("cam02", at("2026-11-24T05:01:30.000Z"), registry::motion_area(0, 0, 1, 1));
    ASSERT_TRUE(world->motion.flush());
  }
  static void TearDownTestSuite() {
    delete investigator;
    delete world;
  }
  static boost::json::array spans(const std::string& more, const std::string& range = "from=2026-11-24T05:00:00Z&to=2026-11-24T06:00:00Z") {
    const auto answer = investigator->get("/api/v1/footage/motion?camera=cam01&" + range + more);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return json_of(answer).at("items").as_array();
  }
  static inline ApiWorld* world = nullptr;
  static inline Person* investigator = nullptr;
};

TEST_F(Motion, is_found_in_a_corner) {
  const auto corner = spans("&area=0,0,0.2,0.2");
  ASSERT_EQ(corner.size(), 1u);
  EXPECT_EQ(corner[0].at("from").as_string(), "2026-11-24T05:00:58.000Z");
  EXPECT_EQ(corner[0].at("to").as_string(), "2026-11-24T05:01:02.000Z");
  EXPECT_EQ(corner[0].at("cells").as_int64(), 2);
  EXPECT_EQ(spans("&area=0.8,0.8,0.2,0.2").size(), 1u);
  EXPECT_TRUE(spans("&area=0.4,0.4,0.2,0.2").empty());
  EXPECT_EQ(spans("").size(), 2u);
  EXPECT_EQ(spans("&join_s=60").size(), 1u);
  EXPECT_EQ(spans("", "from=2026-11-24T05:01:00Z&to=2026-11-24T05:01:01Z").size(), 1u);
  EXPECT_TRUE(spans("", "from=2026-11-24T05:02:00Z&to=2026-11-24T06:00:00Z").empty());
}

TEST_F(Motion, names_what_is_wrong) {
  const std::string url = "/api/v1/footage/motion?camera=cam01&from=2026-11-24T05:00:00Z&to=2026-11-24T06:00:00Z&area=";
  for (const char* area : {"0,0,1", "0,0,1,1,1", "0,0,2,1", "a,b,c,d", "0,0,0,0", "nan,0,1,1", "-1,0,1,1", "0,0,1,1e0", ""})
    EXPECT_EQ(investigator->get(url + area).status, 422) << area;
  EXPECT_EQ(investigator->get("/api/v1/footage/motion?camera=none&from=2026-11-24T05:00:00Z&to=2026-11-24T06:00:00Z").status, 404);
  EXPECT_EQ(investigator->get("/api/v1/footage/motion?camera=cam01&from=2026-11-24T05:00:00Z&to=2027-11-24T06:00:00Z").status, 422);
  Person viewer(world->port());
  ASSERT_EQ(viewer.log_in("viewer").status, 200);
  EXPECT_EQ(viewer.get(url + "0,0,1,1").status, 403);
}

TEST_F(Motion, is_switched_on_per_camera) {
  Person administrator(world->port());
  ASSERT_EQ(administrator.log_in("administrator").status, 200);
  EXPECT_FALSE(json_of(administrator.get("/api/v1/cameras/cam01")).at("motion").at("enabled").as_bool());
  EXPECT_EQ(administrator.ask("PATCH", "/api/v1/cameras/cam01", R"({"motion":{"enabled":true}})").status, 200);
  EXPECT_TRUE(json_of(administrator.get("/api/v1/cameras/cam01")).at("motion").at("enabled").as_bool());
  EXPECT_EQ(administrator.ask("PATCH", "/api/v1/cameras/cam01", R"({"motion":{"enabled":"yes"}})").status, 422);
  EXPECT_EQ(administrator.ask("PATCH", "/api/v1/cameras/cam01", R"({"motion":{"speed":1}})").status, 422);
}

TEST_F(Motion, goes_with_its_footage) {
  ASSERT_TRUE(world->motion.forget("cam02", at("2026-11-24T05:01:00Z")));
  EXPECT_EQ(world->motion.cameras().value(), (std::vector<std::string>{"cam01", "cam02"}));
  ASSERT_TRUE(world->motion.forget("cam02", at("2026-11-24T05:02:00Z")));
  EXPECT_EQ(world->motion.cameras().value(), (std::vector<std::string>{"cam01"}));
}

}  // namespace
}  // namespace ccoc::test
