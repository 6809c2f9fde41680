// Zones, communities and places, and the demonstration data in config/demo.
#include "ccoc/registry/geography.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "ccoc/registry/registry.h"
#include "support/manual_clock.h"
#include "support/postgres.h"

namespace ccoc::registry {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const fs::path demo = fs::path(CCOC_SOURCE_DIR) / "config" / "demo";
constexpr std::string_view one_zone =
    R"({"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"risk","name":{"th":"เสี่ยง","en":"Risk"}},)"
    R"("geometry":{"type":"Polygon","coordinates":[[[98.98,18.79],[98.99,18.79],[98.99,18.8],[98.98,18.79]]]}}]})";

struct GeographyTest : testing::Test {
  std::unique_ptr<db::Database> database = test::fresh_database();
  Geography geography{*database};
};

std::string contents(const fs::path& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

TEST_F(GeographyTest, is_an_empty_collection_before_anything_is_loaded) {
  ASSERT_TRUE(geography.load());
  EXPECT_TRUE(geography.empty());
  EXPECT_EQ(geography.geojson(Layer::zones), R"({"type":"FeatureCollection","features":[]})");
}

TEST_F(GeographyTest, gives_back_what_was_loaded_also_in_the_next_run) {
  ASSERT_TRUE(geography.replace(Layer::zones, one_zone));
  Geography reopened(*database);
  ASSERT_TRUE(reopened.load());
  EXPECT_THAT(reopened.ids(Layer::zones), ElementsAre("risk"));
  const auto feature = json::parse(reopened.geojson(Layer::zones)).as_object().at("features").as_array().at(0).as_object();
  EXPECT_EQ(feature.at("properties").as_object().at("name").as_object().at("th"), "เสี่ยง");
  ASSERT_TRUE(geography.replace(Layer::zones, one_zone)) << "loading again replaces";
  EXPECT_THAT(geography.ids(Layer::zones), ElementsAre("risk"));
}

TEST_F(GeographyTest, refuses_what_is_no_geojson_and_keeps_what_it_had) {
  ASSERT_TRUE(geography.replace(Layer::zones, one_zone));
  const std::string latitude_first =
      R"({"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"a"},"geometry":{"type":"Point","coordinates":[18.79,98.98]}}]})";
  const std::string no_id =
      R"({"type":"FeatureCollection","features":[{"type":"Feature","properties":{},"geometry":{"type":"Point","coordinates":[98.98,18.79]}}]})";
  const std::string twice =
      R"({"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"a"},"geometry":{"type":"Point","coordinates":[98.98,18.79]}},)"
      R"({"type":"Feature","properties":{"id":"a"},"geometry":{"type":"Point","coordinates":[98.98,18.79]}}]})";
  for (const std::string& bad : {std::string(), std::string("{"), std::string("[]"), std::string(R"({"type":"FeatureCollection"})"),
                                 std::string(R"({"type":"FeatureCollection","features":[5]})"), latitude_first, no_id, twice,
                                 std::string(one_zone.substr(0, 200))}) {
    const auto refused = geography.replace(Layer::zones, bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument) << bad;
  }
  EXPECT_THAT(geography.ids(Layer::zones), ElementsAre("risk"));
}

TEST_F(GeographyTest, takes_nothing_of_a_folder_in_which_one_file_is_wrong) {
  const test::TemporaryFolder folder;
  std::ofstream(folder.path() / "zones.geojson") << one_zone;
  std::ofstream(folder.path() / "places.geojson") << "{}";
  const auto refused = geography.load_folder(folder.path());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("places.geojson"));
  ASSERT_TRUE(geography.load());
  EXPECT_TRUE(geography.empty());
  EXPECT_EQ(geography.load_folder(folder.path() / "nowhere").error().code, ErrorCode::not_found);
}

/// Even-odd rule on the outer ring of a polygon.
bool contains(const json::object& feature, double lon, double lat) {
  const auto& ring = feature.at("geometry").as_object().at("coordinates").as_array().at(0).as_array();
  bool inside = false;
  for (std::size_t i = 0; i + 1 < ring.size(); ++i) {
    const double x1 = ring[i].at(0).to_number<double>(), y1 = ring[i].at(1).to_number<double>();
    const double x2 = ring[i + 1].at(0).to_number<double>(), y2 = ring[i + 1].at(1).to_number<double>();
    if ((y1 > lat) != (y2 > lat) && lon < (x2 - x1) * (lat - y1) / (y2 - y1) + x1) inside = !inside;
  }
  return inside;
}

std::set<std::string> containing(const Geography& geography, Layer layer, const Location& at) {
  std::set<std::string> out;
  const auto root = json::parse(geography.geojson(layer));
  for (const auto& feature : root.as_object().at("features").as_array()) {
    if (contains(feature.as_object(), at.lon, at.lat)) {
      out.insert(std::string(feature.at("properties").at("id").as_string()));
    }
  }
  return out;
}

TEST_F(GeographyTest, of_the_demonstration_has_three_zones_six_communities_and_sixty_cameras_where_they_say_they_are) {
  ASSERT_TRUE(geography.load_folder(demo));
  EXPECT_EQ(geography.ids(Layer::zones).size(), 3u);
  EXPECT_EQ(geography.ids(Layer::communities).size(), 6u);

  const test::TemporaryFolder folder;
  const test::ManualClock clock;
  const Rules rules{.site = Bounds{18.7953, 18.8136, 98.982, 98.99006}, .allow_loopback = true};
  CameraRegistry cameras(*database, clock, *SecretBox::open(folder.path() / "secret.key"), rules);
  ASSERT_TRUE(cameras.load());
  const auto report = cameras.import_csv(contents(demo / "cameras.csv"), false);
  ASSERT_TRUE(report) << report.error().error.message;
  EXPECT_EQ(report->created, 60);
  EXPECT_EQ(report->rejected, 0);

  std::set<std::string> zones, communities;
  int private_ones = 0;
  const auto all = cameras.all();
  for (const auto& camera : *all) {
    ASSERT_TRUE(camera.location) << camera.id;
    EXPECT_THAT(containing(geography, Layer::zones, *camera.location), ElementsAre(camera.zone)) << camera.id;
    EXPECT_THAT(containing(geography, Layer::communities, *camera.location), ElementsAre(camera.community)) << camera.id;
    EXPECT_THAT(camera.name.th, HasSubstr("ตัวอย่าง"));
    EXPECT_THAT(camera.name.en, HasSubstr("example"));
    EXPECT_EQ(camera.streams.size(), 2u);
    zones.insert(camera.zone);
    communities.insert(camera.community);
    private_ones += camera.owner.kind == OwnerKind::private_ ? 1 : 0;
  }
  EXPECT_EQ(zones.size(), 3u);
  EXPECT_EQ(communities.size(), 6u);
  EXPECT_EQ(private_ones, 30);
}

}  // namespace
}  // namespace ccoc::registry
