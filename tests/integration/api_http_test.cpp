// Cameras, footage, files and bad input over real sockets and a real database.
#include <gtest/gtest.h>

#include "support/api_world.h"

namespace ccoc::test {
namespace {

class ApiHttp : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    world = new ApiWorld;
    world->add_camera("cam01");
    world->record("cam01", at("2026-11-24T05:00:00Z"), seconds{30});
    administrator = new Person(world->port());
    ASSERT_EQ(administrator->log_in("administrator").status, 200);
  }
  static void TearDownTestSuite() {
    delete administrator;
    delete world;
  }
  static ApiWorld* world;
  static Person* administrator;
};
ApiWorld* ApiHttp::world = nullptr;
Person* ApiHttp::administrator = nullptr;

std::vector<std::string> wrong_fields(const Answer& answer) {
  std::vector<std::string> out;
  const auto value = json_of(answer);
  if (const auto* errors = value.as_object().if_contains("errors")) {
    for (const auto& error : errors->as_array()) out.emplace_back(error.at("field").as_string());
  }
  return out;
}

TEST_F(ApiHttp, a_camera_is_registered_changed_and_taken_out) {
  const auto made = administrator->ask("POST", "/api/v1/cameras", R"({"id":"gate","name":{"th":"ประตู","en":"Gate"},
      "location":{"lat":18.79543,"lon":98.98659},"streams":[{"role":"main","url":"rtsp://root:canary%40@192.0.2.1/a"}]})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.header("Location"), "/api/v1/cameras/gate");
  EXPECT_EQ(made.body.find("canary"), std::string::npos);
  const auto camera = json_of(administrator->get("/api/v1/cameras/gate"));
  EXPECT_EQ(camera, json_of(made));
  EXPECT_EQ(camera.at("streams").at(0).at("username").as_string(), "root");
  EXPECT_TRUE(camera.at("streams").at(0).at("has_password").as_bool());
  const auto changed = administrator->ask("PATCH", "/api/v1/cameras/gate", R"({"notes":"<b>bold</b>"})");
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(json_of(changed).at("notes").as_string(), "<b>bold</b>");
  EXPECT_EQ(administrator
                ->ask("POST", "/api/v1/cameras",
                      R"({"id":"gate","name":{"th":"ก","en":"x"},"streams":[{"role":"main","url":"rtsp://192.0.2.1/a"}]})")
                .status,
            409);
  EXPECT_EQ(administrator->ask("DELETE", "/api/v1/cameras/gate").status, 204);
  EXPECT_EQ(administrator->get("/api/v1/cameras/gate").status, 404);
  EXPECT_EQ(administrator->ask("DELETE", "/api/v1/cameras/gate").status, 404);
}

TEST_F(ApiHttp, wrong_input_is_named_field_by_field_and_changes_nothing) {
  const auto refused = administrator->ask("POST", "/api/v1/cameras", R"({"id":"No Slug","name":{"th":"","en":""},"colour":"red",
      "location":{"lat":98.9,"lon":"east"},"streams":[{"role":"main","url":"file:///etc/passwd"}]})");
  EXPECT_EQ(refused.status, 422);
  EXPECT_FALSE(wrong_fields(refused).empty());
  for (const std::string_view body : {"{", "{\"a\":\"\xff\"}", "{\"location\":{\"lat\":NaN}}"}) {
    EXPECT_EQ(administrator->ask("POST", "/api/v1/cameras", body).status, 400) << body;
  }
  EXPECT_EQ(json_of(administrator->get("/api/v1/cameras")).at("items").as_array().size(), 1u);
}

TEST_F(ApiHttp, queries_are_judged) {
  for (const std::string_view target :
       {"/api/v1/cameras?limit=0", "/api/v1/cameras?limit=many", "/api/v1/timeline", "/api/v1/audit?cursor=x",
        "/api/v1/timeline?cameras=cam01&from=2026-11-24T06:00:00Z&to=2026-11-24T05:00:00Z",
        "/api/v1/timeline?cameras=cam01&from=2016-11-24T06:00:00Z&to=2026-11-24T05:00:00Z",
        "/api/v1/timeline?cameras=&from=2026-11-24T05:00:00Z&to=2026-11-24T06:00:00Z", "/api/v1/cameras/cam01/recording.mp4",
        "/api/v1/cameras/cam01/snapshot.jpg?width=9999999", "/api/v1/cameras/cam01/recording.mp4?from=now&to=2026-11-24T05:00:00Z",
        "/api/v1/cameras/cam01/recording.mp4?from=2026-11-24T05:00:00Z&to=2026-11-24T06:00:00Z&stream=third"}) {
    const auto answer = administrator->get(target);
    EXPECT_EQ(answer.status, 422) << target;
    EXPECT_FALSE(wrong_fields(answer).empty()) << target;
  }
}

TEST_F(ApiHttp, sql_and_paths_in_names_are_inert) {
  for (const std::string_view target :
       {"/api/v1/cameras/x'%20or%20'1'='1", "/api/v1/cameras/cam01%00", "/api/v1/cameras/..%2f..%2fetc", "/api/v1/nothing"}) {
    const int status = administrator->get(target).status;
    EXPECT_TRUE(status == 404 || status == 400) << target << " " << status;
  }
  EXPECT_EQ(administrator->get("/api/v1/cameras?q='%3B%20drop%20table%20cameras%3B--").status, 200);
  EXPECT_EQ(administrator->get("/api/v1/cameras/cam01").status, 200);
}

TEST_F(ApiHttp, a_list_is_imported_dry_then_for_good) {
  const std::string csv =
      "\xef\xbb\xbfid,name_th,name_en,lat,lon,main_url\n"
      "im1,หนึ่ง,One,18.80,98.98,rtsp://192.0.2.1/1\n"
      "im2,สอง,Two,98.98,18.80,rtsp://192.0.2.1/2\n"
      "im3,สาม,Three,18.80,98.98,ftp://192.0.2.1/3\n";
  const auto dry = json_of(administrator->ask("POST", "/api/v1/cameras/import?dry_run=true", csv));
  EXPECT_TRUE(dry.at("dry_run").as_bool());
  EXPECT_EQ(administrator->get("/api/v1/cameras/im1").status, 404);
  const auto real = json_of(administrator->ask("POST", "/api/v1/cameras/import", csv));
  EXPECT_EQ(real.at("rows"), dry.at("rows"));
  EXPECT_EQ(real.at("rows").at(0).at("result").as_string(), "created");
  EXPECT_EQ(real.at("rows").at(2).at("result").as_string(), "rejected");
  EXPECT_EQ(administrator->get("/api/v1/cameras/im1").status, 200);
  EXPECT_EQ(administrator->get("/api/v1/cameras/im3").status, 404);
  EXPECT_EQ(administrator->ask("POST", "/api/v1/cameras/import", "what,is,this\n1,2,3\n").status, 422);
  for (const std::string id : {"im1", "im2"}) administrator->ask("DELETE", "/api/v1/cameras/" + id);
}

TEST_F(ApiHttp, a_probe_of_nothing_says_why) {
  const auto answer = administrator->ask("POST", "/api/v1/cameras/probe", R"({"url":"rtsp://127.0.0.1:1/x"})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_FALSE(json_of(answer).at("ok").as_bool());
  EXPECT_FALSE(json_of(answer).at("reason").as_string().empty());
  EXPECT_EQ(administrator->ask("POST", "/api/v1/cameras/probe", R"({"url":"javascript:alert"})").status, 422);
}

constexpr std::string_view range = "/api/v1/cameras/cam01/recording.mp4?from=2026-11-24T05:00:05Z&to=2026-11-24T05:00:15Z";

TEST_F(ApiHttp, footage_is_served_the_same_whole_and_in_parts) {
  const auto whole = administrator->get(range);
  ASSERT_EQ(whole.status, 200) << whole.body.substr(0, 300);
  EXPECT_EQ(whole.header("Content-Type"), "video/mp4");
  EXPECT_EQ(whole.body.substr(4, 4), "ftyp");
  EXPECT_EQ(administrator->get(range).body, whole.body);
  EXPECT_EQ(whole.header("X-Covers-From"), "2026-11-24T05:00:05.000Z");
  const auto part = administrator->ask("GET", range, {}, {{"Range", "bytes=100-299"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, whole.body.substr(100, 200));
  EXPECT_EQ(part.header("Content-Range"), "bytes 100-299/" + std::to_string(whole.body.size()));
  EXPECT_EQ(administrator->ask("HEAD", range).header("Content-Length"), std::to_string(whole.body.size()));
  EXPECT_EQ(administrator->ask("GET", range, {}, {{"Range", "bytes=999999999-"}}).status, 416);
  EXPECT_EQ(administrator->ask("GET", range, {}, {{"If-None-Match", whole.header("ETag")}}).status, 304);
}

TEST_F(ApiHttp, where_nothing_was_recorded_is_404) {
  EXPECT_EQ(administrator->get("/api/v1/cameras/cam01/recording.mp4?from=2020-01-01T00:00:00Z&to=2020-01-01T00:01:00Z").status, 404);
  EXPECT_EQ(administrator->get("/api/v1/cameras/other/recording.mp4?from=2026-11-24T05:00:05Z&to=2026-11-24T05:00:15Z").status, 404);
}

TEST_F(ApiHttp, how_far_a_camera_is_moved_beside_others_is_kept_with_it) {
  world->add_camera("late");
  EXPECT_EQ(json_of(administrator->get("/api/v1/cameras/late")).at("playback_offset_ms").as_int64(), 0);
  EXPECT_EQ(administrator->ask("PATCH", "/api/v1/cameras/late", R"({"playback_offset_ms":-400})").status, 200);
  EXPECT_EQ(json_of(administrator->get("/api/v1/cameras/late")).at("playback_offset_ms").as_int64(), -400);
  for (const char* wrong : {"60001", "-60001", "-9223372036854775808", "1.5", "\"1\"", "null"}) {
    const auto refused = administrator->ask("PATCH", "/api/v1/cameras/late", R"({"playback_offset_ms":)" + std::string(wrong) + "}");
    EXPECT_EQ(refused.status, 422) << wrong;
    EXPECT_EQ(json_of(refused).at("errors").at(0).at("field").as_string(), "playback_offset_ms") << wrong;
  }
  EXPECT_EQ(json_of(administrator->get("/api/v1/cameras/late")).at("playback_offset_ms").as_int64(), -400);
}

TEST_F(ApiHttp, fault_V2_a_range_with_half_of_its_footage_says_which_time_it_covers) {
  world->add_camera("half");
  world->record("half", at("2026-11-24T05:00:00Z"), seconds{10});
  world->record("half", at("2026-11-24T05:00:30Z"), seconds{10});
  for (const std::string file : {"recording.mp4", "playback.m3u8"}) {
    const auto asked = "/api/v1/cameras/half/" + file + "?from=2026-11-24T05:00:05Z&to=2026-11-24T05:01:00Z";
    for (const char* method : {"GET", "HEAD"}) {
      const auto answer = administrator->ask(method, asked);
      ASSERT_EQ(answer.status, 200) << asked << answer.body.substr(0, 300);
      EXPECT_EQ(answer.header("X-Covers-From"), "2026-11-24T05:00:05.000Z");
      EXPECT_EQ(answer.header("X-Covers-To"), "2026-11-24T05:00:40.000Z");
      EXPECT_EQ(answer.header("X-Footage"),
                "2026-11-24T05:00:05.000Z/2026-11-24T05:00:10.000Z, 2026-11-24T05:00:30.000Z/2026-11-24T05:00:40.000Z");
      EXPECT_EQ(answer.header("X-Missing-Seconds"), "40.000") << "20 between the two, 20 behind";
    }
    const auto whole = administrator->get("/api/v1/cameras/half/" + file + "?from=2026-11-24T05:00:02Z&to=2026-11-24T05:00:09Z");
    EXPECT_EQ(whole.header("X-Missing-Seconds"), "0.000");
    const auto none = administrator->get("/api/v1/cameras/half/" + file + "?from=2026-11-24T05:00:12Z&to=2026-11-24T05:00:28Z");
    EXPECT_EQ(none.status, 404) << none.body;
  }
}

TEST_F(ApiHttp, a_timeline_shows_what_was_recorded) {
  const auto answer = administrator->get("/api/v1/timeline?cameras=cam01&from=2026-11-24T04:59:00Z&to=2026-11-24T05:01:00Z&buckets=12");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto value = json_of(answer);
  const auto& item = value.at("items").at(0);
  EXPECT_EQ(item.at("camera").as_string(), "cam01");
  EXPECT_EQ(item.at("spans").at(0).at("from").as_string(), "2026-11-24T05:00:00.000Z");
  EXPECT_EQ(item.at("activity").as_array().size(), 12u);
  EXPECT_EQ(administrator->get("/api/v1/timeline?cameras=other&from=2026-11-24T04:59:00Z&to=2026-11-24T05:01:00Z").status, 404);
}

TEST_F(ApiHttp, an_account_adds_up_footage_and_gaps) {
  const auto answer = administrator->get("/api/v1/recording/account?cameras=cam01&from=2026-11-24T04:59:00Z&to=2026-11-24T05:01:00Z");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto value = json_of(answer);
  const auto& item = value.at("items").at(0);
  EXPECT_EQ(item.at("camera").as_string(), "cam01");
  EXPECT_EQ(item.at("from").as_string(), "2026-11-24T05:00:00.000Z");
  double sum = item.at("footage_s").to_number<double>() + item.at("unexplained_s").to_number<double>();
  for (const auto& cause : {"camera", "network", "hub", "disk"}) sum += item.at("gaps_s").at(cause).to_number<double>();
  EXPECT_NEAR(sum, item.at("due_s").to_number<double>(), 1e-6);
  EXPECT_GT(item.at("footage_s").to_number<double>(), 0.0);
  EXPECT_EQ(item.at("unexplained_s").to_number<double>(), 0.0);
  EXPECT_TRUE(item.at("holes").as_array().empty());
  EXPECT_EQ(administrator->get("/api/v1/recording/account?cameras=other&from=2026-11-24T04:59:00Z&to=2026-11-24T05:01:00Z").status, 404);
  EXPECT_EQ(administrator->get("/api/v1/recording/account?cameras=cam01&from=2026-11-24T05:01:00Z&to=2026-11-24T05:00:00Z").status, 422);
}

TEST_F(ApiHttp, a_token_opens_one_range_of_one_camera) {
  const auto made =
      administrator->ask("POST", "/api/v1/tokens", R"({"camera":"cam01","from":"2026-11-24T05:00:00Z","to":"2026-11-24T05:00:20Z"})");
  ASSERT_EQ(made.status, 201) << made.body;
  const auto token = "&token=" + std::string(json_of(made).at("token").as_string());
  const auto ask = [&](const std::string& target) { return Peer(world->port()).ask("GET", target + token).status; };
  EXPECT_EQ(ask(std::string(range)), 200);
  EXPECT_EQ(ask("/api/v1/cameras/cam01/recording.mp4?from=2026-11-24T05:00:05Z&to=2026-11-24T05:00:25Z"), 403);
  EXPECT_EQ(ask("/api/v1/cameras/other/recording.mp4?from=2026-11-24T05:00:05Z&to=2026-11-24T05:00:15Z"), 403);
  EXPECT_EQ(ask("/api/v1/cameras/cam01/snapshot.jpg?at=2026-11-24T05:00:10Z"), 200);
  EXPECT_EQ(ask("/api/v1/cameras/cam01/snapshot.jpg?x=1"), 403);
  EXPECT_EQ(ask("/api/v1/cameras?x=1"), 401) << "no other route takes it";
  EXPECT_EQ(Peer(world->port()).ask("GET", std::string(range) + "&token=forged").status, 401);
}

TEST_F(ApiHttp, exports_and_changes_stand_in_the_audit_trail) {
  administrator->get(range);
  const auto trail = json_of(administrator->get("/api/v1/audit?action=recording.exported"));
  ASSERT_FALSE(trail.at("items").as_array().empty());
  EXPECT_EQ(trail.at("items").at(0).at("actor").as_string(), "administrator");
  EXPECT_EQ(trail.at("items").at(0).at("object").as_string(), "cam01");
}

TEST_F(ApiHttp, the_console_is_served_and_nothing_else) {
  const auto port = world->port();
  const auto page = Peer(port).ask("GET", "/");
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.body.find("console"), std::string::npos);
  EXPECT_NE(page.header("Content-Security-Policy").find("default-src 'self'"), std::string::npos);
  EXPECT_EQ(page.header("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(Peer(port).ask("GET", "/cameras/cam01").body, page.body) << "an address inside the console";
  const auto asset = Peer(port).ask("GET", "/assets/app-1234.js");
  EXPECT_EQ(asset.status, 200);
  EXPECT_NE(asset.header("Cache-Control").find("immutable"), std::string::npos);
  EXPECT_EQ(Peer(port).ask("GET", "/assets/app-1234.js", {{"If-None-Match", asset.header("ETag")}}).status, 304);
  EXPECT_EQ(Peer(port).ask("GET", "/assets/missing.js").status, 404);
  EXPECT_EQ(Peer(port).ask("POST", "/").status, 405);
  for (const std::string_view target : {"/link.txt", "/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "//etc/passwd",
                                        "/assets/../../secret.txt", "/.hidden"}) {
    const auto answer = Peer(port).ask("GET", target);
    EXPECT_TRUE(answer.status == 404 || answer.status == 400) << target << " " << answer.status;
    EXPECT_EQ(answer.body.find("nobody may read this"), std::string::npos) << target;
  }
}

TEST_F(ApiHttp, health_readiness_and_figures_are_told) {
  const auto port = world->port();
  EXPECT_EQ(Peer(port).ask("GET", "/healthz").status, 200);
  EXPECT_EQ(Peer(port).ask("GET", "/readyz").status, 200);
  const auto figures = Peer(port).ask("GET", "/metrics");
  EXPECT_EQ(figures.status, 200);
  EXPECT_NE(figures.body.find("ccoc_http_requests_total{class=\"2xx\"}"), std::string::npos);
}

TEST_F(ApiHttp, no_answer_holds_a_camera_password) {
  for (const auto& route : world->api->router().routes()) {
    if (route->method != api::Method::get || std::holds_alternative<api::SocketHandler>(route->handler)) continue;
    auto target = route->path;
    if (const auto found = target.find("{id}"); found != std::string::npos) target.replace(found, 4, "cam01");
    EXPECT_EQ(administrator->get(target).body.find("canary-password"), std::string::npos) << target;
  }
}

TEST_F(ApiHttp, changes_are_told_to_who_listens) {
  auto events = administrator->socket("/api/v1/events");
  ASSERT_TRUE(events.open());
  const auto snapshot = boost::json::parse(events.read_text());
  EXPECT_EQ(snapshot.at("type").as_string(), "snapshot");
  EXPECT_EQ(snapshot.at("cameras").at(0).at("id").as_string(), "cam01");
  ASSERT_EQ(administrator->ask("PATCH", "/api/v1/cameras/cam01", R"({"notes":"seen"})").status, 200);
  const auto change = boost::json::parse(events.read_text());
  EXPECT_EQ(change.at("type").as_string(), "camera.changed");
  ingest::StreamStatus status;
  status.camera = "cam01";
  status.role = "main";
  status.state = ingest::StreamState::offline;
  status.since = at("2026-11-24T05:00:00Z");
  status.last_error = "no route";
  world->events.stream_state(status);
  const auto state = boost::json::parse(events.read_text());
  EXPECT_EQ(state.at("type").as_string(), "camera.state");
  EXPECT_EQ(state.at("reason").as_string(), "no route");
}

}  // namespace
}  // namespace ccoc::test
