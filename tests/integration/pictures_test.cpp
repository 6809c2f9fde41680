// Pictures through the whole program: cameras that freeze and turn black, and decoders that are killed meanwhile.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "ccoc/base/clock.h"
#include "support/postgres.h"
#include "support/process.h"
#include "support/simple_http.h"

namespace ccoc {
namespace {

namespace fs = std::filesystem;
using test::eventually;
using test::HttpClient;
using test::Process;
using test::TemporaryFolder;

const std::string program = std::string(CCOC_BINARY_DIR) + "/ccoc";
constexpr const char* password = "correct-horse-battery";

/// A hub, and cameras with remote control, as processes.
class Pictures : public testing::Test {
 protected:
  void SetUp() override {
    const auto clip = std::string(CCOC_TEST_DATA) + "/clips/main.h264";
    cameras = std::make_unique<Process>(std::vector<std::string>{program, "simulate", "--cameras", "3", "--port",
                                                                 std::to_string(camera_port), "--main", clip, "--sub", clip, "--control",
                                                                 "127.0.0.1:" + std::to_string(control_port)});
    hub = std::make_unique<Process>(
        std::vector<std::string>{program, "serve", "--data", folder.path().string(), "--http", "127.0.0.1:" + std::to_string(port)},
        std::vector<std::string>{"CCOC_INGEST__ALLOW_LOOPBACK=true", std::string("CCOC_ADMIN_PASSWORD=") + password,
                                 "CCOC_VISION__LOOK_INTERVAL_S=0.8", "CCOC_VISION__FROZEN_AFTER_S=4"});
    ASSERT_TRUE(eventually([&] { return HttpClient(port).get("/readyz").status == 200; }, std::chrono::seconds{60}));
    ASSERT_EQ(client.log_in("admin", password).status, 200);
    std::string csv = "id,name_th,name_en,lat,lon,main_url,sub_url\n";
    for (const std::string id : {"cam01", "cam02", "cam03"}) {
      const auto url = "rtsp://127.0.0.1:" + std::to_string(camera_port) + "/" + id;
      csv += id + ",กล้อง,Camera,18.80,98.98," + url + "/main," + url + "/sub\n";
    }
    ASSERT_EQ(client.request("POST", "/api/v1/cameras/import", csv, "text/csv").status, 200);
    for (const std::string id : {"cam01", "cam02", "cam03"}) ASSERT_TRUE(becomes(id, "ok")) << id;
  }
  std::string picture(const std::string& camera) {
    const auto status = client.get("/api/v1/cameras/" + camera + "/status");
    return status.status == 200 ? std::string(status.json().at("picture").at("state").as_string()) : status.body;
  }
  bool becomes(const std::string& camera, const std::string& wanted) {
    return eventually([&] { return picture(camera) == wanted; }, std::chrono::seconds{60});
  }
  void fault(const std::string& camera, const std::string& what) {
    HttpClient control(control_port);
    const auto answer = control.request("POST", "/cameras/" + camera + "/faults", R"({"fault":")" + what + "\"}", "application/json");
    ASSERT_LT(answer.status, 300) << answer.body;
  }
  /// The hub's decoders that run now.
  static std::set<int> workers(int parent) {
    std::set<int> out;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      std::ifstream stat(entry.path() / "stat");
      int pid = 0, ppid = 0;
      std::string name, state;
      if (stat >> pid >> name >> state >> ppid && ppid == parent && name == "(ccoc-vision)" && state != "Z") out.insert(pid);
    }
    return out;
  }
  std::uint64_t written(const std::string& camera) {
    std::uint64_t sum = 0;
    std::error_code not_yet;
    for (const auto& entry : fs::recursive_directory_iterator(folder.path() / "footage" / camera, not_yet)) {
      if (entry.is_regular_file()) sum += entry.file_size();
    }
    return sum;
  }

  TemporaryFolder folder;
  std::uint16_t port = test::free_port(), camera_port = test::free_port(), control_port = test::free_port();
  std::unique_ptr<Process> cameras;
  std::unique_ptr<Process> hub;
  HttpClient client{port};
};

TEST_F(Pictures, that_freeze_or_turn_black_are_noticed_and_so_is_that_they_are_well_again) {
  fault("cam01", "black");
  fault("cam02", "freeze");
  EXPECT_TRUE(becomes("cam01", "black")) << picture("cam01");
  EXPECT_TRUE(becomes("cam02", "frozen")) << picture("cam02");
  EXPECT_EQ(picture("cam03"), "ok");
  EXPECT_EQ(client.get("/api/v1/cameras/cam02/status").json().at("state").as_string(), "live") << "frames come";
  EXPECT_EQ(client.get("/api/v1/cameras/cam02/status").json().at("picture").at("stream").as_string(), "sub");
  fault("all", "behave");
  EXPECT_TRUE(becomes("cam01", "ok")) << picture("cam01");
  EXPECT_TRUE(becomes("cam02", "ok")) << picture("cam02");
}

TEST_F(Pictures, are_looked_at_on_when_decoders_are_killed_and_hang_and_recording_never_notices) {
  const auto frames = [&] { return client.get("/api/v1/cameras/cam01/status").json().at("streams").at(0).at("reconnects").as_int64(); };
  const auto from = format_rfc3339(SystemClock{}.utc_now());
  ASSERT_TRUE(eventually([&] { return !workers(hub->pid()).empty(); }));
  for (int round = 0; round < 6; ++round) {
    const auto now = workers(hub->pid());
    for (const int pid : now) kill(pid, round % 2 == 0 ? SIGKILL : SIGSTOP);
    const auto bytes = written("cam01");
    ASSERT_TRUE(eventually([&] { return written("cam01") > bytes; }, std::chrono::seconds{30}));
    ASSERT_TRUE(eventually(
        [&] {
          const auto then = workers(hub->pid());
          return !then.empty() && std::ranges::none_of(then, [&](int pid) { return now.contains(pid); });
        },
        std::chrono::seconds{60}))
        << "it was replaced";
  }
  fault("cam03", "black");
  EXPECT_TRUE(becomes("cam03", "black"));
  EXPECT_EQ(frames(), 0);
  const auto timeline = client.get("/api/v1/timeline?cameras=cam01&from=" + from + "&to=" + format_rfc3339(SystemClock{}.utc_now())).json();
  EXPECT_EQ(timeline.at("items").at(0).at("spans").as_array().size(), 1u);
  EXPECT_TRUE(timeline.at("items").at(0).at("gaps").as_array().empty());
}

TEST_F(Pictures, are_searched_for_movement_where_a_camera_asks_for_it) {
  const auto from = format_rfc3339(SystemClock{}.utc_now());
  ASSERT_EQ(client.request("PATCH", "/api/v1/cameras/cam03", R"({"motion":{"enabled":true}})", "application/json").status, 200);
  const auto moved = [&](const std::string& camera) {
    const auto answer =
        client.get("/api/v1/footage/motion?camera=" + camera + "&from=" + from + "&to=" + format_rfc3339(SystemClock{}.utc_now()));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return !answer.json().at("items").as_array().empty();
  };
  EXPECT_TRUE(eventually([&] { return moved("cam03"); }, std::chrono::seconds{60}));
  EXPECT_FALSE(moved("cam01")) << "it did not ask";
}

TEST_F(Pictures, of_the_past_are_small_and_made_once) {
  const auto since = SystemClock{}.utc_now();
  const auto url = "/api/v1/cameras/cam01/thumbnail.jpg?width=160&at=" + format_rfc3339(since);
  ASSERT_TRUE(eventually([&] { return client.get(url).status == 200; }, std::chrono::seconds{60}));
  const auto picture = client.get(url);
  EXPECT_EQ(picture.body.substr(0, 2), "\xff\xd8");
  EXPECT_LT(picture.body.size(), 20'000u);
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder.path() / "thumbnails")) files += entry.is_regular_file() ? 1 : 0;
  EXPECT_EQ(files, 1u);
  EXPECT_EQ(client.get(url).body, picture.body);
}

}  // namespace
}  // namespace ccoc
