#include "ccoc/media/sdp.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "ccoc/media/depacketizer.h"
#include "unit/media/streams.h"

namespace ccoc::media {
namespace {

/// The body of a recorded reply; all of a bare SDP.
std::string body_of(const std::string& name) {
  const auto bytes = test::read_data("cameras/" + name);
  const std::string text(as_text(bytes));
  const auto blank = text.find("\r\n\r\n");
  const auto blank_lf = text.find("\n\n");
  if (text.starts_with("v=")) return text;
  return blank != std::string::npos ? text.substr(blank + 4) : text.substr(blank_lf + 2);
}

SessionDescription read(const std::string& name) { return parse_sdp(body_of(name)).value(); }

TEST(Sdp, reads_a_hikvision_camera) {
  const auto sdp = read("hikvision_describe.txt");
  EXPECT_EQ(sdp.name, "Media Presentation");
  ASSERT_EQ(sdp.media.size(), 2u);
  const auto& video = sdp.media[0];
  EXPECT_EQ(video.kind, "video");
  EXPECT_EQ(video.protocol, "RTP/AVP");
  EXPECT_EQ(video.payload_type, 96);
  EXPECT_EQ(video.encoding, "H264");
  EXPECT_EQ(video.clock_rate, 90000u);
  EXPECT_EQ(video.bandwidth_bps, 5'000'000u);
  EXPECT_EQ(video.control, "rtsp://192.168.5.106:554/Streaming/Channels/101/trackID=1?transportmode=unicast&profile=Profile_1");
  EXPECT_EQ(video.fmtp_value("sprop-parameter-sets"), "Z00AKZpkA8ARPyzUBAQFAAADA+gAAOpgBA==,aO48gA==");
  EXPECT_EQ(video.fmtp_value("profile-level-id"), "420029");
  EXPECT_EQ(sdp.media[1].encoding, "VND.ONVIF.METADATA");
}

TEST(Sdp, reads_h265_and_the_static_type_of_a_dahua_camera) {
  const auto sdp = read("dahua_describe_h265_pcma.txt");
  ASSERT_EQ(sdp.media.size(), 2u);
  EXPECT_EQ(sdp.control, "*");
  EXPECT_EQ(sdp.media[0].encoding, "H265");
  EXPECT_EQ(sdp.media[0].framerate, 12.0);
  EXPECT_EQ(sdp.media[0].control, "trackID=0");
  EXPECT_EQ(sdp.media[0].fmtp_value("sprop-pps"), "RAHA8saNA7NA");
  EXPECT_EQ(sdp.media[1].encoding, "PCMA");
  EXPECT_EQ(sdp.media[1].clock_rate, 8000u);
  EXPECT_EQ(sdp.media[1].channels, 1);
}

TEST(Sdp, reads_audio_with_channels) {
  const auto sdp = read("bunny_describe.txt");
  ASSERT_EQ(sdp.media.size(), 2u);
  EXPECT_EQ(sdp.media[0].encoding, "MPEG4-GENERIC");
  EXPECT_EQ(sdp.media[0].clock_rate, 12000u);
  EXPECT_EQ(sdp.media[0].channels, 2);
  EXPECT_EQ(sdp.media[0].fmtp_value("config"), "1490");
  EXPECT_EQ(sdp.media[1].framerate, 24.0);
}

TEST(Sdp, knows_payload_types_that_need_no_rtpmap) {
  const auto sdp = read("foscam_describe.txt");
  ASSERT_EQ(sdp.media.size(), 2u);
  EXPECT_EQ(sdp.media[1].encoding, "PCMU");
  EXPECT_EQ(sdp.media[1].control, "track2");
}

TEST(Sdp, believes_an_rtpmap_against_the_static_type) {
  const auto sdp = read("gw_main_describe.txt");
  EXPECT_EQ(sdp.media.at(1).payload_type, 8);
  EXPECT_EQ(sdp.media.at(1).encoding, "PCMU");
}

TEST(Sdp, takes_absolute_controls_and_blanks_after_semicolons) {
  const auto sdp = read("geovision_sdp.txt");
  ASSERT_EQ(sdp.media.size(), 2u);
  EXPECT_EQ(sdp.media[0].payload_type, 105);
  EXPECT_EQ(sdp.media[0].control, "rtsp://192.168.5.237/media/video1/video");
  EXPECT_EQ(sdp.media[0].fmtp_value("packetization-mode"), "1");
  EXPECT_EQ(sdp.control, "");
}

TEST(Sdp, does_not_depend_on_the_order_of_session_lines) {
  const auto plain = read("reolink_describe.txt");
  const auto swapped = read("reolink_describe_control_first.txt");
  EXPECT_EQ(plain.control, "*");
  EXPECT_EQ(swapped.control, "*");
  ASSERT_EQ(plain.media.size(), swapped.media.size());
  EXPECT_EQ(plain.media[0].control, swapped.media[0].control);
}

TEST(Sdp, leaves_out_only_the_section_it_cannot_read) {  // faults.md C1
  const auto sdp = parse_sdp(
      "v=0\r\nm=application 0 RTP/AVP smart/0/25000\r\na=control:x\r\nm=video 0/0\r\n"
      "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=1\r\n");
  ASSERT_TRUE(sdp);
  ASSERT_EQ(sdp->media.size(), 1u);
  EXPECT_EQ(sdp->media[0].control, "trackID=1");
  EXPECT_EQ(sdp->unreadable_sections, 2);
}

TEST(Sdp, finds_the_codec_without_rtpmap) {
  const auto sdp = parse_sdp("m=video 0 RTP/AVP 96\na=fmtp:96 sprop-parameter-sets=Z00AH5WoFAFuQA==,aO48gA==\n");
  EXPECT_EQ(sdp.value().media.at(0).encoding, "H264");
}

TEST(Sdp, takes_lone_line_feeds_trailing_zeros_and_odd_case) {
  const auto text = std::string("v=0\nA=x\nm=VIDEO 0 RTP/AVP 96 97\na=RtpMap:96 h264/90000\na=CONTROL: track1 \n") + std::string(2, 0);
  const auto sdp = parse_sdp(text).value();
  ASSERT_EQ(sdp.media.size(), 1u);
  EXPECT_EQ(sdp.media[0].kind, "video");
  EXPECT_EQ(sdp.media[0].encoding, "H264");
  EXPECT_EQ(sdp.media[0].control, "track1");
}

TEST(Sdp, keeps_impossible_numbers_out) {
  const auto sdp = parse_sdp(
      "v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/0\na=framerate:nan\nb=AS:99999999999999999999\n"
      "m=video 0 RTP/AVP 300\nm=video 0 RTP/AVP -1\n");
  ASSERT_EQ(sdp.value().media.size(), 1u);
  EXPECT_EQ(sdp->media[0].clock_rate, 90000u);
  EXPECT_EQ(sdp->media[0].framerate, 0);
  EXPECT_EQ(sdp->media[0].bandwidth_bps, 0u);
  EXPECT_EQ(sdp->unreadable_sections, 2);
}

TEST(Sdp, refuses_what_is_no_description) {
  for (const std::string& text : {std::string(), std::string("<html>not found</html>"), std::string(70'000, 'v')}) {
    const auto sdp = parse_sdp(text);
    ASSERT_FALSE(sdp);
    EXPECT_EQ(sdp.error().code, ErrorCode::corrupt);
  }
  std::string many = "v=0\n";
  for (int i = 0; i < 33; ++i) many += "m=video 0 RTP/AVP 96\n";
  EXPECT_FALSE(parse_sdp(many));
}

TEST(Sdp, survives_mutations_of_every_recorded_description) {
  std::mt19937 random(1);
  int read_at_all = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(CCOC_TEST_DATA) + "/cameras")) {
    const auto original = body_of(entry.path().filename());
    for (int round = 0; round < 200; ++round) {
      auto text = original;
      for (int i = 0; i < 4 && !text.empty(); ++i) {
        const auto at = random() % text.size();
        switch (random() % 3) {
          case 0: text[at] = static_cast<char>(random()); break;
          case 1: text.erase(at, random() % 20); break;
          default: text.insert(at, text.substr(random() % text.size(), random() % 40)); break;
        }
      }
      if (const auto sdp = parse_sdp(text)) {
        ++read_at_all;
        EXPECT_LE(sdp->media.size(), 32u);
        for (const auto& media : sdp->media) {
          EXPECT_GE(media.payload_type, 0);
          EXPECT_GT(media.clock_rate, 0u);
        }
      }
    }
  }
  EXPECT_GT(read_at_all, 1000);
}

TEST(Sdp, what_is_written_is_read_back) {
  for (const auto codec : {Codec::h264, Codec::h265}) {
    const auto clip = test::load_clip(codec);
    const auto text = make_sdp({.name = "Gate\r\nm=evil", .range = "npt=0-5", .video = clip.format, .framerate = 12.5, .audio = nullptr},
                               "rtsp://h/x/", "?a=b");
    const auto read = parse_sdp(text);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->name, "Gate  m=evil");
    ASSERT_EQ(read->media.size(), 1u);
    const auto& video = read->media[0];
    EXPECT_EQ(video.encoding, codec == Codec::h264 ? "H264" : "H265");
    EXPECT_EQ(video.control, "rtsp://h/x/trackID=0?a=b");
    EXPECT_EQ(video.framerate, 12.5);
    std::vector<RawUnit> units;
    auto depacketizer = make_depacketizer(video, [&](RawUnit&& unit) { units.push_back(std::move(unit)); });
    ASSERT_TRUE(depacketizer);
    // The parameter sets of the description are enough to begin with.
    const auto slice = clip.pictures[0].back();
    (*depacketizer)->push({true, 96, 1, 0, 1, ByteView(slice).first(std::min<std::size_t>(slice.size(), 1000))});
    ASSERT_EQ(units.size(), 1u);
    EXPECT_EQ(*units[0].format, *clip.format);
  }
}

}  // namespace
}  // namespace ccoc::media
