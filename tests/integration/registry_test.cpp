// The cameras on a real PostgreSQL.
#include "ccoc/registry/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/manual_clock.h"
#include "support/postgres.h"

namespace ccoc::registry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

struct RegistryTest : testing::Test {
  test::TemporaryFolder folder;
  test::ManualClock clock;
  std::unique_ptr<db::Database> database = test::fresh_database();
  const Rules rules{.site = Bounds{18.6, 19.0, 98.8, 99.2}, .allow_loopback = false};
  CameraRegistry cameras{*database, clock, secrets(), rules};
  std::vector<CameraChange> heard;

  RegistryTest() {
    EXPECT_TRUE(cameras.load());
    cameras.on_change([this](const CameraChange& change) { heard.push_back(change); });
  }
  SecretBox secrets() const { return *SecretBox::open(folder.path() / "secret.key"); }

  static CameraPatch patch(const std::string& id) {
    CameraPatch out;
    out.id = id;
    out.name_th = "กล้อง " + id;
    out.name_en = "Camera " + id;
    out.zone = "risk";
    out.lat = 18.79543;
    out.lon = 98.98659;
    out.streams = {{"main", "rtsp://admin:canary@10.1.2.3/" + id, {}, {}}, {"sub", "rtsp://10.1.2.3/sub", "admin", "canary"}};
    return out;
  }
  std::int64_t stored() const { return (*database->query("select count(*) from cameras"))[0].i64(0); }
};

std::string row(const std::string& id, const std::string& rest = "Gate,18.79543,98.98659,rtsp://10.1.2.3/a") {
  return id + "," + rest + "\n";
}
const std::string header = "id,name_en,lat,lon,main_url\n";

TEST_F(RegistryTest, keeps_a_camera_as_it_was_given) {
  const auto created = cameras.create(patch("cam01"));
  ASSERT_TRUE(created) << created.error().error.message;
  CameraRegistry reopened(*database, clock, secrets(), rules);
  ASSERT_TRUE(reopened.load());
  const auto camera = reopened.get("cam01");
  ASSERT_TRUE(camera);
  EXPECT_EQ(camera->name, (Name{"กล้อง cam01", "Camera cam01"}));
  EXPECT_EQ(camera->zone, "risk");
  EXPECT_EQ(camera->location, created->location);
  EXPECT_EQ(camera->streams, created->streams);
  EXPECT_EQ(camera->recording, (Recording{RecordingMode::continuous, 30}));
  EXPECT_EQ(camera->created_at, clock.utc_now());
  EXPECT_EQ(camera->version, created->version);
  EXPECT_THAT(*reopened.sources("cam01"), ElementsAre(StreamSource{"cam01", "main", "rtsp://10.1.2.3/cam01", "admin", "canary"},
                                                      StreamSource{"cam01", "sub", "rtsp://10.1.2.3/sub", "admin", "canary"}));
}

TEST_F(RegistryTest, leaves_no_password_readable_in_the_database) {
  ASSERT_TRUE(cameras.create(patch("cam01")));
  const auto rows = database->query("select t::text from camera_streams t union all select t::text from cameras t");
  ASSERT_THAT(rows->rows, SizeIs(3));
  for (const auto& one : *rows) EXPECT_THAT(one.text(0), Not(HasSubstr("canary")));
}

TEST_F(RegistryTest, goes_on_without_passwords_it_cannot_read_anymore) {
  ASSERT_TRUE(cameras.create(patch("cam01")));
  std::filesystem::remove(folder.path() / "secret.key");
  CameraRegistry reopened(*database, clock, secrets(), rules);
  ASSERT_TRUE(reopened.load());
  EXPECT_FALSE(reopened.get("cam01")->streams[0].has_password);
}

TEST_F(RegistryTest, says_no_to_wrong_cameras_and_keeps_nothing_of_them) {
  auto wrong = patch("cam01");
  wrong.owner_kind = "stolen";
  wrong.retention_days = 0;
  const auto refused = cameras.create(wrong);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.code, ErrorCode::invalid_argument);
  EXPECT_THAT(refused.error().fields, SizeIs(2));
  EXPECT_EQ(stored(), 0);
  EXPECT_THAT(heard, IsEmpty());
}

TEST_F(RegistryTest, takes_an_id_once) {
  ASSERT_TRUE(cameras.create(patch("cam01")));
  const auto twice = cameras.create(patch("cam01"));
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().error.code, ErrorCode::conflict);
  EXPECT_EQ(twice.error().error.field, "id");
  CameraRegistry other(*database, clock, secrets(), rules);
  ASSERT_TRUE(other.load());
  ASSERT_TRUE(other.create(patch("cam03")));
  EXPECT_EQ(cameras.create(patch("cam03")).error().error.code, ErrorCode::conflict) << "also when another program took it";
}

TEST_F(RegistryTest, makes_an_id_of_the_name_when_none_is_given) {
  auto nameless = patch("x");
  nameless.id.reset();
  nameless.name_en = "Night market (example)";
  EXPECT_EQ(cameras.create(nameless)->id, "night-market-example");
  EXPECT_EQ(cameras.create(nameless)->id, "night-market-example-2");
  nameless.name_en = "";
  EXPECT_EQ(cameras.create(nameless)->id, "camera");
}

TEST_F(RegistryTest, changes_what_is_asked_and_tells_which_fields_those_were) {
  ASSERT_TRUE(cameras.create(patch("cam01")));
  heard.clear();
  clock.advance(std::chrono::seconds(5));
  CameraPatch change;
  change.zone = "economic";
  change.lat = 18.8;
  const auto changed = cameras.update("cam01", change);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->updated_at, clock.utc_now());
  ASSERT_THAT(heard, SizeIs(1));
  EXPECT_EQ(heard[0].kind, CameraChange::Kind::changed);
  EXPECT_THAT(heard[0].fields, ElementsAre("zone", "location.lat"));
  EXPECT_EQ(cameras.sources("cam01")->at(0).password, "canary") << "the password stays";

  ASSERT_TRUE(cameras.update("cam01", change));
  EXPECT_THAT(heard, SizeIs(1)) << "what changes nothing is no change";
  EXPECT_EQ(cameras.update("nowhere", change).error().error.code, ErrorCode::not_found);
  CameraPatch renamed;
  renamed.id = "cam09";
  EXPECT_EQ(cameras.update("cam01", renamed).error().error.field, "id");
}

TEST_F(RegistryTest, forgets_a_removed_camera) {
  ASSERT_TRUE(cameras.create(patch("cam01")));
  ASSERT_TRUE(cameras.remove("cam01"));
  EXPECT_EQ(heard.back().kind, CameraChange::Kind::removed);
  EXPECT_EQ(heard.back().camera.id, "cam01");
  EXPECT_EQ(cameras.get("cam01").error().code, ErrorCode::not_found);
  EXPECT_EQ(cameras.remove("cam01").error().code, ErrorCode::not_found);
  EXPECT_EQ((*database->query("select count(*) from camera_streams"))[0].i64(0), 0);
}

TEST_F(RegistryTest, lists_page_by_page_and_by_filter) {
  for (const char* id : {"cam03", "cam01", "cam02"}) ASSERT_TRUE(cameras.create(patch(id)));
  CameraFilter filter;
  filter.limit = 2;
  const auto first = cameras.list(filter);
  ASSERT_THAT(first->items, SizeIs(2));
  EXPECT_EQ(first->items[0].id, "cam01");
  filter.cursor = first->next;
  const auto second = cameras.list(filter);
  ASSERT_THAT(second->items, SizeIs(1));
  EXPECT_EQ(second->items[0].id, "cam03");
  EXPECT_EQ(second->next, "");

  CameraFilter by_text;
  by_text.text = "CAMERA CAM02";
  EXPECT_THAT(cameras.list(by_text)->items, SizeIs(1));
  by_text.text = "กล้อง";
  EXPECT_THAT(cameras.list(by_text)->items, SizeIs(3));
  CameraFilter by_zone;
  by_zone.zone = "landmark";
  EXPECT_THAT(cameras.list(by_zone)->items, IsEmpty());
  CameraFilter greedy;
  greedy.limit = 501;
  EXPECT_EQ(cameras.list(greedy).error().field, "limit");
}

TEST_F(RegistryTest, answers_from_memory_while_the_database_is_away) {
  const test::TemporaryFolder other;
  auto server = db::PrivateServer::start(other.path());
  ASSERT_TRUE(server) << server.error().message;
  db::Database own(db::DatabaseOptions{.url = (*server)->url()});
  ASSERT_TRUE(db::migrate(own));
  CameraRegistry here(own, clock, secrets(), rules);
  EXPECT_EQ(here.get("cam01").error().code, ErrorCode::unavailable) << "not loaded yet";
  ASSERT_TRUE(here.load());
  ASSERT_TRUE(here.create(patch("cam01")));
  (*server)->stop();
  EXPECT_TRUE(here.get("cam01"));
  EXPECT_THAT(*here.sources("cam01"), SizeIs(2));
  EXPECT_EQ(here.create(patch("cam02")).error().error.code, ErrorCode::unavailable);
  EXPECT_EQ(here.get("cam02").error().code, ErrorCode::not_found) << "nothing is half done";
  EXPECT_FALSE(here.refresh());
  EXPECT_TRUE(here.get("cam01"));
}

TEST_F(RegistryTest, notices_what_another_program_did) {
  ASSERT_TRUE(cameras.create(patch("cam01")));
  ASSERT_TRUE(cameras.create(patch("cam02")));
  CameraRegistry other(*database, clock, secrets(), rules);
  ASSERT_TRUE(other.load());
  heard.clear();
  ASSERT_TRUE(cameras.refresh());
  EXPECT_THAT(heard, IsEmpty());

  CameraPatch change;
  change.notes = "seen";
  ASSERT_TRUE(other.update("cam01", change));
  ASSERT_TRUE(other.remove("cam02"));
  ASSERT_TRUE(other.create(patch("cam03")));
  ASSERT_TRUE(cameras.refresh());
  std::vector<std::string> told;
  for (const auto& one : heard) told.push_back(one.camera.id + (one.fields.empty() ? "" : " " + one.fields[0]));
  EXPECT_THAT(told, testing::UnorderedElementsAre("cam01 notes", "cam02", "cam03"));
  EXPECT_EQ(cameras.get("cam01")->notes, "seen");
}

TEST_F(RegistryTest, imports_right_rows_and_reports_the_others) {
  ASSERT_TRUE(cameras.import_csv(header + row("cam01") + row("cam02"), false));
  const auto report = cameras.import_csv(header + row("cam01") + row("cam02", "Gate 2,18.79543,98.98659,rtsp://10.1.2.3/a") + row("cam03") +
                                             row("cam04", "Gate,98.98659,18.79543,ftp://10.1.2.3/a"),
                                         false);
  ASSERT_TRUE(report) << report.error().error.message;
  EXPECT_EQ(report->created, 1);
  EXPECT_EQ(report->changed, 1);
  EXPECT_EQ(report->unchanged, 1);
  EXPECT_EQ(report->rejected, 1);
  ASSERT_THAT(report->rows, SizeIs(4));
  EXPECT_EQ(report->rows[1].result, RowResult::changed);
  EXPECT_THAT(report->rows[1].fields, ElementsAre("name.en"));
  EXPECT_EQ(report->rows[3].line, 5);
  std::string reasons;
  for (const auto& error : report->rows[3].errors) reasons += error.message + "; ";
  EXPECT_THAT(reasons, HasSubstr("swapped"));
  EXPECT_THAT(reasons, HasSubstr("not with ftp:"));
  EXPECT_EQ(stored(), 3);
  EXPECT_FALSE(cameras.get("cam04"));
}

TEST_F(RegistryTest, imports_nothing_in_a_dry_run_but_says_the_same) {
  const auto csv = header + row("cam01") + row("cam02", "Gate,18.79543,98.98659,rtsp://localhost/a");
  const auto dry = cameras.import_csv(csv, true);
  ASSERT_TRUE(dry);
  EXPECT_TRUE(dry->dry_run);
  EXPECT_EQ(dry->created, 1);
  EXPECT_EQ(dry->rejected, 1);
  EXPECT_EQ(stored(), 0);
  EXPECT_THAT(heard, IsEmpty());
  const auto wet = cameras.import_csv(csv, false);
  EXPECT_EQ(wet->created, 1);
  EXPECT_EQ(stored(), 1);
  EXPECT_THAT(heard, SizeIs(1));
}

TEST_F(RegistryTest, imports_nothing_of_a_file_it_cannot_read) {
  const auto refused = cameras.import_csv("id,lat\ncam01,18.79\n", false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.code, ErrorCode::invalid_argument);
  EXPECT_EQ(stored(), 0);
}

TEST_F(RegistryTest, takes_hostile_names_as_text) {
  auto hostile = patch("cam01");
  hostile.name_en = "'); drop table cameras; -- <script>alert(1)</script>";
  ASSERT_TRUE(cameras.create(hostile));
  ASSERT_TRUE(cameras.load());
  EXPECT_EQ(cameras.get("cam01")->name.en, *hostile.name_en);
}

}  // namespace
}  // namespace ccoc::registry
