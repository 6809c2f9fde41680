// The API upon real parts: PostgreSQL, an archive on a real disk, live channels that a test feeds by hand.
#pragma once

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <thread>

#include "ccoc/api/api.h"
#include "ccoc/api/rtsp_door.h"
#include "ccoc/base/asio_reactor.h"
#include "ccoc/vision/thumbnail_cache.h"
#include "ccoc/vision/transcoder.h"
#include "support/footage.h"
#include "support/http_client.h"
#include "support/postgres.h"

namespace ccoc::test {

/// True when the condition holds within ten seconds.
inline bool becomes(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + seconds{10};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

inline constexpr std::string_view password = "correct horse battery";

struct ApiWorld {
  /// `conversions`: how many viewers may have pictures converted.
  explicit ApiWorld(unsigned conversions = 1, std::string bridge_program = std::string(CCOC_BINARY_DIR) + "/ccoc-bridge")
      : bridge(std::move(bridge_program)),
        transcoder{{.worker = std::string(CCOC_BINARY_DIR) + "/ccoc-vision", .max_sessions = conversions, .timeout = seconds{20}}} {
    const access::Actor nobody;
    for (const auto role : access::all_roles) {
      const auto made = access.create_user({.username = std::string(access::to_string(role)),
                                            .name = "ตัวอย่าง",
                                            .role = role,
                                            .password = std::string(password),
                                            .must_change_password = false},
                                           nobody);
      EXPECT_TRUE(made) << (made ? "" : made.error().message);
    }
    EXPECT_TRUE(cameras.load());
    EXPECT_TRUE(geography.load());
    archive->start();
    std::filesystem::create_directories(folder.path() / "web/assets");
    write("web/index.html", "<!doctype html><title>console</title>");
    write("web/assets/app-1234.js", "console.log(1)");
    write("secret.txt", "nobody may read this");
    std::filesystem::create_symlink(folder.path() / "secret.txt", folder.path() / "web/link.txt");
    api::Services services{.clock = clock,
                           .access = access,
                           .cameras = cameras,
                           .geography = geography,
                           .clocks = clocks,
                           .motion = motion,
                           .database = *database,
                           .archive = *archive,
                           .ingest = ingest,
                           .live = live,
                           .viewers = viewers,
                           .events = events,
                           .playback_reactor = playback_reactor,
                           .playback_pool = *playback_pool,
                           .snapshot = [](const media::AccessUnit&, unsigned) -> Result<Bytes> { return Bytes{0xff, 0xd8}; },
                           .thumbnail = [this](const media::AccessUnit& unit, unsigned width) -> Result<Bytes> {
                             ++thumbnails_made;
                             if (unit.data->empty()) return Bytes{};
                             return Bytes{0xff, 0xd8, static_cast<std::uint8_t>(width / 160), 0xff, 0xd9};
                           },
                           .thumbnails = &thumbnails,
                           .picture = {},
                           .transcoder = &transcoder,
                           .site = {},
                           .data_dir = folder.path().string(),
                           .footage_dir = (folder.path() / "footage").string(),
                           .web_root = (folder.path() / "web").string(),
                           .version = "test",
                           .openapi = {}};
    const auto identity = rtsp::TlsIdentity::load_or_make((folder.path() / "tls").string(), {"localhost", "127.0.0.1"}, clock.utc_now());
    EXPECT_TRUE(identity) << (identity ? "" : identity.error().message);
    rtsp::ServerOptions listening{.port = 0};
    listening.tls = rtsp::ServerOptions::Tls{"127.0.0.1", 0, *identity};
    auto opened = api::RtspDoor::start(services, listening);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().message);
    rtsp = std::move(*opened);
    auto started = api::Api::start(std::move(services), {});
    EXPECT_TRUE(started) << (started ? "" : started.error().message);
    api = std::move(*started);
    cameras.on_change([this](const registry::CameraChange& change) {
      if (change.kind == registry::CameraChange::Kind::removed)
        events.camera_deleted(change.camera.id);
      else
        events.camera_changed(change.camera.id);
    });
  }
  ~ApiWorld() {
    viewers.stop();
    api->stop();
    rtsp->stop();
    api.reset();
    ingest.stop();
    archive->stop();
  }

  /// A key with these rights: "KEYID:SECRET".
  std::string key_of(access::Rights rights) {
    const auto owner = access.user_by_name("administrator");
    EXPECT_TRUE(owner);
    const auto made = access.create_key(*owner, "player", rights, std::nullopt, {});
    EXPECT_TRUE(made);
    return made->key.id + ":" + made->secret;
  }

  void write(const std::string& name, std::string_view text) const { std::ofstream(folder.path() / name) << text; }
  std::uint16_t port() const { return api->port(); }

  void add_camera(const std::string& id) {
    registry::CameraPatch patch;
    patch.id = id;
    patch.name_th = "กล้อง " + id;
    patch.name_en = "Camera " + id;
    patch.streams = {{.role = "main", .url = "rtsp://127.0.0.1:1/" + id, .username = "u", .password = "canary-password"}};
    const auto made = cameras.create(patch);
    ASSERT_TRUE(made) << made.error().error.message;
  }
  /// A live channel of a camera; feed it with feed().
  std::shared_ptr<live::Channel> open_channel(const std::string& id) {
    auto channel = std::make_shared<live::Channel>(media_reactor, [](bool) {});
    live.add(id, "main", channel);
    return channel;
  }
  void feed(const std::shared_ptr<live::Channel>& channel, media::AccessUnitPtr unit) {
    media_reactor.post([channel, unit = std::move(unit)] { channel->on_unit(unit); });
  }
  /// Footage of a camera from `start` on.
  void record(const std::string& id, UtcTime start, Duration length) {
    auto recorder = archive->record({id, "main"});
    ASSERT_TRUE(recorder) << recorder.error().message;
    Camera camera(start);
    camera.run_until(start + length, **recorder);
    recorder->reset();
    ASSERT_TRUE(becomes([&] {
      const auto extent = archive->catalog().extent({id, "main"});
      return extent && *extent && (*extent)->to >= start + length - seconds{2};
    }));
  }

  const std::string bridge;
  TemporaryFolder folder;
  SystemClock clock;
  std::unique_ptr<db::Database> database = fresh_database();
  registry::CameraRegistry cameras{*database, clock, registry::SecretBox::open(folder.path() / "secret.key").value(),
                                   registry::Rules{.site = {}, .allow_loopback = true}};
  registry::Geography geography{*database};
  registry::ClockHistory clocks{*database};
  registry::MotionHistory motion{*database};
  access::Access access{*database, clock};
  std::unique_ptr<archive::Archive> archive =
      archive::Archive::open({{"main", std::shared_ptr<Disk>(open_disk((folder.path() / "footage").string()).value())}}, *database, clock,
                             {})
          .value();
  live::Directory live;
  std::unique_ptr<api::RtspDoor> rtsp;  ///< outlives what feeds it
  AsioReactor media_reactor{"media"};
  AsioReactor playback_reactor{"playback"};
  std::unique_ptr<WorkQueue> playback_pool = make_thread_pool("read", 2, 1024);
  vision::Transcoder transcoder;
  webrtc::Viewers viewers{
      playback_reactor,
      *playback_pool,
      live,
      transcoder,
      {.bridge = bridge, .bridge_cache = std::string(CCOC_BINARY_DIR) + "/gstreamer-plugins.bin", .refuse_local = false, .max_viewers = 2}};
  ingest::Ingest ingest{{&media_reactor},
                        {.refuse_local = false, .bridge = bridge, .bridge_cache = std::string(CCOC_BINARY_DIR) + "/gstreamer-plugins.bin"},
                        [this](const ingest::StreamConfig& stream, Reactor& reactor, std::function<void(bool)> watched) {
                          auto channel = std::make_shared<live::Channel>(reactor, std::move(watched));
                          live.add(stream.camera, stream.role, channel);
                          return ingest::StreamSinks{{std::move(channel)}};
                        },
                        [this](const ingest::StreamConfig& stream) { live.remove(stream.camera, stream.role); },
                        [](const ingest::StreamStatus&) {}};
  api::EventFeed events;
  std::atomic<int> thumbnails_made{0};
  vision::ThumbnailCache thumbnails{std::shared_ptr<Disk>(open_disk((folder.path() / "thumbnails").string()).value()), 1u << 20};
  std::unique_ptr<api::Api> api;
};

inline boost::json::value json_of(const Answer& answer) {
  boost::system::error_code error;
  auto value = boost::json::parse(answer.body, error);
  EXPECT_FALSE(error) << answer.status << " " << answer.body.substr(0, 300);
  return value;
}

/// A person with a browser: keeps the cookie and shows the CSRF token.
class Person {
 public:
  explicit Person(std::uint16_t port) : port_(port) {}

  Answer log_in(std::string_view username, std::string_view with = password) {
    const std::string body = boost::json::serialize(boost::json::value{{"username", username}, {"password", with}});
    auto answer = Peer(port_).ask("POST", "/api/v1/session", {{"Content-Type", "application/json"}}, body);
    if (answer.status == 200) {
      const auto cookie = answer.header("Set-Cookie");
      cookie_ = cookie.substr(0, cookie.find(';'));
      csrf_ = std::string(json_of(answer).at("csrf_token").as_string());
    }
    return answer;
  }
  Answer ask(std::string_view method, std::string_view target, std::string_view body = {}, HeaderList more = {}) const {
    auto headers = this->headers();
    if (!body.empty()) headers.emplace_back("Content-Type", body.front() == '{' ? "application/json" : "text/csv");
    for (auto& field : more) headers.push_back(std::move(field));
    return Peer(port_).ask(method, target, headers, body);
  }
  Answer get(std::string_view target) const { return ask("GET", target); }
  HeaderList headers() const {
    HeaderList out;
    if (!cookie_.empty()) out.emplace_back("Cookie", cookie_);
    if (!csrf_.empty()) out.emplace_back("X-CSRF-Token", csrf_);
    return out;
  }
  const std::string& cookie() const { return cookie_; }
  SocketPeer socket(std::string_view target, int receive_buffer = 0) const {
    return SocketPeer(port_, target, {{"Cookie", cookie_}}, receive_buffer);
  }

 private:
  std::uint16_t port_;
  std::string cookie_;
  std::string csrf_;
};

}  // namespace ccoc::test
