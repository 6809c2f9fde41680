// What cameras do in their media and with their clocks. The numbers are those of the catalogue in docs/faults.md.
#include <algorithm>
#include <cstdlib>

#include "ccoc/media/nal.h"
#include "faults/stage.h"
#include "sim/sim_camera.h"

namespace ccoc::faults {
namespace {

using rtsp::Message;
using testing::HasSubstr;

class Media : public testing::Test {
 protected:
  Stage stage;
  Script& script = stage.camera.script;

  void expect_live_after(Duration span) { stage.expect_live_after(span); }
  /// Wall-clock time between the first and the last picture, against the time it took.
  double span_error() const {
    const auto first = sim::find_mark(*stage.units().front()->data)->picture;
    const auto last = sim::find_mark(*stage.units().back()->data)->picture;
    const double sent_s = static_cast<double>(last - first) / stage.camera.script.fps;
    const double kept_s = static_cast<double>((stage.units().back()->capture_time - stage.units().front()->capture_time).count()) / 1e6;
    return kept_s - sent_s;
  }
  std::size_t runs() const {
    return static_cast<std::size_t>(std::ranges::count_if(stage.units(), [](const auto& unit) { return unit->discontinuity; }));
  }
};

// 3
TEST_F(Media, fault_3_a_camera_that_reboots_starts_a_new_run_behind_the_old_one) {
  expect_live_after(5s);
  script.accepts = false;
  stage.camera.close_all();
  stage.run(4s);
  script.accepts = true;
  stage.camera.restart();
  expect_live_after(8s);
  EXPECT_EQ(runs(), 2u);
  ASSERT_EQ(stage.interruptions().size(), 2u) << "the break, and the refusals";
}

TEST_F(Media, fault_3_a_new_source_on_the_same_connection) {
  expect_live_after(5s);
  stage.camera.restart();
  expect_live_after(5s);
  EXPECT_EQ(stage.camera.connections(), 1);
  EXPECT_TRUE(std::ranges::is_sorted(stage.pictures()));
  EXPECT_GE(stage.pictures().size(), 240u);
}

// 4
TEST_F(Media, fault_4_one_stray_timestamp_is_retimed) {
  for (const std::int64_t off : {+7200ll, -7200ll, +40ll, -40ll}) {
    const auto strange = stage.camera.pictures_sent() + 60;
    script.timestamp = [=](std::uint64_t picture, std::uint32_t t) {
      return picture == strange ? t + static_cast<std::uint32_t>(off * 90000) : t;
    };
    expect_live_after(6s);
  }
  EXPECT_EQ(runs(), 1u);
  EXPECT_NEAR(span_error(), 0, 0.2);
}

TEST_F(Media, fault_4_a_lasting_jump_starts_a_new_run) {
  std::uint32_t jump = 0;
  script.timestamp = [&](std::uint64_t, std::uint32_t t) { return t + jump; };
  expect_live_after(3s);
  std::size_t jumps = 0;
  for (const std::int64_t off_s : {7200ll, -7200ll, -30000ll, 9ll}) {
    jump += static_cast<std::uint32_t>(off_s * 90000);
    ++jumps;
    expect_live_after(5s);
    EXPECT_EQ(runs(), 1 + jumps) << off_s;
  }
  EXPECT_NEAR(span_error(), 0, 0.3);
}

TEST_F(Media, fault_4_timestamps_from_zero_after_a_reconnect) {
  expect_live_after(3s);
  script.timestamp = [&](std::uint64_t picture, std::uint32_t) { return static_cast<std::uint32_t>(picture * 3600); };
  stage.camera.close_all();
  expect_live_after(5s);
  EXPECT_EQ(runs(), 2u);
}

// 5
TEST_F(Media, fault_5_another_rate_than_declared_leaves_no_gap_and_no_error) {
  struct Rates {
    int stamped, sent;
  };
  for (const auto& [stamped, sent] : {Rates{25, 21}, Rates{15, 25}}) {
    Stage own(4);
    own.camera.script.fps = sent;
    own.camera.script.rtp_scale = static_cast<double>(sent) / stamped;
    own.run(5min);
    own.expect_sane_times();
    EXPECT_NEAR(own.status().fps, sent, 1);
    EXPECT_EQ(own.camera.connections(), 1);
    // Each picture's time is near its arrival once the pace is known, and none stays for long.
    const auto& units = own.units();
    for (std::size_t i = units.size() / 2; i < units.size(); ++i) {
      ASSERT_LT(units[i]->capture_time - units[i - 1]->capture_time, 200ms) << stamped << " as " << sent << ", picture " << i;
    }
    EXPECT_LT(own.world.clock().utc_now() - units.back()->capture_time, 500ms);
    EXPECT_EQ(std::ranges::count_if(units, [](const auto& unit) { return unit->discontinuity; }), 1);
  }
}

// 6
TEST_F(Media, fault_6_a_camera_clock_500_ppm_off_is_followed_for_a_week) {
  for (const auto& [ppm, days] : {std::pair{500.0, 7}, std::pair{-500.0, 1}}) {
    Stage own(3);
    own.camera.script.fps = 1;
    own.camera.script.gop_frames = 10;
    own.camera.script.frame_bytes = 100;
    own.camera.script.clock_ppm = ppm;
    for (int day = 0; day < days; ++day) {
      own.run(24h);
      ASSERT_TRUE(own.live());
      own.expect_sane_times();
      const auto age = own.world.clock().utc_now() - own.units().back()->capture_time;
      EXPECT_LT(age, 1500ms) << ppm << " on day " << day;
      EXPECT_GT(age, -200ms) << ppm << " on day " << day;
      EXPECT_EQ(own.camera.connections(), 1);
      // What the camera's clock is away from the hub's by then, within the time of a report.
      ASSERT_TRUE(own.status().clock_offset_ms);
      EXPECT_NEAR(static_cast<double>(*own.status().clock_offset_ms), (day + 1) * 86'400 * ppm / 1000, 300);
      own.forget_units();
      own.camera.forget_requests();
    }
  }
}

TEST_F(Media, fault_6_the_offset_of_a_wrong_camera_clock_is_measured) {
  for (const Duration offset : {Duration{-3h}, Duration{0s}, Duration{std::chrono::hours{24 * 365}}}) {
    script.clock_offset = offset;
    expect_live_after(17s);
    ASSERT_TRUE(stage.status().clock_offset_ms);
    EXPECT_NEAR(static_cast<double>(*stage.status().clock_offset_ms), static_cast<double>(offset.count()) / 1000, 200);
  }
}

TEST_F(Media, fault_6_no_sender_reports) {
  script.report_interval = 0s;
  expect_live_after(20s);
  EXPECT_FALSE(stage.status().clock_offset_ms);
}

// 7
TEST_F(Media, fault_7_the_hubs_own_clock_steps) {
  expect_live_after(10s);
  stage.world.step_utc(-30s);
  stage.run(10s);
  stage.world.step_utc(45s);
  stage.run(10s);
  EXPECT_TRUE(stage.live());
  for (std::size_t i = 1; i < stage.units().size(); ++i) {
    ASSERT_GT(stage.units()[i]->capture_time, stage.units()[i - 1]->capture_time);
    if (!stage.units()[i]->discontinuity) {
      ASSERT_LT(stage.units()[i]->media_time - stage.units()[i - 1]->media_time, 10 * 90000);
    }
  }
}

// 8
TEST_F(Media, fault_8_wrap_around_of_timestamps_and_sequence_numbers) {
  // The camera starts shortly before both wrap.
  expect_live_after(60s);
  EXPECT_EQ(runs(), 1u);
  EXPECT_EQ(stage.damaged(), 0u);
  EXPECT_EQ(stage.status().lost_packets, 0u);
  EXPECT_NEAR(span_error(), 0, 0.1);
}

TEST_F(Media, fault_8_marker_missing_or_on_every_packet) {
  for (const bool always : {false, true}) {
    script.packets = [always](std::vector<Bytes>& packets) {
      for (auto& packet : packets) packet[1] = static_cast<std::uint8_t>(always ? packet[1] | 0x80 : packet[1] & 0x7f);
    };
    stage.camera.close_all();
    stage.run(2s);
    stage.forget_units();
    expect_live_after(6s);
    const auto pictures = stage.pictures();
    ASSERT_GT(pictures.size(), 100u);
    for (std::size_t i = 1; i < pictures.size(); ++i) ASSERT_EQ(pictures[i], pictures[i - 1] + 1);
    EXPECT_EQ(stage.units().size(), pictures.size());
  }
}

TEST_F(Media, fault_8_long_and_short_groups_large_pictures_and_odd_rates) {
  struct Course {
    int fps, gop;
    std::size_t bytes;
  };
  for (const auto& [fps, gop, bytes] :
       {Course{25, 250, 2000}, Course{25, 1, 8000}, Course{60, 60, 1500}, Course{1, 5, 4000}, Course{5, 5, 500'000}}) {
    Stage own(5);
    own.camera.script.fps = fps;
    own.camera.script.gop_frames = gop;
    own.camera.script.frame_bytes = bytes;  // key pictures are four times as large: 2 MB at most
    own.run(40s);
    EXPECT_TRUE(own.live()) << fps << " " << own.status().last_error;
    own.expect_sane_times();
    EXPECT_NEAR(own.status().fps, fps, 1);
    if (gop < 40 * fps) {
      EXPECT_EQ(own.status().gop_frames, static_cast<unsigned>(gop));
    }
    EXPECT_EQ(own.camera.connections(), 1);
    EXPECT_EQ(own.damaged(), 0u);
  }
}

// 9
TEST_F(Media, fault_9_parameter_sets_only_in_band) {
  script.sdp = "v=0\r\ns=x\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:t\r\n";
  script.picture = [](std::uint64_t picture, bool key) {
    Bytes out;
    if (key) {
      // The sets of the usual SDP.
      const Bytes sps{0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00,
                      0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x32, 0x0f, 0x16, 0x2e, 0x48};
      const Bytes pps{0x68, 0xcb, 0x83, 0xcb, 0x20};
      for (const auto& set : {sps, pps}) {
        for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(set.size() >> shift));
        out.insert(out.end(), set.begin(), set.end());
      }
    }
    const auto coded = sim::make_picture(key, 1, picture, 1500);
    out.insert(out.end(), coded.begin(), coded.end());
    return out;
  };
  expect_live_after(3s);
  EXPECT_EQ(stage.status().width, 640u);
}

// 10
struct Loss {
  const char* name;
  double lost, twice, late;
};
class OverUdp : public Media, public testing::WithParamInterface<Loss> {};
TEST_P(OverUdp, fault_10_loss_repetition_and_disorder) {
  const auto [name, lost, twice, late] = GetParam();
  stage.config.transport = rtsp::MediaTransport::udp;
  auto& world = stage.world;
  script.network = [&world, lost, late]() -> std::optional<Duration> {
    if (world.chance(lost)) return std::nullopt;
    return world.chance(late) ? Duration{world.uniform(5'000, 60'000)} : Duration{1'000};
  };
  script.packets = [&world, twice](std::vector<Bytes>& packets) {
    for (std::size_t i = packets.size(); i-- > 0;) {
      if (world.chance(twice)) packets.insert(packets.begin() + static_cast<std::ptrdiff_t>(i), Bytes(packets[i]));
    }
  };
  expect_live_after(60s);
  EXPECT_EQ(stage.camera.connections(), 1);
  const auto sent = stage.camera.pictures_sent();
  if (lost == 0) {
    EXPECT_EQ(stage.damaged(), 0u);
    EXPECT_EQ(stage.status().lost_packets, 0u);
    EXPECT_GE(stage.pictures().size() + 40, sent);
  } else {
    EXPECT_GT(stage.status().lost_packets, 0u);
    EXPECT_GT(stage.damaged(), 0u);
    EXPECT_GE(stage.units().size(), sent * 8 / 10);
  }
  if (late > 0) {
    EXPECT_GT(stage.status().reordered_packets, 0u);
  }
  // A picture is whole or says that it is not.
  for (const auto& unit : stage.units()) {
    std::size_t bytes = 0;
    ASSERT_TRUE(media::for_each_nal(*unit->data, [&](ByteView nal) { bytes += nal.size(); }));
    if (!unit->damaged) {
      EXPECT_TRUE(bytes == script.frame_bytes || bytes == script.frame_bytes * 4) << bytes;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Networks, OverUdp,
                         testing::Values(Loss{"clean", 0, 0, 0}, Loss{"repeating", 0, 0.05, 0}, Loss{"disordered", 0, 0, 0.05},
                                         Loss{"losing_1_in_100", 0.01, 0, 0}, Loss{"losing_5_in_100", 0.05, 0.01, 0.02}),
                         [](const auto& tested) { return std::string(tested.param.name); });

// 17
TEST_F(Media, fault_17_a_hundred_times_the_usual_bitrate_is_taken) {
  expect_live_after(3s);
  script.frame_bytes = 300'000;
  stage.run(5s);
  script.frame_bytes = 3000;
  expect_live_after(3s);
  EXPECT_EQ(stage.camera.connections(), 1);
}

// C7
TEST_F(Media, fault_C7_packets_missing_over_tcp_mark_the_damage) {
  std::uint64_t n = 0;
  script.packets = [&](std::vector<Bytes>& packets) {
    if (++n % 50 == 10) packets.erase(packets.begin());
  };
  expect_live_after(20s);
  EXPECT_GT(stage.damaged(), 0u);
  EXPECT_EQ(stage.camera.connections(), 1);
  EXPECT_GT(stage.status().lost_packets, 5u);
}

TEST_F(Media, fault_C7_a_wrong_interleaved_length_is_resynchronised) {
  std::uint64_t n = 0;
  script.wire = [&](Bytes& wire) {
    if (++n % 100 == 30) wire[3] = static_cast<std::uint8_t>(wire[3] + 7);
  };
  stage.run(60s);
  EXPECT_TRUE(stage.live());
  EXPECT_LE(stage.camera.connections(), 15);
  EXPECT_GE(stage.pictures().size(), 1200u);
}

TEST_F(Media, fault_C7_packets_of_65_kilobytes) {
  script.packets = [](std::vector<Bytes>& packets) {
    // One packet whatever the size: what a careless camera sends over TCP.
    if (packets.size() == 1) return;
    Bytes whole(packets.front().begin(), packets.front().begin() + 12);
    whole[1] |= 0x80;
    const auto header = static_cast<std::uint8_t>((packets.front()[12] & 0xe0) | (packets.front()[13] & 0x1f));
    whole.push_back(header);
    for (const auto& packet : packets) whole.insert(whole.end(), packet.begin() + 14, packet.end());
    packets = {whole};
  };
  script.frame_bytes = 16'000;  // key pictures of 64 kB
  expect_live_after(5s);
  EXPECT_EQ(stage.units().size(), stage.pictures().size());
}

// C8
TEST_F(Media, fault_C8_joining_in_the_middle_of_a_picture) {
  bool first = true;
  script.packets = [&](std::vector<Bytes>& packets) {
    if (std::exchange(first, false) && packets.size() > 1) packets.erase(packets.begin(), packets.end() - 1);
  };
  expect_live_after(4s);
  EXPECT_EQ(stage.units().size(), stage.pictures().size());
}

// C10
TEST_F(Media, fault_C10_after_a_loss_no_sample_lasts_hours) {
  expect_live_after(3s);
  script.sends = false;
  stage.run(4s);
  script.sends = true;
  std::uint32_t jump = 90000u * 3600u * 5u;
  script.timestamp = [&](std::uint64_t, std::uint32_t t) { return t + jump; };
  expect_live_after(5s);
  EXPECT_EQ(stage.camera.connections(), 1);
}

// C11
TEST_F(Media, fault_C11_a_group_of_minutes_is_no_reason_to_reconnect) {
  script.gop_frames = 25 * 180;
  expect_live_after(10min);
  EXPECT_EQ(stage.camera.connections(), 1);
}

}  // namespace
}  // namespace ccoc::faults
