// Ingest against an RTSP server that this project did not write.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <mutex>

#include "ccoc/base/asio_reactor.h"
#include "ccoc/ingest/ingest.h"
#include "ccoc/media/nal.h"
#include "support/postgres.h"
#include "support/process.h"

namespace ccoc::ingest {
namespace {

using test::eventually;
using test::Process;

constexpr const char* h264_pipeline =
    "( videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc tune=zerolatency "
    "key-int-max=25 ! rtph264pay name=pay0 pt=96 config-interval=0 )";
constexpr const char* h265_pipeline =
    "( videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! x265enc tune=zerolatency "
    "key-int-max=25 ! rtph265pay name=pay0 pt=96 )";

class Collector : public media::FrameSink {
 public:
  void on_unit(const media::AccessUnitPtr& unit) override {
    const std::lock_guard lock(mutex_);
    units_.push_back(unit);
  }
  void on_interrupted(media::GapCause, std::string_view) override { ++interruptions; }
  std::vector<media::AccessUnitPtr> units() const {
    const std::lock_guard lock(mutex_);
    return units_;
  }
  std::atomic<int> interruptions{0};

 private:
  mutable std::mutex mutex_;
  std::vector<media::AccessUnitPtr> units_;
};

class IngestFromGst : public testing::Test {
 protected:
  std::unique_ptr<Process> serve(const char* pipeline, std::vector<std::string> login = {}) {
    std::vector<std::string> arguments{std::string(CCOC_BINARY_DIR) + "/peer_gst_rtsp_server", std::to_string(port_), pipeline};
    arguments.insert(arguments.end(), login.begin(), login.end());
    auto process = std::make_unique<Process>(arguments);
    EXPECT_TRUE(process->wait_for_output("ready"));
    return process;
  }
  StreamConfig stream(std::string user = {}, std::string password = {}) const {
    return {"cam01", "main", "rtsp://127.0.0.1:" + std::to_string(port_) + "/test", std::move(user), std::move(password)};
  }
  StreamStatus status() const {
    const auto all = ingest_.statuses_of("cam01");
    return all.empty() ? StreamStatus{} : all.front();
  }

  const std::uint16_t port_ = test::free_port();
  AsioReactor reactor_{"media"};
  std::shared_ptr<Collector> collector_ = std::make_shared<Collector>();
  static IngestOptions options() {
    IngestOptions out;
    out.refuse_local = false;
    return out;
  }
  Ingest ingest_{{&reactor_},
                 options(),
                 [this](const StreamConfig&, Reactor&, std::function<void(bool)>) { return StreamSinks{{collector_}}; },
                 {},
                 {}};
};

TEST_F(IngestFromGst, receives_whole_h264_pictures_in_order) {
  const auto server = serve(h264_pipeline);
  ingest_.apply("cam01", {stream()});
  ASSERT_TRUE(eventually([&] { return collector_->units().size() >= 60; })) << status().last_error;
  const auto units = collector_->units();
  EXPECT_TRUE(units.front()->key);
  EXPECT_TRUE(units.front()->discontinuity);
  EXPECT_EQ(units.front()->format->width, 320u);
  EXPECT_EQ(units.front()->format->height, 240u);
  int keys = 0;
  for (std::size_t i = 0; i < units.size(); ++i) {
    keys += units[i]->key;
    EXPECT_FALSE(units[i]->damaged);
    EXPECT_TRUE(media::for_each_nal(*units[i]->data, [](ByteView) {}));
    if (i > 0) {
      EXPECT_GT(units[i]->capture_time, units[i - 1]->capture_time);
      EXPECT_FALSE(units[i]->discontinuity);
    }
  }
  EXPECT_GE(keys, 2);
  EXPECT_EQ(status().state, StreamState::live);
  EXPECT_EQ(status().lost_packets, 0u);
}

TEST_F(IngestFromGst, receives_by_udp_with_no_packet_lost) {
  const auto server = serve(h264_pipeline);
  auto config = stream();
  config.transport = rtsp::MediaTransport::udp;
  ingest_.apply("cam01", {config});
  ASSERT_TRUE(eventually([&] { return collector_->units().size() >= 60; })) << status().last_error;
  EXPECT_EQ(status().transport, "udp");
  EXPECT_EQ(status().lost_packets, 0u);
  for (const auto& unit : collector_->units()) EXPECT_FALSE(unit->damaged);
}

// faults.md 8
TEST_F(IngestFromGst, gives_b_frames_their_decode_and_presentation_times) {
  const auto server = serve(
      "( videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc bframes=3 b-adapt=false "
      "b-pyramid=true speed-preset=veryfast key-int-max=24 ! video/x-h264,profile=main ! rtph264pay name=pay0 pt=96 config-interval=0 )");
  ingest_.apply("cam01", {stream()});
  ASSERT_TRUE(eventually([&] { return collector_->units().size() >= 180; })) << status().last_error;
  std::vector<std::int64_t> shown;
  bool reordered = false;
  for (const auto& unit : collector_->units()) {
    if (!shown.empty() && unit->media_time + unit->composition_offset < shown.back()) reordered = true;
    shown.push_back(unit->media_time + unit->composition_offset);
    EXPECT_GE(unit->composition_offset, 0);
    EXPECT_FALSE(unit->damaged);
  }
  EXPECT_TRUE(reordered);
  std::ranges::sort(shown);
  shown.resize(shown.size() - 4);  // the last ones may still wait for those shown before them
  // The encoder hands out the first ones all at once.
  for (std::size_t i = 100; i < shown.size(); ++i) EXPECT_NEAR(static_cast<double>(shown[i] - shown[i - 1]), 3600, 1000) << i;
}

// faults.md 14
TEST_F(IngestFromGst, takes_rtsps_and_afterwards_only_the_certificate_seen_first) {
  const test::TemporaryFolder folder;
  const auto make_certificate = [&](const std::string& name) {
    const auto pem = (folder.path() / (name + ".pem")).string();
    Process openssl({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=" + name, "-keyout", pem,
                     "-out", pem + ".crt"});
    EXPECT_EQ(openssl.wait(), 0);
    std::ifstream certificate(pem + ".crt");
    std::ofstream(pem, std::ios::app) << certificate.rdbuf();
    return pem;
  };
  auto config = stream();
  config.url = "rtsps" + config.url.substr(4);
  auto server = serve(h264_pipeline, {make_certificate("first")});
  ingest_.apply("cam01", {config});
  ASSERT_TRUE(eventually([&] { return collector_->units().size() >= 10; })) << status().last_error;
  const auto seen = status().certificate;
  EXPECT_EQ(seen.size(), 64u);
  EXPECT_EQ(status().transport, "tcp");

  // That it is pinned in the registry now does not interrupt.
  config.certificate = seen;
  ingest_.apply("cam01", {config});
  EXPECT_EQ(collector_->interruptions, 0);

  const auto probed = ingest_.probe(config, std::chrono::seconds{5});
  EXPECT_TRUE(probed.ok) << probed.reason;
  EXPECT_EQ(probed.certificate, seen);

  server.reset();
  server = serve(h264_pipeline, {make_certificate("second")});
  EXPECT_TRUE(eventually([&] { return status().last_error.find("another certificate") != std::string::npos; })) << status().last_error;
  config.certificate.clear();
  const auto before = collector_->units().size();
  ingest_.apply("cam01", {config});
  EXPECT_TRUE(eventually([&] { return collector_->units().size() > before; })) << status().last_error;
  EXPECT_NE(status().certificate, seen);
}

TEST_F(IngestFromGst, passes_h265_through) {
  const auto server = serve(h265_pipeline);
  ingest_.apply("cam01", {stream()});
  ASSERT_TRUE(eventually([&] { return collector_->units().size() >= 30; })) << status().last_error;
  EXPECT_EQ(collector_->units().front()->format->codec, media::Codec::h265);
  EXPECT_EQ(collector_->units().front()->format->width, 320u);
  EXPECT_EQ(status().codec.substr(0, 4), "hvc1");
}

TEST_F(IngestFromGst, logs_in_by_digest) {
  const auto server = serve(h264_pipeline, {"admin", "pa@ss/word"});
  ingest_.apply("cam01", {stream("admin", "pa@ss/word")});
  EXPECT_TRUE(eventually([&] { return !collector_->units().empty(); })) << status().last_error;
}

TEST_F(IngestFromGst, says_that_the_password_is_wrong_and_does_not_hammer) {
  const auto server = serve(h264_pipeline, {"admin", "right"});
  ingest_.apply("cam01", {stream("admin", "wrong")});
  ASSERT_TRUE(eventually([&] { return status().state == StreamState::offline; }));
  EXPECT_NE(status().last_error.find("password"), std::string::npos) << status().last_error;
  EXPECT_EQ(status().last_error.find("wrong"), std::string::npos) << "the password itself must not be shown";
}

TEST_F(IngestFromGst, reconnects_when_the_camera_comes_back_and_time_goes_on) {
  auto server = serve(h264_pipeline);
  ingest_.apply("cam01", {stream()});
  ASSERT_TRUE(eventually([&] { return collector_->units().size() >= 10; }));
  server.reset();
  ASSERT_TRUE(eventually([&] { return collector_->interruptions > 0; }));
  EXPECT_TRUE(eventually([&] { return status().state == StreamState::offline; }));
  const auto before = collector_->units();
  server = serve(h264_pipeline);
  ASSERT_TRUE(eventually([&] { return collector_->units().size() >= before.size() + 10; })) << status().last_error;
  const auto first_after = collector_->units()[before.size()];
  EXPECT_TRUE(first_after->discontinuity);
  EXPECT_GT(first_after->capture_time, before.back()->capture_time);
  EXPECT_EQ(status().reconnects, 1u);
}

TEST_F(IngestFromGst, probe_tells_what_a_camera_sends_or_why_not) {
  const auto server = serve(h264_pipeline);
  const auto good = ingest_.probe(stream(), std::chrono::seconds{10});
  EXPECT_TRUE(good.ok) << good.reason;
  EXPECT_EQ(good.codec, "h264");
  EXPECT_EQ(good.width, 320u);
  EXPECT_NEAR(good.fps, 25, 5);
  EXPECT_EQ(good.transport, "tcp");

  auto elsewhere = stream();
  elsewhere.url += "/nothing-here";
  const auto missing = ingest_.probe(elsewhere, std::chrono::seconds{10});
  EXPECT_FALSE(missing.ok);
  EXPECT_NE(missing.reason.find("404"), std::string::npos) << missing.reason;

  auto nobody = stream();
  nobody.url = "rtsp://127.0.0.1:" + std::to_string(test::free_port()) + "/test";
  const auto refused = ingest_.probe(nobody, std::chrono::seconds{10});
  EXPECT_FALSE(refused.ok);
  EXPECT_NE(refused.reason.find("cannot reach"), std::string::npos) << refused.reason;
}

TEST_F(IngestFromGst, an_unchanged_stream_is_not_touched_when_others_are) {
  const auto server = serve(h264_pipeline);
  ingest_.apply("cam01", {stream()});
  ASSERT_TRUE(eventually([&] { return collector_->units().size() >= 5; }));
  auto sub = stream();
  sub.role = "sub";
  ingest_.apply("cam01", {stream(), sub});
  ingest_.apply("cam01", {stream()});
  ASSERT_TRUE(eventually([&] { return collector_->units().size() >= 60; }));
  EXPECT_EQ(collector_->interruptions, 0);
  EXPECT_EQ(status().reconnects, 0u);
}

TEST_F(IngestFromGst, connects_an_on_demand_stream_only_while_someone_watches) {
  const auto server = serve(h264_pipeline);
  std::function<void(bool)> watch;
  auto options_now = options();
  options_now.linger = std::chrono::milliseconds{50};
  Ingest ingest{{&reactor_},
                options_now,
                [&](const StreamConfig&, Reactor&, std::function<void(bool)> set_prompt) {
                  watch = std::move(set_prompt);
                  return StreamSinks{{collector_}};
                },
                {},
                {}};
  auto sub = stream();
  sub.role = "sub";
  sub.on_demand = true;
  ingest.apply("cam01", {sub});
  const auto state = [&] { return ingest.statuses_of("cam01").front().state; };
  ASSERT_TRUE(eventually([&] { return state() == StreamState::disabled; }));
  EXPECT_TRUE(collector_->units().empty());
  reactor_.post([&] { watch(true); });
  ASSERT_TRUE(eventually([&] { return collector_->units().size() > 5; }));
  EXPECT_EQ(state(), StreamState::live);
  reactor_.post([&] { watch(false); });
  EXPECT_TRUE(eventually([&] { return state() == StreamState::disabled; }));
}

TEST(Ingest, refuses_loopback_unless_it_is_allowed) {
  AsioReactor reactor{"media"};
  Ingest ingest{
      {&reactor}, IngestOptions{}, [](const StreamConfig&, Reactor&, std::function<void(bool)>) { return StreamSinks{}; }, {}, {}};
  for (const char* url : {"rtsp://127.0.0.1:9/x", "rtsp://localhost:9/x", "rtsp://[::1]:9/x", "rtsp://169.254.1.1:9/x"}) {
    const auto result = ingest.probe({"cam01", "main", url, "", ""}, std::chrono::seconds{5});
    EXPECT_FALSE(result.ok) << url;
    EXPECT_NE(result.reason.find("refused"), std::string::npos) << url << ": " << result.reason;
  }
}

}  // namespace
}  // namespace ccoc::ingest
