#include "stage.h"

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

namespace ccoc::bench {
namespace fs = std::filesystem;
namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

double seconds_since(steady_clock::time_point begin) { return std::chrono::duration<double>(steady_clock::now() - begin).count(); }

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

Result<json::value> parse_json(const std::string& text, const std::string& what) {
  boost::system::error_code error;
  auto value = json::parse(text, error);
  if (error) return fail(ErrorCode::corrupt, what + " is no JSON: " + text.substr(0, 200));
  return value;
}

Error unexpected_answer(const std::string& what, const HttpResponse& answer) {
  return Error{ErrorCode::unavailable, what + ": " + std::to_string(answer.status) + " " + answer.body.substr(0, 600), {}};
}

}  // namespace

std::string camera_id(int number) {
  auto digits = std::to_string(number);
  if (digits.size() < 2) digits.insert(0, 1, '0');
  return "cam" + digits;
}

bool wait_until(const std::function<bool()>& condition, milliseconds limit) {
  const auto deadline = steady_clock::now() + limit;
  while (!condition()) {
    if (steady_clock::now() > deadline) return condition();
    std::this_thread::sleep_for(milliseconds{20});
  }
  return true;
}

std::string tail(const std::string& path, std::size_t bytes) {
  const auto text = read_text(path);
  return text.substr(text.size() - std::min(bytes, text.size()));
}

Result<FarmProcess> FarmProcess::start(const Options& options, const std::string& folder) {
  const auto port = free_port();
  if (!port) return std::unexpected(port.error());
  fs::create_directories(folder);
  const auto stats = folder + "/sent.json";
  std::vector<std::string> arguments{options.program,       "simulate", "--cameras", std::to_string(options.cameras), "--port",
                                     std::to_string(*port), "--stats",  stats};
  if (!options.main_clip.empty()) {
    arguments.insert(arguments.end(), {"--main", options.main_clip});
  } else if (!options.clips.empty()) {
    arguments.insert(arguments.end(), {"--clips", options.clips});
  }
  auto child = Child::start(arguments, folder + "/farm.log");
  if (!child) return std::unexpected(child.error());
  FarmProcess out{std::move(*child), *port, stats};
  const bool open = wait_until([&] { return !out.child_.running() || port_open(*port); }, std::chrono::minutes{5});
  if (!open || !out.child_.running()) {
    return fail(ErrorCode::unavailable, "the camera farm did not start:\n" + tail(folder + "/farm.log"));
  }
  return out;
}

std::string FarmProcess::url(int camera, const std::string& stream) const {
  return "rtsp://127.0.0.1:" + std::to_string(port_) + "/" + camera_id(camera) + "/" + stream;
}

Result<std::map<std::string, SentFrames>> FarmProcess::stop() {
  if (auto stopped = child_.stop(); !stopped) return std::unexpected(stopped.error());
  auto value = parse_json(read_text(stats_), "what the farm counted");
  if (!value) return std::unexpected(value.error());
  std::map<std::string, SentFrames> out;
  for (const auto& stream : value->at("streams").as_array()) {
    const auto key = std::string(stream.at("camera").as_string()) + "/" + std::string(stream.at("stream").as_string());
    out[key] = {stream.at("frames_sent").to_number<std::uint64_t>(), stream.at("frames_dropped").to_number<std::uint64_t>()};
  }
  return out;
}

Result<HubProcess> HubProcess::start(const Options& options, const FarmProcess& farm, const std::string& folder,
                                     const std::vector<std::string>& extra) {
  auto out = start_alone(options, folder, extra);
  if (!out) return out;
  const auto registered = steady_clock::now();
  std::string csv = "id,name_th,name_en,lat,lon,main_url,sub_url,transport\n";
  for (int camera = 1; camera <= options.cameras; ++camera) {
    const auto number = std::to_string(camera);
    csv += camera_id(camera) + ",กล้อง " + number + ",Camera " + number + ",18.80,98.98," + farm.url(camera, "main") + "," +
           (options.sub_streams ? farm.url(camera, "sub") : "") + "," + (options.udp ? "udp" : "tcp") + "\n";
  }
  if (auto done = out->import_cameras(csv, options.cameras); !done) return std::unexpected(done.error());
  const auto all_live = [&] { return out->live_cameras().value_or(0) == options.cameras; };
  if (!wait_until(all_live, std::chrono::seconds{40})) {
    return fail(ErrorCode::timeout,
                "only " + std::to_string(out->live_cameras().value_or(0)) + " cameras became live:\n" + tail(folder + "/hub.log"));
  }
  out->live_s_ = seconds_since(registered);
  return out;
}

Result<HubProcess> HubProcess::start_alone(const Options& options, const std::string& folder, const std::vector<std::string>& extra) {
  const auto port = free_port();
  if (!port) return std::unexpected(port.error());
  fs::create_directories(folder);
  const auto data = folder + "/data";
  const std::string password = "a-password-for-measuring";
  std::vector<std::string> environment{"CCOC_INGEST__ALLOW_LOOPBACK=true", "CCOC_ADMIN_PASSWORD=" + password};
  environment.insert(environment.end(), extra.begin(), extra.end());
  const auto begin = steady_clock::now();
  auto child = Child::start({options.program, "serve", "--data", data, "--http", "127.0.0.1:" + std::to_string(*port)}, folder + "/hub.log",
                            environment);
  if (!child) return std::unexpected(child.error());
  HubProcess out{std::move(*child), HttpClient{*port}, data};
  const auto ready = [&] {
    if (!out.child_.running()) return true;
    if (!port_open(*port)) return false;
    const auto answer = out.http_.request("GET", "/readyz");
    return answer && answer->status == 200;
  };
  if (!wait_until(ready, std::chrono::seconds{60}) || !out.child_.running()) {
    return fail(ErrorCode::unavailable, "the hub did not start:\n" + tail(folder + "/hub.log"));
  }
  out.start_s_ = seconds_since(begin);
  if (auto done = out.log_in(password); !done) return std::unexpected(done.error());
  return out;
}

Status HubProcess::log_in(const std::string& password) {
  const auto body = json::serialize(json::object{{"username", "admin"}, {"password", password}});
  auto session = http_.request("POST", "/api/v1/session", body);
  if (!session) return std::unexpected(session.error());
  if (session->status != 200) return std::unexpected(unexpected_answer("log in", *session));
  const auto cookie = session->header("set-cookie");
  const auto value = parse_json(session->body, "the session");
  if (!value) return std::unexpected(value.error());
  auto asking = http_;
  asking.cookie = cookie.substr(0, cookie.find(';'));
  asking.csrf_token = std::string(value->at("csrf_token").as_string());
  auto key = asking.request("POST", "/api/v1/keys", R"({"name":"bench"})");
  if (!key) return std::unexpected(key.error());
  if (key->status != 201) return std::unexpected(unexpected_answer("make a key", *key));
  const auto made = parse_json(key->body, "the key");
  if (!made) return std::unexpected(made.error());
  http_.authorization = "Bearer " + std::string(made->at("bearer").as_string());
  return {};
}

Status HubProcess::import_cameras(const std::string& csv, int count) {
  auto report = http_.request("POST", "/api/v1/cameras/import", csv, "text/csv");
  if (!report) return std::unexpected(report.error());
  if (report->status != 200) return std::unexpected(unexpected_answer("import cameras", *report));
  const auto value = parse_json(report->body, "the import's report");
  if (!value) return std::unexpected(value.error());
  if (value->at("created").to_number<int>() != count) {
    return std::unexpected(unexpected_answer("import cameras", *report));
  }
  return {};
}

Result<int> HubProcess::live_cameras() const {
  auto answer = http_.request("GET", "/api/v1/status");
  if (!answer) return std::unexpected(answer.error());
  if (answer->status != 200) return std::unexpected(unexpected_answer("status", *answer));
  const auto value = parse_json(answer->body, "the status");
  if (!value) return std::unexpected(value.error());
  int live = 0;
  for (const auto& camera : value->at("cameras").as_array()) live += camera.at("state").as_string() == "live" ? 1 : 0;
  return live;
}

}  // namespace ccoc::bench
