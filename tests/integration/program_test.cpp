// The program as people start it: what it says when something is wrong, and the whole chain from a camera to
// footage that survives a kill.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

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

struct Ended {
  int code = 0;
  std::string output;
};

Ended run(std::vector<std::string> arguments, const std::vector<std::string>& environment = {}) {
  arguments.insert(arguments.begin(), program);
  Process process(arguments, environment, true);
  Ended out;
  out.code = process.wait(&out.output);
  return out;
}

/// A hub as a process of its own, on a private PostgreSQL and a port the kernel gave.
class RunningHub {
 public:
  RunningHub(const fs::path& data, std::uint16_t port, const std::vector<std::string>& more_environment = {}) : port_(port) {
    std::vector<std::string> environment{"CCOC_INGEST__ALLOW_LOOPBACK=true", "CCOC_RTSP__LISTEN=127.0.0.1:0",
                                         std::string("CCOC_ADMIN_PASSWORD=") + password};
    environment.insert(environment.end(), more_environment.begin(), more_environment.end());
    process_ = std::make_unique<Process>(
        std::vector<std::string>{program, "serve", "--data", data.string(), "--http", "127.0.0.1:" + std::to_string(port)}, environment);
  }
  bool ready() {
    return eventually([&] { return HttpClient(port_).get("/readyz").status == 200; }, std::chrono::seconds{40});
  }
  HttpClient client() {
    HttpClient out(port_);
    EXPECT_EQ(out.log_in("admin", password).status, 200);
    return out;
  }
  Process& process() { return *process_; }

 private:
  std::uint16_t port_;
  std::unique_ptr<Process> process_;
};

class Cameras {
 public:
  explicit Cameras(int count) : port_(test::free_port()) {
    process_ = std::make_unique<Process>(std::vector<std::string>{
        program, "simulate", "--cameras", std::to_string(count), "--port", std::to_string(port_), "--main",
        std::string(CCOC_TEST_DATA) + "/clips/main.h264", "--sub", std::string(CCOC_TEST_DATA) + "/clips/main.h264"});
    EXPECT_TRUE(eventually([&] { return reachable(); }));
  }
  std::string csv(int count) const {
    std::string out = "id,name_th,name_en,lat,lon,main_url,sub_url\n";
    for (int i = 1; i <= count; ++i) {
      const std::string id = "cam0" + std::to_string(i);
      const std::string base = "rtsp://127.0.0.1:" + std::to_string(port_) + "/" + id;
      out += id + ",กล้อง " + id + ",Camera " + id + ",18.80,98.98," + base + "/main," + base + "/sub\n";
    }
    return out;
  }

 private:
  bool reachable() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool good = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return good;
  }
  std::uint16_t port_;
  std::unique_ptr<Process> process_;
};

std::vector<fs::path> footage_of(const fs::path& data, const std::string& camera) {
  std::vector<fs::path> out;
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(data / "footage" / camera, ignored)) {
    if (entry.is_regular_file()) out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// Frames that ffprobe, which is not ours, decodes from a file; -1 when it complains.
int frames_by_ffprobe(const fs::path& file) {
  Process probe({"ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0", "-show_entries", "stream=nb_read_frames", "-of",
                 "csv=p=0", file.string()},
                {}, true);
  std::string output;
  if (probe.wait(&output) != 0) return -1;
  char* end = nullptr;
  const long frames = std::strtol(output.c_str(), &end, 10);
  return end == output.c_str() ? -1 : static_cast<int>(frames);
}

TEST(Program, tells_its_version_and_helps_everywhere) {
  EXPECT_EQ(run({"--version"}).code, 0);
  EXPECT_NE(run({"--version"}).output.find("ccoc "), std::string::npos);
  for (const std::vector<std::string>& command : {std::vector<std::string>{"--help"},
                                                  {"serve", "--help"},
                                                  {"simulate", "--help"},
                                                  {"cameras", "import", "--help"},
                                                  {"user", "add", "--help"},
                                                  {"archive", "check", "--help"},
                                                  {"export", "--help"},
                                                  {"doctor", "--help"}}) {
    const auto help = run(command);
    EXPECT_EQ(help.code, 0) << command[0];
    EXPECT_NE(help.output.find("Usage"), std::string::npos) << command[0];
  }
}

TEST(Program, exits_with_2_on_misuse) {
  EXPECT_EQ(run({}).code, 2);
  EXPECT_EQ(run({"dance"}).code, 2);
  EXPECT_EQ(run({"serve", "--unknown"}).code, 2);
}

TEST(Program, names_the_nearest_key_for_an_unknown_one) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "ccoc.toml";
  std::ofstream(file) << "[http]\nadress = \"127.0.0.1:0\"\n";
  const auto ended = run({"serve", "--config", file.string(), "--data", (folder.path() / "data").string()});
  EXPECT_EQ(ended.code, 2);
  EXPECT_NE(ended.output.find("http.adress"), std::string::npos) << ended.output;
  EXPECT_NE(ended.output.find("http.address"), std::string::npos) << ended.output;
  EXPECT_FALSE(fs::exists(folder.path() / "data")) << "nothing is begun";
}

TEST(Program, names_the_nearest_key_for_an_unknown_environment_variable) {
  const auto ended = run({"serve"}, {"CCOC_INGEST__ALOW_LOOPBACK=true"});
  EXPECT_EQ(ended.code, 2);
  EXPECT_NE(ended.output.find("ingest.allow_loopback"), std::string::npos) << ended.output;
}

TEST(Program, says_that_the_port_is_taken) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(fd, 1), 0);
  ASSERT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const auto where = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  const TemporaryFolder folder;
  const auto ended = run({"serve", "--data", folder.path().string(), "--http", where});
  ::close(fd);
  EXPECT_EQ(ended.code, 1);
  EXPECT_NE(ended.output.find(where), std::string::npos) << ended.output;
  EXPECT_NE(ended.output.find("--http"), std::string::npos) << "it should say what to do: " << ended.output;
}

TEST(Program, says_that_postgresql_cannot_be_reached) {
  const TemporaryFolder folder;
  const auto url = "postgresql://ccoc@127.0.0.1:" + std::to_string(test::free_port()) + "/ccoc";
  const auto ended = run({"serve", "--data", folder.path().string(), "--http", "127.0.0.1:0", "--database", url});
  EXPECT_EQ(ended.code, 1);
  EXPECT_NE(ended.output.find("database.url"), std::string::npos) << ended.output;
}

TEST(Program, refuses_a_second_hub_on_the_same_data) {
  const TemporaryFolder folder;
  RunningHub first(folder.path(), test::free_port());
  ASSERT_TRUE(first.ready());
  const auto second = run({"serve", "--data", folder.path().string(), "--http", "127.0.0.1:0"});
  EXPECT_EQ(second.code, 1);
  EXPECT_NE(second.output.find("another hub"), std::string::npos) << second.output;
}

TEST(Program, keeps_a_random_first_password_in_a_file_only_its_owner_reads) {
  const TemporaryFolder folder;
  const auto port = test::free_port();
  Process hub({program, "serve", "--data", folder.path().string(), "--http", "127.0.0.1:" + std::to_string(port)});
  ASSERT_TRUE(eventually([&] { return HttpClient(port).get("/readyz").status == 200; }, std::chrono::seconds{40}));
  const auto file = folder.path() / "initial-admin-password";
  struct stat status{};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  std::string secret;
  std::getline(std::ifstream(file) >> std::ws, secret);
  HttpClient client(port);
  const auto session = client.log_in("admin", secret);
  ASSERT_EQ(session.status, 200) << session.body;
  EXPECT_TRUE(session.json().at("user").at("must_change_password").as_bool());
  const auto changed =
      client.request("POST", "/api/v1/session/password", R"({"current":")" + secret + R"(","new":"another-good-password"})");
  EXPECT_EQ(changed.status, 204) << changed.body;
  EXPECT_TRUE(eventually([&] { return !fs::exists(file); })) << "kept until it is changed";
}

TEST(Program, records_what_cameras_send_serves_it_and_survives_being_killed) {
  const TemporaryFolder folder;
  Cameras cameras(3);
  const auto port = test::free_port();
  std::string from;
  {
    RunningHub hub(folder.path(), port, {"CCOC_ARCHIVE__SEGMENT_SECONDS=10"});
    ASSERT_TRUE(hub.ready());
    auto client = hub.client();
    const auto report = client.request("POST", "/api/v1/cameras/import", cameras.csv(3), "text/csv");
    ASSERT_EQ(report.status, 200) << report.body;
    EXPECT_EQ(report.json().at("created").as_int64(), 3);
    ASSERT_TRUE(eventually([&] {
      const auto status = client.get("/api/v1/cameras/cam02/status");
      return status.status == 200 && status.json().at("state").as_string() == "live";
    }));
    from = format_rfc3339(SystemClock{}.utc_now());
    ASSERT_TRUE(eventually([&] {
      const auto files = footage_of(folder.path(), "cam01");
      return !files.empty() && fs::file_size(files.back()) > 20'000;
    }));
    const auto picture = client.get("/api/v1/cameras/cam01/snapshot.jpg");
    EXPECT_EQ(picture.status, 200) << picture.body.substr(0, 300);
    EXPECT_EQ(picture.body.substr(0, 2), "\xff\xd8");
    hub.process().signal(SIGKILL);
    hub.process().wait();
  }
  // Whatever is on disk now is playable or will be cut back to what is.
  RunningHub hub(folder.path(), port);
  ASSERT_TRUE(hub.ready());
  const auto restarted = format_rfc3339(SystemClock{}.utc_now());
  auto client = hub.client();
  std::size_t files_before = 0;
  for (const auto& file : footage_of(folder.path(), "cam01")) {
    EXPECT_GT(frames_by_ffprobe(file), 0) << file;
    ++files_before;
  }
  EXPECT_GE(files_before, 1u);
  ASSERT_TRUE(eventually([&] {
    const auto timeline = client.get("/api/v1/timeline?cameras=cam01&from=" + from +
                                     "&to=" + format_rfc3339(SystemClock{}.utc_now() + std::chrono::seconds{1}));
    if (timeline.status != 200) return false;
    const auto item = timeline.json().at("items").as_array().at(0).as_object();
    return item.at("spans").as_array().size() >= 2 && !item.at("gaps").as_array().empty() &&
           item.at("gaps").as_array()[0].at("cause").as_string() == "hub";
  })) << client
             .get("/api/v1/timeline?cameras=cam01&from=" + from +
                  "&to=" + format_rfc3339(SystemClock{}.utc_now() + std::chrono::seconds{1}))
             .body;
  // One MP4 over the kill, read by ffprobe.
  const auto range =
      "/api/v1/cameras/cam01/recording.mp4?from=" + from + "&to=" + format_rfc3339(SystemClock{}.utc_now() + std::chrono::seconds{5});
  const auto movie = client.get(range);
  ASSERT_EQ(movie.status, 200) << movie.body.substr(0, 300);
  const auto file = folder.path() / "range.mp4";
  std::ofstream(file, std::ios::binary) << movie.body;
  EXPECT_GT(frames_by_ffprobe(file), 10);

  // The archive's own check, beside the running hub.
  const auto check = run({"archive", "check", "--data", folder.path().string()});
  EXPECT_EQ(check.code, 0) << check.output;
  const auto began = std::chrono::steady_clock::now();
  hub.process().signal(SIGTERM);
  EXPECT_EQ(hub.process().wait(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds{20});

  // An index that is lost is made anew from the files alone.
  const auto reindex = run({"archive", "reindex", "--data", folder.path().string()});
  EXPECT_EQ(reindex.code, 0) << reindex.output;
  const auto again = run({"archive", "check", "--data", folder.path().string()});
  EXPECT_EQ(again.code, 0) << again.output;
}

TEST(Program, says_that_nothing_was_recorded_because_somebody_switched_it_off) {
  const TemporaryFolder folder;
  const Cameras cameras(2);
  RunningHub hub(folder.path(), test::free_port());
  ASSERT_TRUE(hub.ready());
  auto http = hub.client();
  ASSERT_EQ(http.request("POST", "/api/v1/cameras/import", cameras.csv(2), "text/csv").status, 200);
  const auto from = format_rfc3339(SystemClock().utc_now() - std::chrono::minutes{1});
  const auto timeline = [&](const std::string& camera) {
    const auto to = format_rfc3339(SystemClock().utc_now() + std::chrono::minutes{1});
    return http.get("/api/v1/timeline?cameras=" + camera + "&from=" + from + "&to=" + to).json().at("items").as_array().at(0);
  };
  for (const auto* camera : {"cam01", "cam02"}) {
    ASSERT_TRUE(eventually([&] { return !timeline(camera).at("spans").as_array().empty(); }));
  }
  EXPECT_EQ(http.request("PATCH", "/api/v1/cameras/cam01", R"({"enabled":false})").status, 200);
  EXPECT_EQ(http.request("PATCH", "/api/v1/cameras/cam02", R"({"recording":{"mode":"off"}})").status, 200);
  for (const auto* camera : {"cam01", "cam02"}) {
    EXPECT_TRUE(eventually([&] {
      const auto gaps = timeline(camera).at("gaps").as_array();
      return !gaps.empty() && gaps.back().at("cause").as_string() == "disabled";
    })) << camera
        << ": " << boost::json::serialize(timeline(camera));
  }
  // A second or less would not part one span from the next.
  EXPECT_TRUE(eventually([&] {
    const auto gap = timeline("cam01").at("gaps").as_array().back();
    const auto at = [&](const char* end) { return parse_rfc3339(gap.at(end).as_string().c_str()).value(); };
    return at("to") - at("from") > std::chrono::seconds{2};
  }));
  // On again: the gap ends.
  EXPECT_EQ(http.request("PATCH", "/api/v1/cameras/cam01", R"({"enabled":true})").status, 200);
  EXPECT_TRUE(eventually([&] { return timeline("cam01").at("spans").as_array().size() == 2; }))
      << boost::json::serialize(timeline("cam01"));
}

TEST(Program, imports_a_csv_from_the_command_line_and_reports_every_bad_row) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "cameras.csv";
  std::ofstream(file) << "\xEF\xBB\xBFid,name_th,name_en,lat,lon,main_url\n"
                         "good,ดี,Good,18.80,98.98,rtsp://10.0.0.1/a\n"
                         "swapped,กลับ,Swapped,98.98,18.80,rtsp://10.0.0.2/a\n"
                         "abroad,ไกล,Abroad,51.5,-0.1,rtsp://10.0.0.3/a\n"
                         "scheme,ผิด,Scheme,18.80,98.98,file:///etc/passwd\n"
                         "twice,ซ้ำ,Twice,18.80,98.98,rtsp://10.0.0.4/a\n"
                         "twice,ซ้ำ,Twice,18.80,98.98,rtsp://10.0.0.5/a\n";
  const auto data = (folder.path() / "data").string();
  const auto dry = run({"cameras", "import", file.string(), "--dry-run", "--data", data});
  EXPECT_EQ(dry.code, 1);
  EXPECT_NE(dry.output.find("1 created"), std::string::npos) << dry.output;
  EXPECT_NE(dry.output.find("5 rejected"), std::string::npos) << dry.output;
  EXPECT_NE(dry.output.find("cameras.csv:3: swapped rejected"), std::string::npos) << dry.output;
  const auto taken = run({"cameras", "import", file.string(), "--data", data});
  EXPECT_NE(taken.output.find("1 created"), std::string::npos) << taken.output;
  const auto again = run({"cameras", "import", file.string(), "--data", data});
  EXPECT_NE(again.output.find("1 unchanged"), std::string::npos) << again.output;

  std::ofstream(file, std::ios::trunc) << "id,name_en,lat\nx,y,1\n";
  const auto missing = run({"cameras", "import", file.string(), "--data", data});
  EXPECT_EQ(missing.code, 2);
  EXPECT_NE(missing.output.find("main_url"), std::string::npos) << missing.output;
}

TEST(Program, adds_users_who_can_then_log_in) {
  const TemporaryFolder folder;
  const auto data = folder.path().string();
  const auto file = folder.path() / "password";
  std::ofstream(file) << "a-long-enough-secret\n";
  const auto shell = run({"user", "add", "somchai", "--role", "dictator", "--data", data});
  EXPECT_EQ(shell.code, 2);
  EXPECT_NE(shell.output.find("investigator"), std::string::npos) << shell.output;
  Process add({"/bin/sh", "-c", "exec \"$0\" user add somchai --role viewer --data \"$1\" < \"$2\"", program, data, file.string()}, {},
              true);
  std::string output;
  EXPECT_EQ(add.wait(&output), 0) << output;
  const auto port = test::free_port();
  RunningHub hub(folder.path(), port);
  ASSERT_TRUE(hub.ready());
  HttpClient client(port);
  EXPECT_EQ(client.log_in("somchai", "a-long-enough-secret").status, 200);
  EXPECT_EQ(client.request("DELETE", "/api/v1/cameras/cam01").status, 403) << "a viewer may not";
}

}  // namespace
}  // namespace ccoc
