#include "ccoc/rtsp/relay.h"

#include <gtest/gtest.h>

#include "ccoc/media/rtp.h"
#include "support/manual_clock.h"

namespace ccoc::rtsp {
namespace {

using namespace std::chrono_literals;

struct Seen final : RelayViewer {
  void on_packets(TrackKind track, const media::PacketBatchPtr& packets) override {
    (track == TrackKind::video ? pictures : sound).push_back(packets);
  }
  void on_report(TrackKind, const SharedBytes& rtcp) override {
    reports.push_back(media::parse_sender_report(*rtcp).value());
    bye = bye || media::has_bye(*rtcp);
  }
  std::vector<media::PacketBatchPtr> pictures, sound;
  std::vector<media::SenderReport> reports;
  bool bye = false;
};

struct RelayTest : testing::Test {
  media::AccessUnitPtr unit(Duration after, bool key = false, bool discontinuity = false, std::int32_t composition = 0) {
    auto made = std::make_shared<media::AccessUnit>();
    made->format = format;
    made->data = std::make_shared<const Bytes>(Bytes{0, 0, 0, 2, static_cast<std::uint8_t>(key ? 0x65 : 0x41), 0x80});
    made->media_time = 500 + to_ticks(after, video_timescale);
    made->capture_time = begin + after;
    made->composition_offset = composition;
    made->key = key;
    made->discontinuity = discontinuity;
    return made;
  }

  test::ManualClock clock;
  UtcTime begin = clock.utc_now();
  media::VideoFormatPtr format = std::make_shared<const media::VideoFormat>(
      media::VideoFormat{.codec = media::Codec::h264, .vps = {}, .sps = {{0x67, 1}}, .pps = {{0x68, 1}}, .codec_string = {}});
};

TEST_F(RelayTest, a_viewer_begins_at_the_cached_key_unit_with_the_packets_all_others_got) {
  Relay relay(clock, Relay::Timing::live, 7);
  Seen first, second;
  relay.add(first);
  EXPECT_FALSE(relay.start_of(TrackKind::video));
  relay.on_unit(unit(0ms, true));
  relay.on_unit(unit(40ms));
  relay.on_unit(unit(80ms, true));
  relay.on_unit(unit(120ms));
  ASSERT_TRUE(relay.start_of(TrackKind::video));
  EXPECT_EQ(relay.start_of(TrackKind::video)->timestamp, first.pictures[2]->timestamp);
  relay.add(second);
  ASSERT_EQ(second.pictures.size(), 2u);
  EXPECT_EQ(second.pictures[0]->framed, first.pictures[2]->framed) << "not made again";
  EXPECT_EQ(second.reports.size(), 1u) << "told the time at once";
  relay.remove(first);
  relay.on_unit(unit(160ms));
  EXPECT_EQ(first.pictures.size(), 4u);
  EXPECT_EQ(second.pictures.size(), 3u);
  relay.on_interrupted();
  EXPECT_FALSE(relay.start_of(TrackKind::video));
}

TEST_F(RelayTest, live_times_follow_the_wall_clock_over_a_new_run) {
  Relay relay(clock, Relay::Timing::live, 7);
  Seen seen;
  relay.add(seen);
  relay.on_unit(unit(0ms, true, true));
  relay.on_unit(unit(40ms, false, false, 3600));
  auto other = std::make_shared<media::AccessUnit>(*unit(10s, true, true));
  other->media_time = 77;  // the camera counts anew
  relay.on_unit(other);
  EXPECT_EQ(seen.pictures[1]->timestamp - seen.pictures[0]->timestamp, 2 * 3600u) << "presentation times";
  EXPECT_EQ(seen.pictures[2]->timestamp - seen.pictures[0]->timestamp, 900'000u);
}

TEST_F(RelayTest, reports_lie_on_the_line_of_the_pictures) {
  Relay relay(clock, Relay::Timing::live, 7);
  Seen seen;
  relay.add(seen);
  relay.on_unit(unit(0ms, true));
  ASSERT_EQ(seen.reports.size(), 1u);
  EXPECT_EQ(media::ntp_to_utc(seen.reports[0].ntp), clock.utc_now());
  EXPECT_EQ(seen.reports[0].rtp_timestamp, seen.pictures[0]->timestamp);
  clock.advance(6s);
  relay.on_unit(unit(5s));
  ASSERT_EQ(seen.reports.size(), 2u);
  EXPECT_EQ(seen.reports[1].rtp_timestamp - seen.pictures[0]->timestamp, 540'000u) << "of the moment it is sent";
  EXPECT_EQ(seen.reports[1].packets, 4u);
  relay.end();
  EXPECT_TRUE(seen.bye);
}

TEST_F(RelayTest, recorded_times_go_on_at_the_speed_and_close_gaps) {
  Relay relay(clock, Relay::Timing::recorded, 7);
  Seen seen;
  relay.add(seen);
  relay.restart(2);
  relay.on_unit(unit(0ms, true));
  relay.on_unit(unit(40ms));
  relay.on_unit(unit(1h, true, true));  // a gap
  relay.on_unit(unit(1h + 40ms));
  relay.restart(-8);
  relay.on_unit(unit(30min, true));
  relay.on_unit(unit(30min - 1s, true));
  const auto step = [&](std::size_t i) { return seen.pictures[i]->timestamp - seen.pictures[i - 1]->timestamp; };
  EXPECT_EQ(step(1), 1800u);
  EXPECT_EQ(step(2), 3600u);
  EXPECT_EQ(step(3), 1800u);
  EXPECT_EQ(step(4), 3600u);
  EXPECT_EQ(step(5), 11'250u) << "a second in an eighth of one";
  EXPECT_EQ(media::ntp_to_utc(seen.reports[0].ntp), begin) << "the time it was taken";
}

}  // namespace
}  // namespace ccoc::rtsp
