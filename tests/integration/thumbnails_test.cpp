// Thumbnails over real sockets, a real database and real files; the decoder is a stand-in that counts.
#include <gtest/gtest.h>

#include "support/api_world.h"

namespace ccoc::test {
namespace {

class ThumbnailRoute : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    world = new ApiWorld;
    world->add_camera("cam01");
    world->record("cam01", at("2026-11-24T05:00:00Z"), seconds{60});
    world->record("cam01", at("2026-11-24T05:02:03Z"), seconds{30});
    investigator = new Person(world->port());
    ASSERT_EQ(investigator->log_in("investigator").status, 200);
  }
  static void TearDownTestSuite() {
    delete investigator;
    delete world;
  }
  static std::string url(const std::string& time, const std::string& more = "") {
    return "/api/v1/cameras/cam01/thumbnail.jpg?at=2026-11-24T" + time + "Z" + more;
  }
  static ApiWorld* world;
  static Person* investigator;
};
ApiWorld* ThumbnailRoute::world = nullptr;
Person* ThumbnailRoute::investigator = nullptr;

TEST_F(ThumbnailRoute, is_one_picture_for_ten_seconds_and_is_decoded_once) {
  const int before = world->thumbnails_made;
  const auto first = investigator->get(url("05:00:21"));
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(first.header("Content-Type"), "image/jpeg");
  EXPECT_EQ(first.header("X-Capture-Time"), "2026-11-24T05:00:20.000Z");
  const auto second = investigator->get(url("05:00:29.900"));
  EXPECT_EQ(second.header("ETag"), first.header("ETag"));
  EXPECT_EQ(second.body, first.body);
  EXPECT_NE(investigator->get(url("05:00:30")).header("ETag"), first.header("ETag"));
  EXPECT_EQ(world->thumbnails_made, before + 2);
}

TEST_F(ThumbnailRoute, is_not_sent_again_to_who_has_it) {
  const auto first = investigator->get(url("05:00:41"));
  EXPECT_EQ(first.header("Cache-Control"), "private, max-age=3600");
  const int before = world->thumbnails_made;
  const auto again = investigator->ask("GET", url("05:00:42"), {}, {{"If-None-Match", first.header("ETag")}});
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.header("ETag"), first.header("ETag"));
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(world->thumbnails_made, before);
}

TEST_F(ThumbnailRoute, comes_in_three_widths) {
  const auto width = [&](const char* wanted) { return int{investigator->get(url("05:00:11", wanted)).body[2]} * 160; };
  EXPECT_EQ(width("&width=16"), 160);
  EXPECT_EQ(width("&width=160"), 160);
  EXPECT_EQ(width("&width=161"), 320);
  EXPECT_EQ(width(""), 320);
  EXPECT_EQ(width("&width=640"), 640);
  EXPECT_EQ(investigator->get(url("05:00:11", "&width=641")).status, 422);
}

TEST_F(ThumbnailRoute, is_404_in_a_gap_and_begins_where_footage_does) {
  const auto gap = investigator->get(url("05:01:30"));
  EXPECT_EQ(gap.status, 404);
  EXPECT_EQ(gap.header("Cache-Control"), "no-store");
  EXPECT_EQ(investigator->get(url("05:01:02")).status, 404) << "in the slot of a picture, but behind the footage";
  EXPECT_EQ(investigator->get(url("05:02:02")).status, 404) << "in the slot of a picture, but before the footage";
  EXPECT_EQ(investigator->get(url("05:02:04")).header("X-Capture-Time"), "2026-11-24T05:02:04.000Z");
  EXPECT_EQ(investigator->get(url("05:00:05", "&stream=sub")).status, 404);
  EXPECT_EQ(investigator->get("/api/v1/cameras/other/thumbnail.jpg?at=2026-11-24T05:00:05Z").status, 404);
  EXPECT_EQ(investigator->get("/api/v1/cameras/cam01/thumbnail.jpg").status, 422);
}

TEST_F(ThumbnailRoute, needs_the_right_to_play_back) {
  Person viewer(world->port());
  ASSERT_EQ(viewer.log_in("viewer").status, 200);
  EXPECT_EQ(viewer.get(url("05:00:11")).status, 403);
  EXPECT_EQ(Person(world->port()).get(url("05:00:11")).status, 401);
  const auto made = investigator->ask("POST", "/api/v1/tokens", R"({"camera":"cam01"})");
  ASSERT_EQ(made.status, 201) << made.body;
  const auto token = "&token=" + std::string(json_of(made).at("token").as_string());
  EXPECT_EQ(Peer(world->port()).ask("GET", url("05:00:11") + token).status, 403) << "a token for live is none for the past";
}

}  // namespace
}  // namespace ccoc::test
