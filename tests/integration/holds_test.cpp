// Holds over a real PostgreSQL: the API places and releases them, retention keeps to them.
#include "ccoc/archive/holds.h"

#include <gmock/gmock.h>

#include "support/api_world.h"

namespace ccoc {
namespace {

using namespace ccoc::test;
using archive::Hold;

class HoldsApi : public testing::Test {
 protected:
  void SetUp() override {
    world = std::make_unique<ApiWorld>();
    world->add_camera("cam01");
  }
  Person person(const char* role) {
    Person out(world->port());
    EXPECT_EQ(out.log_in(role).status, 200) << role;
    return out;
  }

  std::unique_ptr<ApiWorld> world;
};

TEST_F(HoldsApi, are_placed_listed_and_released_by_who_may_export) {
  const auto investigator = person("investigator");
  const std::string wish = R"({"camera":"cam01","from":"2026-11-24T05:00:00Z","to":"2026-11-24T06:00:00.5Z","reason":"คดี 12/2569"})";
  const auto placed = investigator.ask("POST", "/api/v1/holds", wish);
  ASSERT_EQ(placed.status, 201) << placed.body;
  const auto hold = json_of(placed).as_object();
  EXPECT_EQ(hold.at("reason").as_string(), "คดี 12/2569");
  EXPECT_EQ(hold.at("created_by").as_string(), "investigator");
  EXPECT_EQ(hold.at("to").as_string(), "2026-11-24T06:00:00.500Z");
  const auto id = std::string(hold.at("id").as_string());
  EXPECT_EQ(person("viewer").ask("POST", "/api/v1/holds", wish).status, 403);
  EXPECT_EQ(json_of(investigator.ask("GET", "/api/v1/holds?camera=cam01")).at("items").as_array().size(), 1u);
  EXPECT_EQ(json_of(investigator.ask("GET", "/api/v1/holds?camera=cam02")).at("items").as_array().size(), 0u);
  const auto released = investigator.ask("DELETE", "/api/v1/holds/" + id);
  ASSERT_EQ(released.status, 200) << released.body;
  EXPECT_EQ(json_of(released).at("released_by").as_string(), "investigator");
  EXPECT_EQ(investigator.ask("DELETE", "/api/v1/holds/" + id).status, 409);
  EXPECT_EQ(investigator.ask("DELETE", "/api/v1/holds/999").status, 404);
  EXPECT_EQ(investigator.ask("DELETE", "/api/v1/holds/x").status, 404);
  EXPECT_EQ(json_of(investigator.ask("GET", "/api/v1/holds")).at("items").as_array().size(), 0u);
  EXPECT_EQ(json_of(investigator.ask("GET", "/api/v1/holds?released=true")).at("items").as_array().size(), 1u);
}

TEST_F(HoldsApi, that_make_no_sense_are_refused_with_the_field) {
  const auto investigator = person("investigator");
  for (const auto& [body, field] : std::vector<std::pair<std::string, std::string>>{
           {R"({"camera":"cam01","from":"2026-11-24T06:00:00Z","to":"2026-11-24T05:00:00Z","reason":"x"})", "to"},
           {R"({"camera":"../etc","from":"2026-11-24T05:00:00Z","to":"2026-11-24T06:00:00Z","reason":"x"})", "camera"},
           {R"({"camera":"cam01","from":"2026-11-24T05:00:00Z","to":"2026-11-24T06:00:00Z","reason":""})", "reason"},
           {R"({"camera":"cam01","from":"yesterday","to":"2026-11-24T06:00:00Z","reason":"x"})", "from"}}) {
    const auto refused = investigator.ask("POST", "/api/v1/holds", body);
    EXPECT_EQ(refused.status, 422) << body;
    EXPECT_NE(refused.body.find("\"" + field + "\""), std::string::npos) << refused.body;
  }
}

TEST_F(HoldsApi, keep_footage_from_retention_to_the_second) {
  const auto start = parse_rfc3339("2026-10-01T05:00:00Z").value();
  world->record("cam01", start, minutes{4});
  ASSERT_TRUE(becomes([&] { return world->archive->index_status().backlog_rows == 0 && world->archive->index_status().reachable; }));
  archive::Holds holds(*world->database);
  const auto hold = holds.place("cam01", start + seconds{90}, start + seconds{91}, "case", "admin", start).value();
  archive::RetentionPolicy policy;
  policy.days_of = [](const std::string&) { return 1u; };
  EXPECT_EQ(world->archive->enforce_retention(policy).value().files_removed, 3u);
  const auto left = world->archive->catalog().find({"cam01", "main"}, start, start + hours{1}).value();
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].start, start + seconds{60});
  ASSERT_TRUE(holds.release(hold.id, "admin", start));
  EXPECT_EQ(world->archive->enforce_retention(policy).value().files_removed, 1u);
}

}  // namespace
}  // namespace ccoc
