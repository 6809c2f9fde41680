#include "ccoc/simulator/farm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rtsp_viewer.h"
#include "small_clip.h"

namespace ccoc::simulator {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::small_clip;
using testing::small_clip_frames;
using testing::Viewer;

constexpr std::uint32_t frame_ticks = 3600;  // 25 fps

struct FarmTest : ::testing::Test {
  std::unique_ptr<Farm> start(FarmOptions options = {}, unsigned cameras = 2) {
    const auto clip = small_clip();
    options.cameras.assign(cameras, CameraMedia{clip, clip});
    auto farm = Farm::start(std::move(options));
    EXPECT_TRUE(farm) << farm.error().message;
    return farm ? std::move(*farm) : nullptr;
  }
};

void expect_continuous(const std::vector<testing::Frame>& frames, std::size_t from = 1) {
  for (std::size_t i = from; i < frames.size(); ++i) {
    EXPECT_EQ(frames[i].timestamp - frames[i - 1].timestamp, frame_ticks) << i;
    EXPECT_EQ(frames[i].first_sequence, static_cast<std::uint16_t>(frames[i - 1].last_sequence + 1)) << i;
    EXPECT_EQ(frames[i].ssrc, frames[i - 1].ssrc) << i;
    ASSERT_TRUE(frames[i].stamp) << i;
    EXPECT_EQ(frames[i].stamp->frame, frames[i - 1].stamp->frame + 1) << i;
  }
}

TEST_F(FarmTest, plays_on_over_the_loop_without_a_seam_and_at_its_own_pace) {
  const auto farm = start();
  Viewer viewer(farm->port());
  ASSERT_TRUE(viewer.play(farm->url(2, "main")));
  ASSERT_TRUE(viewer.wait_frames(small_clip_frames + 15));
  expect_continuous(viewer.frames);
  const auto& first = *viewer.frames.front().stamp;
  const auto& last = *viewer.frames.back().stamp;
  EXPECT_EQ(first.camera, 2u);
  EXPECT_GE(last.sent - first.sent, (small_clip_frames + 12) * 40ms) << "frames were sent too early";
}

TEST_F(FarmTest, rtp_info_names_the_first_packet) {
  const auto farm = start();
  for (int viewers = 0; viewers < 2; ++viewers) {
    Viewer viewer(farm->port());
    ASSERT_TRUE(viewer.play(farm->url(1, "main")));
    ASSERT_TRUE(viewer.wait_frames(1));
    const auto info = rtsp::parse_rtp_info(viewer.play_reply.header("RTP-Info"));
    ASSERT_EQ(info.size(), 1u);
    EXPECT_EQ(info[0].sequence, viewer.frames[0].first_sequence);
    EXPECT_EQ(info[0].rtptime, viewer.frames[0].timestamp);
  }
}

TEST_F(FarmTest, counts_what_it_sends_and_delivers_it_all_before_it_ends) {
  const auto farm = start();
  Viewer viewer(farm->port());
  ASSERT_TRUE(viewer.play(farm->url(1, "sub")));
  ASSERT_TRUE(viewer.wait_frames(5));
  farm->stop();
  ASSERT_TRUE(viewer.wait_closed());
  const auto counts = farm->counts();
  ASSERT_EQ(counts.size(), 4u);
  EXPECT_EQ(counts[1].stream, "sub");
  EXPECT_EQ(counts[1].frames_sent, viewer.frames.size());
  EXPECT_EQ(counts[1].plays, 1u);
  EXPECT_EQ(counts[1].last_frame, viewer.frames.back().stamp->frame);
  EXPECT_EQ(counts[0].frames_sent, 0u);
  EXPECT_THAT(to_json(counts),
              HasSubstr("{\"camera\":\"cam01\",\"stream\":\"sub\",\"frames_sent\":" + std::to_string(viewer.frames.size())));
}

TEST_F(FarmTest, several_viewers_see_the_same_frames_each_on_its_own_channels) {
  const auto farm = start();
  Viewer one(farm->port()), other(farm->port());
  ASSERT_TRUE(one.play(farm->url(1, "main"), "0-1"));
  ASSERT_TRUE(other.play(farm->url(1, "main"), "6-7"));
  ASSERT_TRUE(other.wait_frames(3));
  ASSERT_TRUE(one.wait_frames(30));
  EXPECT_THAT(one.channels, ::testing::Each(::testing::AnyOf(0, 1)));
  EXPECT_THAT(other.channels, ::testing::Each(::testing::AnyOf(6, 7)));
  const auto joined = std::ranges::find(one.frames, other.frames[0].timestamp, &testing::Frame::timestamp);
  ASSERT_NE(joined, one.frames.end());
  EXPECT_EQ(joined->stamp, other.frames[0].stamp);
}

TEST_F(FarmTest, sends_reports_that_map_rtp_time_to_the_wall_clock) {
  const auto farm = start({.report_interval = 200ms});
  Viewer viewer(farm->port());
  ASSERT_TRUE(viewer.play(farm->url(1, "main")));
  ASSERT_TRUE(viewer.read_until([&] { return viewer.reports.size() >= 2 && viewer.frames.size() >= 12; }));
  const auto& report = viewer.reports[1];
  EXPECT_EQ(report.ssrc, viewer.frames[0].ssrc);
  EXPECT_GT(report.packets, 0u);
  const auto& frame = viewer.frames[10];
  const auto ticks = static_cast<std::int32_t>(frame.timestamp - report.rtp_timestamp);
  const auto by_report = media::ntp_to_utc(report.ntp) + from_ticks(ticks, video_timescale);
  EXPECT_LT(std::chrono::abs(by_report - frame.stamp->sent), 1s) << "a stamp is never far from its frame's time";
}

TEST_F(FarmTest, asks_for_the_password_and_takes_it_by_digest) {
  const auto farm = start({.user = "admin", .password = "รหัส@/"});
  const auto url = farm->url(1, "main");
  Viewer viewer(farm->port());
  EXPECT_EQ(viewer.ask("OPTIONS", url).status, 200);
  const auto refusal = viewer.ask("DESCRIBE", url);
  ASSERT_EQ(refusal.status, 401);
  rtsp::Authenticator wrong("admin", "guess"), right("admin", "รหัส@/");
  wrong.on_unauthorized(refusal);
  EXPECT_EQ(viewer.ask("DESCRIBE", url, {{"Authorization", wrong.authorization("DESCRIBE", url)}}).status, 401);
  right.on_unauthorized(refusal);
  EXPECT_EQ(viewer.ask("DESCRIBE", url, {{"Authorization", right.authorization("DESCRIBE", url)}}).status, 200);
}

TEST_F(FarmTest, answers_as_a_camera_should) {
  const auto farm = start();
  const auto url = farm->url(1, "main");
  Viewer viewer(farm->port());
  EXPECT_EQ(viewer.ask("DESCRIBE", farm->url(3, "main")).status, 404);
  EXPECT_EQ(viewer.ask("DESCRIBE", farm->url(1, "other")).status, 404);
  EXPECT_EQ(viewer.ask("PLAY", url).status, 454);
  EXPECT_EQ(viewer.ask("BREW", url).status, 501);
  EXPECT_EQ(viewer.ask("SETUP", url, {{"Transport", "RTP/AVP;multicast"}}).status, 461);
  EXPECT_EQ(viewer.ask("GET_PARAMETER", url).status, 200);
  ASSERT_TRUE(viewer.play(url));
  EXPECT_EQ(viewer.ask("GET_PARAMETER", url).status, 200);
  EXPECT_EQ(viewer.ask("TEARDOWN", url).status, 200);
  EXPECT_EQ(viewer.ask("GET_PARAMETER", url).status, 454);
}

TEST_F(FarmTest, refuses_udp_when_told_so) {
  const auto farm = start({.udp = false});
  Viewer viewer(farm->port());
  EXPECT_EQ(viewer.ask("SETUP", farm->url(1, "main"), {{"Transport", "RTP/AVP;unicast;client_port=40000-40001"}}).status, 461);
}

TEST_F(FarmTest, drops_whole_frames_for_a_slow_viewer_and_hurts_nobody_else) {
  const auto farm = start({.backlog_bytes = 20'000, .send_buffer_bytes = 8'192});
  Viewer slow(farm->port(), 4096), quick(farm->port());
  ASSERT_TRUE(slow.play(farm->url(1, "main")));
  ASSERT_TRUE(quick.play(farm->url(2, "main")));
  ASSERT_TRUE(quick.read_until([&] { return farm->counts()[0].frames_dropped > 0; }, 120s)) << "the kernel's buffers never filled";
  expect_continuous(quick.frames);
  EXPECT_EQ(farm->counts()[2].frames_dropped, 0u);
  const auto seen = slow.frames.size();
  ASSERT_TRUE(slow.wait_frames(seen + 20));
  for (std::size_t i = 1; i < slow.frames.size(); ++i) {
    EXPECT_TRUE(slow.frames[i].stamp) << "frame " << i << " is not whole";
    EXPECT_GT(slow.frames[i].stamp->frame, slow.frames[i - 1].stamp->frame);
  }
}

TEST_F(FarmTest, says_when_its_port_is_taken_or_its_address_is_none) {
  const auto farm = start();
  const auto clip = small_clip();
  const auto second = Farm::start({.port = farm->port(), .cameras = {{clip, nullptr}}});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_THAT(second.error().message, HasSubstr("--port"));
  const auto nowhere = Farm::start({.address = "camera.example", .cameras = {{clip, nullptr}}});
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, ErrorCode::invalid_argument);
}

TEST_F(FarmTest, closes_on_garbage_and_goes_on_with_the_others) {
  const auto farm = start();
  Viewer good(farm->port()), bad(farm->port());
  ASSERT_TRUE(good.play(farm->url(1, "main")));
  const std::string garbage(300'000, '\x01');
  ::send(bad.fd(), garbage.data(), garbage.size(), MSG_NOSIGNAL);
  EXPECT_TRUE(bad.wait_closed());
  EXPECT_TRUE(good.wait_frames(good.frames.size() + 5));
}

struct FaultTest : FarmTest {};

TEST_F(FaultTest, drop_closes_in_the_middle_of_a_frame_and_only_that_camera) {
  const auto farm = start();
  Viewer hit(farm->port()), spared(farm->port());
  ASSERT_TRUE(hit.play(farm->url(1, "main")));
  ASSERT_TRUE(spared.play(farm->url(2, "main")));
  ASSERT_TRUE(hit.wait_frames(3));
  farm->apply({.camera = 1, .kind = FaultKind::drop});
  ASSERT_TRUE(hit.wait_closed());
  EXPECT_GT(hit.torn_packets(), 0u) << "it closed between two frames";
  EXPECT_TRUE(spared.wait_frames(spared.frames.size() + 5));
  EXPECT_TRUE(Viewer(farm->port()).play(farm->url(1, "main")));
}

TEST_F(FaultTest, stall_keeps_the_connection_and_is_silent_for_its_time) {
  const auto farm = start();
  Viewer viewer(farm->port());
  ASSERT_TRUE(viewer.play(farm->url(1, "main")));
  ASSERT_TRUE(viewer.wait_frames(3));
  farm->apply({.camera = 1, .kind = FaultKind::stall, .length = 700ms});
  ASSERT_TRUE(viewer.wait_frames(viewer.frames.size() + 30));
  Duration longest{0};
  for (std::size_t i = 1; i < viewer.frames.size(); ++i) {
    longest = std::max<Duration>(longest, viewer.frames[i].stamp->sent - viewer.frames[i - 1].stamp->sent);
    EXPECT_EQ(viewer.frames[i].first_sequence, static_cast<std::uint16_t>(viewer.frames[i - 1].last_sequence + 1));
  }
  EXPECT_GE(longest, 700ms);
}

TEST_F(FaultTest, reboot_refuses_for_its_time_and_begins_from_zero) {
  const auto farm = start();
  const auto url = farm->url(1, "main");
  Viewer before(farm->port());
  ASSERT_TRUE(before.play(url));
  ASSERT_TRUE(before.wait_frames(3));
  farm->apply({.camera = 1, .kind = FaultKind::reboot, .length = 600ms});
  ASSERT_TRUE(before.wait_closed());
  EXPECT_FALSE(Viewer(farm->port()).play(url)) << "it answers while it reboots";
  const SystemClock clock;
  const auto deadline = clock.now() + 15s;
  for (bool played = false; !played;) {
    ASSERT_LT(clock.now(), deadline) << "it never came back";
    Viewer after(farm->port());
    played = after.play(url);
    if (!played) continue;
    ASSERT_TRUE(after.wait_frames(2));
    EXPECT_NE(after.frames[0].ssrc, before.frames[0].ssrc);
    EXPECT_EQ(after.frames[0].first_sequence, 0);
    EXPECT_EQ(after.frames[0].timestamp, after.frames[0].stamp->frame * frame_ticks);
    EXPECT_LT(after.frames[0].timestamp, 20u * 90'000);
    expect_continuous(after.frames);
  }
}

TEST_F(FaultTest, jump_moves_timestamps_for_good_and_stray_for_one_frame) {
  const auto farm = start();
  Viewer viewer(farm->port());
  ASSERT_TRUE(viewer.play(farm->url(1, "main")));
  const auto jumps = [&] {
    std::vector<std::int32_t> out;
    for (std::size_t i = 1; i < viewer.frames.size(); ++i) {
      const auto step = static_cast<std::int32_t>(viewer.frames[i].timestamp - viewer.frames[i - 1].timestamp);
      if (step != static_cast<std::int32_t>(frame_ticks)) out.push_back(step);
    }
    return out;
  };
  ASSERT_TRUE(viewer.wait_frames(3));
  farm->apply({.camera = 1, .kind = FaultKind::jump, .amount = 7200s});
  ASSERT_TRUE(viewer.read_until([&] { return jumps().size() == 1; }));
  EXPECT_EQ(jumps()[0], 7200 * 90'000 + 3600);
  farm->apply({.camera = 1, .kind = FaultKind::stray, .amount = -60s});
  ASSERT_TRUE(viewer.read_until([&] { return jumps().size() == 3; }));
  EXPECT_EQ(jumps()[1], -60 * 90'000 + 3600);
  EXPECT_EQ(jumps()[2], 60 * 90'000 + 3600);
}

TEST_F(FaultTest, a_plan_makes_it_happen_by_itself_again_and_again) {
  FarmOptions options;
  options.faults.add(parse_fault("all:drop@300ms,every=300ms").value());
  const auto farm = start(std::move(options));
  for (int times = 0; times < 2; ++times) {
    Viewer viewer(farm->port());
    ASSERT_TRUE(viewer.play(farm->url(1, "main")) || viewer.wait_closed());
    EXPECT_TRUE(viewer.wait_closed());
  }
}

}  // namespace
}  // namespace ccoc::simulator
