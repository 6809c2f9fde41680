#include "ccoc/registry/camera_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace ccoc::registry {
namespace {

using testing::UnorderedElementsAre;

std::vector<std::string> wrong_fields(std::string_view text) {
  const auto patch = camera_patch_from_json(boost::json::parse(text));
  std::vector<std::string> out;
  if (!patch) {
    for (const auto& error : patch.error()) out.push_back(error.field);
  }
  return out;
}

TEST(CameraJson, reads_what_the_contract_writes) {
  const auto patch = camera_patch_from_json(boost::json::parse(R"({
    "id":"cam01","name":{"th":"ประตู","en":"Gate"},"owner":{"kind":"private","name":"Shop"},"zone":"risk","community":"pa-pao",
    "location":{"lat":18.79,"lon":98.98,"heading_deg":90,"fov_deg":null,"range_m":50},
    "streams":[{"role":"main","url":"rtsp://10.1.2.3/a","username":"u","password":"p"},{"role":"sub","url":"rtsp://10.1.2.3/b"}],
    "recording":{"mode":"continuous","retention_days":15,"min_days":7,"copies":2},"enabled":false,"approximate":true,"notes":"n"})"));
  ASSERT_TRUE(patch) << patch.error()[0].field << ": " << patch.error()[0].message;
  EXPECT_EQ(patch->id, "cam01");
  EXPECT_EQ(patch->name_th, "ประตู");
  EXPECT_EQ(patch->owner_kind, "private");
  EXPECT_EQ(patch->lat, 18.79);
  EXPECT_EQ(patch->heading_deg, std::optional<double>(90));
  ASSERT_TRUE(patch->fov_deg);
  EXPECT_EQ(*patch->fov_deg, std::nullopt);
  ASSERT_EQ(patch->streams->size(), 2u);
  EXPECT_EQ(patch->streams->at(0).password, "p");
  EXPECT_EQ(patch->streams->at(1).password, std::nullopt);
  EXPECT_EQ(patch->retention_days, 15);
  EXPECT_EQ(patch->min_days, 7);
  EXPECT_EQ(patch->copies, 2);
  EXPECT_EQ(patch->enabled, false);
}

TEST(CameraJson, names_every_field_of_a_wrong_type_or_unknown_name) {
  EXPECT_THAT(
      wrong_fields(R"({"zone":5,"enabled":"yes","colour":"red","location":{"lat":"18","alt":3},"streams":[{"role":1,"codec":"h264"}],
                               "recording":{"retention_days":1.5}})"),
      UnorderedElementsAre("zone", "enabled", "colour", "location.lat", "location.alt", "streams[0].role", "streams[0].codec",
                           "recording.retention_days"));
  EXPECT_FALSE(camera_patch_from_json(boost::json::parse("[]")));
  EXPECT_FALSE(camera_patch_from_json(boost::json::parse("null")));
}

TEST(CameraJson, never_writes_a_password) {
  Camera camera;
  camera.id = "cam01";
  camera.streams = {{"main", "rtsp://10.1.2.3/a", "admin", true}};
  const auto object = to_json(camera);
  const auto& stream = object.at("streams").as_array().at(0).as_object();
  EXPECT_EQ(stream.at("has_password"), true);
  EXPECT_EQ(stream.at("username"), "admin");
  EXPECT_FALSE(stream.contains("password"));
}

TEST(CameraJson, takes_back_what_it_wrote) {
  Camera camera;
  camera.id = "cam01";
  camera.name = {"ประตู", "Gate"};
  camera.location = Location{18.79, 98.98, 90.0, std::nullopt, 50.0};
  camera.streams = {{"main", "rtsp://10.1.2.3/a", "", false}};
  const auto patch = camera_patch_from_json(boost::json::value(to_json(camera)));
  ASSERT_TRUE(patch) << patch.error()[0].field << ": " << patch.error()[0].message;
  EXPECT_EQ(patch->lat, 18.79);
}

}  // namespace
}  // namespace ccoc::registry
