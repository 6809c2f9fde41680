// The simulated cameras with their faults, over real sockets, and the hub's ingest that has to live with them.
#include "ccoc/simulator/farm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "ccoc/base/asio_reactor.h"
#include "ccoc/ingest/ingest.h"
#include "support/process.h"
#include "unit/simulator/small_clip.h"

namespace ccoc::faults {
namespace {

using simulator::Farm;
using test::eventually;

class Counter : public media::FrameSink {
 public:
  void on_unit(const media::AccessUnitPtr& unit) override {
    ++units;
    damaged += unit->damaged;
  }
  void on_interrupted(media::GapCause, std::string_view) override { ++interruptions; }
  std::atomic<int> units{0}, damaged{0}, interruptions{0};
};

class FromFarm : public testing::Test {
 protected:
  void SetUp() override {
    simulator::FarmOptions options;
    const auto clip = simulator::testing::small_clip();
    ASSERT_TRUE(clip);
    options.cameras = {{clip, clip}};
    options.user = "admin";
    options.password = "secret";
    auto started = Farm::start(std::move(options));
    ASSERT_TRUE(started) << started.error().message;
    farm = std::move(*started);
  }
  void TearDown() override { ingest.stop(); }

  void fault(const std::string& spec) {
    const auto parsed = simulator::parse_fault("cam01:" + spec);
    ASSERT_TRUE(parsed) << parsed.error().message;
    farm->apply(*parsed);
  }
  void connect(std::optional<rtsp::MediaTransport> transport = {}) {
    ingest::StreamConfig config;
    config.camera = "cam01";
    config.role = "main";
    config.url = farm->url(1, "main");
    config.username = "admin";
    config.password = "secret";
    config.transport = transport;
    ingest.apply("cam01", {config});
  }
  ingest::StreamStatus status() const { return ingest.statuses_of("cam01").at(0); }
  void expect_more_pictures(int how_many = 20) {
    const int before = counter->units;
    EXPECT_TRUE(eventually([&] { return counter->units >= before + how_many; })) << status().last_error;
  }
  void expect_error(const std::string& words) {
    EXPECT_TRUE(eventually([&] { return status().last_error.find(words) != std::string::npos; })) << status().last_error;
  }

  std::unique_ptr<Farm> farm;
  std::shared_ptr<Counter> counter = std::make_shared<Counter>();
  AsioReactor reactor{"media"};
  static ingest::IngestOptions options() {
    ingest::IngestOptions out;
    out.refuse_local = false;
    out.backoff_max = std::chrono::seconds{1};
    return out;
  }
  ingest::Ingest ingest{
      {&reactor}, options(), [this](const auto&, Reactor&, std::function<void(bool)>) { return ingest::StreamSinks{{counter}}; }, {}, {}};
};

TEST_F(FromFarm, faults_1_2_and_3_events_are_survived) {
  connect();
  expect_more_pictures();
  for (const char* event : {"drop@0s", "reboot@0s+300ms", "jump@0s=+7200s", "stray@0s=-60s", "stall@0s+1s"}) {
    fault(event);
    expect_more_pictures(30);
  }
}

TEST_F(FromFarm, faults_11_to_14_refusals_are_told_and_end) {
  for (const auto& [spec, words] : std::vector<std::pair<std::string, std::string>>{
           {"busy@0s", "serves no more sessions"}, {"missing@0s", "no such path"}, {"unauthorized@0s", "does not accept"}}) {
    fault(spec);
    connect();
    expect_error(words);
    ingest.remove("cam01");
    fault("behave@0s");
    connect();
    expect_more_pictures(5);
    ingest.remove("cam01");
  }
}

TEST_F(FromFarm, faults_13_and_14_oddities_do_not_matter) {
  for (const char* spec : {"redirect@0s", "nosprop@0s", "channels@0s=6", "garbage@0s", "udponly@0s", "tcponly@0s"}) {
    fault(spec);
    connect();
    expect_more_pictures(10);
    EXPECT_EQ(status().transport, std::string(spec).starts_with("udponly") ? "udp" : "tcp") << spec;
    ingest.remove("cam01");
    fault("behave@0s");
  }
}

TEST_F(FromFarm, fault_10_a_bad_network_by_udp) {
  connect(rtsp::MediaTransport::udp);
  expect_more_pictures();
  EXPECT_EQ(counter->damaged, 0);
  fault("reorder@0s=20%");
  fault("duplicate@0s=20%");
  expect_more_pictures(60);
  EXPECT_EQ(counter->damaged, 0);
  EXPECT_TRUE(eventually([&] { return status().reordered_packets > 0; }));
  EXPECT_EQ(status().lost_packets, 0u);
  fault("loss@0s=5%");
  expect_more_pictures(60);
  EXPECT_GT(counter->damaged, 0);
  EXPECT_TRUE(eventually([&] { return status().lost_packets > 0; }));
  EXPECT_EQ(counter->interruptions, 0);
}

TEST_F(FromFarm, faults_6_and_8_clocks_and_markers) {
  fault("clock@0s=+3h");
  fault("drift@0s=500ppm");
  fault("allmarkers@0s");
  connect();
  expect_more_pictures(40);
  EXPECT_TRUE(eventually([&] { return status().clock_offset_ms.value_or(0) > 10'000'000; }));
  EXPECT_NEAR(static_cast<double>(*status().clock_offset_ms), 3 * 3600e3, 2000);
  EXPECT_EQ(counter->interruptions, 0);
}

}  // namespace
}  // namespace ccoc::faults
