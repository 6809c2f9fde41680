// A camera's sound: it comes along where it can, and never costs a picture.
#include "faults/stage.h"

namespace ccoc::faults {
namespace {

using rtsp::Message;

constexpr const char* with_sound =
    "v=0\r\ns=x\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n"
    "a=fmtp:96 sprop-parameter-sets=Z0LAHtkAoC/5cBEAAAMAAQAAAwAyDxYuSA==,aMuDyyA=\r\n"
    "m=audio 0 RTP/AVP 0\r\na=control:track2\r\n";

class CameraSound : public testing::Test {
 protected:
  CameraSound() {
    script.sdp = with_sound;
    script.sound = true;
  }
  /// The sound is there, on the clock of the pictures, and nothing was interrupted.
  void expect_sound(std::size_t frames) {
    EXPECT_GE(stage.sound().size(), frames);
    ASSERT_FALSE(stage.sound().empty());
    EXPECT_EQ(stage.sound().front()->format->codec_string, "ulaw");
    for (std::size_t i = 1; i < stage.sound().size(); ++i) {
      ASSERT_GT(stage.sound()[i]->capture_time, stage.sound()[i - 1]->capture_time) << i;
    }
    // A frame of sound begins 40 ms before it is sent, with the picture taken then.
    const auto apart = stage.units().back()->capture_time - stage.sound().back()->capture_time;
    EXPECT_LE(std::abs((apart - 40ms).count()), 30'000);
  }

  Stage stage;
  Script& script = stage.camera.script;
};

TEST_F(CameraSound, comes_along_on_the_clock_of_the_pictures) {
  stage.expect_live_after(20s);
  expect_sound(480);
  EXPECT_EQ(stage.status().audio_codec, "pcmu");
  EXPECT_EQ(stage.status().lost_packets, 0u);
}

TEST_F(CameraSound, is_not_asked_for_where_it_is_not_wanted) {
  stage.config.audio = false;
  stage.expect_live_after(5s);
  EXPECT_EQ(stage.camera.count("SETUP"), 1u);
  EXPECT_TRUE(stage.sound().empty());
  EXPECT_FALSE(stage.status().sound_set_up);
}

TEST_F(CameraSound, fault_15_a_kind_of_sound_that_is_not_known_is_left_out) {
  script.sdp = std::string(with_sound) + "a=rtpmap:0 G726-32/8000\r\n";
  script.sdp.replace(script.sdp.find("RTP/AVP 0"), 9, "RTP/AVP 98");
  script.sdp.replace(script.sdp.find("rtpmap:0"), 8, "rtpmap:98");
  stage.expect_live_after(5s);
  EXPECT_EQ(stage.camera.count("SETUP"), 1u);
}

TEST_F(CameraSound, a_refused_second_track_costs_only_the_sound) {
  for (const int status : {404, 453, 459, 461, 500}) {
    Stage other;
    other.camera.script.sdp = with_sound;
    other.camera.script.edit = [&](const Message& request, Message& reply) {
      if (request.method == "SETUP" && request.uri.ends_with("track2")) reply = Message::make_response(status, "No", request.cseq());
    };
    other.expect_live_after(5s);
    EXPECT_EQ(other.camera.connections(), 1) << status;
  }
}

TEST_F(CameraSound, a_camera_that_hangs_up_at_the_second_track_is_asked_for_pictures_alone) {
  bool hung_up = false;
  script.raw = [&](const Message& request) -> std::optional<std::string> {
    if (request.method != "SETUP" || !request.uri.ends_with("track2")) return std::nullopt;
    hung_up = true;
    stage.camera.close_all();
    return "";
  };
  stage.expect_live_after(5s);
  EXPECT_TRUE(hung_up);
  EXPECT_EQ(stage.camera.connections(), 2);
  stage.camera.close_all();
  stage.expect_live_after(5s);
  EXPECT_EQ(stage.camera.connections(), 3) << "it is remembered";
}

TEST_F(CameraSound, a_camera_that_is_silent_with_sound_is_asked_for_pictures_alone) {
  script.sound = false;
  bool with_second = false;
  script.edit = [&](const Message& request, Message&) {
    if (request.method == "DESCRIBE") with_second = false;
    if (request.method == "SETUP" && request.uri.ends_with("track2")) with_second = true;
    if (request.method == "PLAY") script.sends = !with_second;
  };
  stage.expect_live_after(20s);
  EXPECT_EQ(stage.status().transport, "tcp");
  EXPECT_FALSE(stage.status().sound_set_up);
}

TEST_F(CameraSound, fault_13_pictures_and_sound_on_each_others_channels) {
  script.rtp_channel = 2;
  script.sound_channel = 0;
  stage.expect_live_after(10s);
  expect_sound(200);
}

TEST_F(CameraSound, fault_13_pictures_and_sound_on_odd_channels) {
  script.rtp_channel = 7;
  script.sound_channel = 5;
  stage.expect_live_after(10s);
  expect_sound(200);
}

TEST_F(CameraSound, fault_C10_a_sound_clock_that_drifts_stays_with_the_pictures) {
  script.sound_ppm = 300;
  stage.expect_live_after(30min);
  expect_sound(40'000);
  for (const auto& unit : stage.units()) ASSERT_FALSE(unit->damaged);
}

TEST_F(CameraSound, fault_C10_sound_that_starts_late_stops_and_comes_back) {
  script.sound = false;
  stage.expect_live_after(10s);
  EXPECT_TRUE(stage.sound().empty());
  EXPECT_TRUE(stage.status().sound_set_up) << "who comes now waits for it";
  script.sound = true;
  stage.expect_live_after(10s);
  expect_sound(200);
  script.sound = false;
  stage.expect_live_after(60s);
  script.sound = true;
  stage.expect_live_after(10s);
  expect_sound(400);
  EXPECT_EQ(stage.camera.connections(), 1);
  EXPECT_TRUE(stage.interruptions().empty());
}

}  // namespace
}  // namespace ccoc::faults
