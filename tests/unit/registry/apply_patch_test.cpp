#include "../../../src/registry/apply_patch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace ccoc::registry {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const Rules chiang_mai{.site = Bounds{18.6, 19.0, 98.8, 99.2}, .allow_loopback = false};

CameraPatch smallest() {
  CameraPatch out;
  out.id = "cam01";
  out.name_en = "Gate (example)";
  out.streams = {{"main", "rtsp://10.1.2.3/main", {}, {}}};
  return out;
}

StoredCamera made(const CameraPatch& patch) {
  std::vector<FieldError> errors;
  auto out = apply_patch({}, patch, chiang_mai, errors);
  EXPECT_THAT(errors, IsEmpty());
  return out;
}

std::vector<std::string> wrong_fields(const CameraPatch& patch, const StoredCamera& before = {}) {
  std::vector<FieldError> errors;
  (void)apply_patch(before, patch, chiang_mai, errors);
  std::vector<std::string> out;
  for (const auto& error : errors) out.push_back(error.field);
  return out;
}

std::string message(const CameraPatch& patch) {
  std::vector<FieldError> errors;
  (void)apply_patch({}, patch, chiang_mai, errors);
  return errors.empty() ? "good" : errors[0].message;
}

TEST(ApplyPatch, makes_a_camera_of_very_little) {
  const auto camera = made(smallest()).camera;
  EXPECT_EQ(camera.id, "cam01");
  EXPECT_EQ(camera.owner.kind, OwnerKind::public_);
  EXPECT_EQ(camera.location, std::nullopt);
  EXPECT_EQ(camera.recording, (Recording{RecordingMode::continuous, 30}));
  EXPECT_TRUE(camera.enabled);
}

TEST(ApplyPatch, finds_all_wrong_fields_at_once) {
  CameraPatch patch;
  patch.id = "Cam 01";
  patch.owner_kind = "stolen";
  patch.zone = "A zone!";
  patch.lat = 98.98;
  patch.lon = std::nan("");
  patch.fov_deg = 400.0;
  patch.streams = {{"main", "gopher://10.1.2.3/", {}, {}}, {"third", "rtsp://10.1.2.3/", {}, {}}};
  patch.recording_mode = "sometimes";
  patch.retention_days = 0;
  EXPECT_THAT(wrong_fields(patch), UnorderedElementsAre("id", "name", "owner.kind", "zone", "location.lat", "location.fov_deg",
                                                        "streams[0].url", "streams[1].role", "recording.mode", "recording.retention_days"));
}

TEST(ApplyPatch, needs_exactly_one_main_stream) {
  auto patch = smallest();
  patch.streams->clear();
  EXPECT_THAT(wrong_fields(patch), ElementsAre("streams"));
  patch.streams = {{"sub", "rtsp://10.1.2.3/sub", {}, {}}};
  EXPECT_THAT(wrong_fields(patch), ElementsAre("streams"));
  patch.streams = {{"main", "rtsp://10.1.2.3/a", {}, {}}, {"main", "rtsp://10.1.2.3/b", {}, {}}};
  EXPECT_THAT(wrong_fields(patch), ElementsAre("streams[1].role"));
}

TEST(ApplyPatch, says_when_coordinates_are_swapped_or_far_away) {
  auto patch = smallest();
  patch.lat = 98.98659;
  patch.lon = 18.79543;
  EXPECT_THAT(message(patch), testing::HasSubstr("swapped"));
  patch.lat = 13.75;
  patch.lon = 100.5;
  EXPECT_THAT(message(patch), testing::HasSubstr("outside the configured site"));
  patch.lat = 18.79543;
  patch.lon = 98.98659;
  EXPECT_EQ(message(patch), "good");
}

TEST(ApplyPatch, takes_latitude_and_longitude_together_only) {
  auto patch = smallest();
  patch.lat = 18.79;
  EXPECT_THAT(wrong_fields(patch), ElementsAre("location.lon"));
}

TEST(ApplyPatch, turns_a_heading_of_360_into_north) {
  auto patch = smallest();
  patch.lat = 18.79;
  patch.lon = 98.98;
  patch.heading_deg = 360.0;
  EXPECT_EQ(made(patch).camera.location->heading_deg, 0.0);
}

TEST(ApplyPatch, keeps_what_a_change_does_not_mention) {
  auto patch = smallest();
  patch.lat = 18.79;
  patch.lon = 98.98;
  patch.notes = "by the gate";
  const auto before = made(patch);
  CameraPatch change;
  change.zone = "risk";
  std::vector<FieldError> errors;
  const auto after = apply_patch(before, change, chiang_mai, errors);
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_THAT(changed_fields(before, after), ElementsAre("zone"));
  EXPECT_EQ(after.camera.notes, "by the gate");
}

TEST(ApplyPatch, takes_a_password_out_of_the_url) {
  auto patch = smallest();
  patch.streams = {{"main", "rtsp://admin:canary@10.1.2.3/main", {}, {}}};
  const auto stored = made(patch);
  EXPECT_EQ(stored.camera.streams[0], (Stream{"main", "rtsp://10.1.2.3/main", "admin", true}));
  EXPECT_EQ(stored.passwords.at("main"), "canary");
}

TEST(ApplyPatch, takes_the_credentials_of_the_url_where_the_fields_are_empty) {
  auto patch = smallest();
  patch.streams = {{"main", "rtsp://admin:canary@10.1.2.3/main", std::string(), std::string()}};
  const auto stored = made(patch);
  EXPECT_EQ(stored.camera.streams[0].username, "admin");
  EXPECT_EQ(stored.passwords.at("main"), "canary");
}

TEST(ApplyPatch, keeps_a_password_for_the_same_host_and_user_and_sends_it_nowhere_else) {
  auto patch = smallest();
  patch.streams = {{"main", "rtsp://admin:canary@10.1.2.3/main", {}, {}}};
  const auto before = made(patch);
  const auto after = [&](const StreamInput& stream) {
    CameraPatch change;
    change.streams = {stream};
    std::vector<FieldError> errors;
    auto out = apply_patch(before, change, chiang_mai, errors);
    EXPECT_THAT(errors, IsEmpty());
    return out;
  };
  EXPECT_EQ(after({"main", "rtsp://10.1.2.3/other", {}, {}}).passwords.at("main"), "canary");
  EXPECT_THAT(after({"main", "rtsp://10.9.9.9/main", {}, {}}).passwords, IsEmpty());
  EXPECT_THAT(after({"main", "rtsp://10.1.2.3/main", "mallory", {}}).passwords, IsEmpty());
  EXPECT_THAT(after({"main", "rtsp://10.1.2.3/main", {}, ""}).passwords, IsEmpty()) << "an empty one takes it away";
  EXPECT_EQ(after({"main", "rtsp://10.1.2.3/main", {}, "fresh"}).passwords.at("main"), "fresh");
}

TEST(ApplyPatch, refuses_control_characters_and_endless_texts) {
  auto patch = smallest();
  patch.name_en = "two\nlines";
  EXPECT_THAT(wrong_fields(patch), testing::Contains("name.en"));
  patch = smallest();
  patch.notes = std::string(2001, 'x');
  EXPECT_THAT(wrong_fields(patch), ElementsAre("notes"));
  patch.notes = std::string("two\nlines");
  EXPECT_THAT(wrong_fields(patch), IsEmpty()) << "notes may have lines";
}

TEST(Slug, is_made_of_what_a_name_offers) {
  EXPECT_EQ(slug_of("Night market 1 (example)"), "night-market-1-example");
  EXPECT_EQ(slug_of("ประตูช้างเผือก"), "");
  EXPECT_TRUE(is_camera_id(slug_of(std::string(300, 'a'))));
  for (const char* bad : {"", "Cam", "a b", "a/../b", "ช้าง", "a_b"}) EXPECT_FALSE(is_camera_id(bad)) << bad;
}

}  // namespace
}  // namespace ccoc::registry
