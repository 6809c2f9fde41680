// Readers that this project did not write, in front of the farm: ffmpeg over TCP and UDP, and GStreamer's rtspsrc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "ccoc/simulator/farm.h"
#include "small_clip.h"

namespace ccoc::simulator {
namespace {

using testing::small_clip;

/// What a shell command prints, and whether it succeeded.
std::pair<std::string, bool> output_of(const std::string& command) {
  std::string out;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return {"popen failed", false};
  char buffer[4096];
  for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, n);
  return {out, ::pclose(pipe) == 0};
}

std::unique_ptr<Farm> farm_with(media::Codec codec) {
  const auto clip = small_clip(codec);
  auto farm = Farm::start({.user = "admin", .password = "p@ss/w", .cameras = {{clip, clip}}});
  EXPECT_TRUE(farm) << farm.error().message;
  return farm ? std::move(*farm) : nullptr;
}

std::string with_credentials(std::string url) { return url.insert(7, "admin:p%40ss%2Fw@"); }

struct Reading {
  media::Codec codec;
  const char* transport;
};

class Ffmpeg : public ::testing::TestWithParam<Reading> {};
INSTANTIATE_TEST_SUITE_P(Transports, Ffmpeg,
                         ::testing::Values(Reading{media::Codec::h264, "tcp"}, Reading{media::Codec::h264, "udp"},
                                           Reading{media::Codec::h265, "tcp"}),
                         [](const auto& reading) {
                           return std::string(media::to_string(reading.param.codec)) + "_" + reading.param.transport;
                         });

TEST_P(Ffmpeg, decodes_without_a_complaint_over_the_loop_point) {
  const auto farm = farm_with(GetParam().codec);
  ASSERT_TRUE(farm);
  const auto [text, ok] =
      output_of("timeout 40 ffmpeg -nostdin -hide_banner -loglevel error -rtsp_transport " + std::string(GetParam().transport) + " -i '" +
                with_credentials(farm->url(1, "main")) + "' -frames:v 70 -fps_mode passthrough -f framemd5 -");
  EXPECT_TRUE(ok) << text;
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("error"))) << text;
  std::size_t frames = 0;
  for (std::size_t at = text.find("\n0,"); at != std::string::npos; at = text.find("\n0,", at + 1)) ++frames;
  EXPECT_EQ(frames, 70u) << text;
}

TEST(Microphone, is_heard_by_ffmpeg_as_a_steady_tone) {
  const auto clip = small_clip(media::Codec::h264);
  const auto farm = Farm::start({.with_sound = 1, .cameras = {{clip, clip}, {clip, clip}}});
  ASSERT_TRUE(farm) << farm.error().message;
  const auto listen = [&](unsigned camera) {
    return output_of("timeout 40 ffmpeg -nostdin -hide_banner -loglevel error -rtsp_transport tcp -i '" + (*farm)->url(camera, "main") +
                     "' -vn -t 2 -af astats=metadata=1:reset=0,ametadata=print:key=lavfi.astats.Overall.RMS_level:file=- -f null -");
  };
  const auto [heard, ok] = listen(1);
  EXPECT_TRUE(ok) << heard;
  const auto at = heard.rfind("RMS_level=");
  ASSERT_NE(at, std::string::npos) << heard;
  EXPECT_GT(std::atof(heard.c_str() + at + 10), -50) << heard;
  EXPECT_FALSE(listen(2).second) << "the second camera has none";
}

class Gstreamer : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Transports, Gstreamer, ::testing::Values("tcp", "udp"),
                         [](const auto& transport) { return std::string(transport.param); });

TEST_P(Gstreamer, rtspsrc_reads_over_the_loop_point) {
  if (!output_of("gst-inspect-1.0 rtspsrc && gst-inspect-1.0 h264parse").second) GTEST_SKIP() << "rtspsrc or h264parse is not installed";
  const auto farm = farm_with(media::Codec::h264);
  ASSERT_TRUE(farm);
  const auto [text, ok] = output_of("timeout 40 gst-launch-1.0 rtspsrc location=" + farm->url(1, "sub") +
                                    " user-id=admin user-pw=p@ss/w latency=100 protocols=" + GetParam() +
                                    " ! rtph264depay ! h264parse ! identity eos-after=70 ! fakesink");
  EXPECT_TRUE(ok) << text;
  EXPECT_THAT(text, ::testing::HasSubstr("EOS"));
  farm->stop();
  EXPECT_GE(farm->counts()[1].frames_sent, 60u);
}

}  // namespace
}  // namespace ccoc::simulator
