// What cameras do in the RTSP dialogue. The numbers are those of the catalogue in docs/faults.md.
#include <malloc.h>

#include "faults/stage.h"

/// Of the sanitizer's allocator, where the test was built with one.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes() __attribute__((weak));

namespace ccoc::faults {
namespace {

using rtsp::DigestAlgorithm;
using rtsp::Message;
using testing::HasSubstr;

/// What is allocated now.
std::size_t heap_bytes() {
  if (__sanitizer_get_current_allocated_bytes != nullptr) return __sanitizer_get_current_allocated_bytes();
  return mallinfo2().uordblks;
}

class Dialogue : public testing::Test {
 protected:
  Stage stage;
  Script& script = stage.camera.script;

  void expect_live_after(Duration span) { stage.expect_live_after(span); }
};

TEST_F(Dialogue, a_camera_that_behaves_is_live_within_a_second_and_loses_nothing) {
  expect_live_after(1s);
  stage.run(10s);
  const auto pictures = stage.pictures();
  for (std::size_t i = 1; i < pictures.size(); ++i) EXPECT_EQ(pictures[i], pictures[i - 1] + 1);
  EXPECT_EQ(stage.damaged(), 0u);
  EXPECT_EQ(stage.status().transport, "tcp");
}

// 1
TEST_F(Dialogue, fault_1_closed_at_any_byte_of_the_dialogue_is_tried_again_with_back_off) {
  std::size_t budget = 0;
  std::size_t sent = 0;
  // One history per place to cut: each session gets one byte more than the one before.
  script.raw = [&](const Message& request) -> std::optional<std::string> {
    if (request.method == "DESCRIBE") sent = 0;
    Message reply = Message::make_response(200, "OK", request.cseq());
    if (request.method == "DESCRIBE") {
      reply.add("Content-Base", request.uri + "/");
      reply.body =
          "v=0\r\ns=x\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
          "a=fmtp:96 sprop-parameter-sets=Z0LAHtkAoC/5cBEAAAMAAQAAAwAyDxYuSA==,aMuDyyA=\r\na=control:t\r\n";
    }
    if (request.method == "SETUP") {
      reply.add("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1");
      reply.add("Session", "s1");
    }
    auto text = rtsp::serialize(reply);
    if (sent + text.size() > budget) {
      text.resize(budget - sent);
      stage.world.post([this] { stage.camera.close_all(); });
    }
    sent += text.size();
    return text;
  };
  stage.options.backoff_max = 1s;
  for (; budget < 420 && !stage.live(); ++budget) {
    stage.run(3s);
    ASSERT_LE(stage.camera.open_connections(), 1u);
  }
  EXPECT_GT(budget, 300u);
  script.raw = nullptr;
  expect_live_after(10s);
}

TEST_F(Dialogue, fault_1_retries_back_off_to_half_a_minute_and_never_storm) {
  script.accepts = false;
  stage.run(10min);
  EXPECT_GT(stage.camera.connections(), 15);
  EXPECT_LT(stage.camera.connections(), 40);
  script.accepts = true;
  expect_live_after(46s);
}

// 2
TEST_F(Dialogue, fault_2_a_silent_camera_on_an_open_socket_is_noticed_within_five_seconds) {
  expect_live_after(2s);
  EXPECT_EQ(stage.quiet_seconds(), 0);
  script.sends = false;
  stage.run(2500ms);
  EXPECT_GE(stage.quiet_seconds(), 1) << "the recorder writes what waits for a next picture";
  stage.run(4500ms);
  EXPECT_FALSE(stage.live());
  ASSERT_EQ(stage.interruptions().size(), 1u);
  EXPECT_EQ(stage.interruptions()[0].cause, media::GapCause::camera);
  EXPECT_THAT(stage.interruptions()[0].reason, HasSubstr("no picture"));
  script.sends = true;
  expect_live_after(3s);
}

TEST_F(Dialogue, fault_2_a_camera_that_never_answers_is_given_up_after_the_time_for_answers) {
  script.answers = false;
  stage.run(20s);
  EXPECT_THAT(stage.status().last_error, HasSubstr("did not answer DESCRIBE"));
  script.answers = true;
  expect_live_after(5s);
}

// 11
struct AuthCase {
  const char* name;
  std::vector<DigestAlgorithm> algorithms;
};
class Authentication : public Dialogue, public testing::WithParamInterface<AuthCase> {};
TEST_P(Authentication, fault_11_digest_is_answered) {
  script.user = "admin";
  script.password = "p@ss/wörd#?%41:ไทย";
  script.algorithms = GetParam().algorithms;
  stage.config.username = script.user;
  stage.config.password = script.password;
  expect_live_after(2s);
  for (const auto& request : stage.camera.requests()) EXPECT_EQ(request.uri.find('@'), std::string::npos) << request.uri;
}
INSTANTIATE_TEST_SUITE_P(Algorithms, Authentication,
                         testing::Values(AuthCase{"md5", {DigestAlgorithm::md5}}, AuthCase{"sha256", {DigestAlgorithm::sha256}},
                                         AuthCase{"both", {DigestAlgorithm::md5, DigestAlgorithm::sha256}}),
                         [](const auto& tested) { return tested.param.name; });

TEST_F(Dialogue, fault_11_digest_without_qop_and_basic_are_answered) {
  std::string authorization;
  for (const char* challenge : {"Digest realm=\"r\", nonce=\"n\"", "Basic realm=\"r\""}) {
    authorization.clear();
    script.edit = [&, challenge](const Message& request, Message& reply) {
      if (!request.has("Authorization")) {
        reply = Message::make_response(401, "Unauthorized", request.cseq());
        reply.add("WWW-Authenticate", challenge);
      } else {
        authorization = request.header("Authorization");
      }
    };
    stage.config.username = "admin";
    stage.config.password = "secret";
    stage.camera.close_all();
    expect_live_after(5s);
    EXPECT_THAT(authorization, HasSubstr(std::string(challenge).substr(0, 5)));
    EXPECT_EQ(authorization.find("qop"), std::string::npos);
  }
}

TEST_F(Dialogue, fault_11_basic_is_refused_where_the_administrator_forbids_it) {
  script.edit = [](const Message& request, Message& reply) {
    reply = Message::make_response(401, "Unauthorized", request.cseq());
    reply.add("WWW-Authenticate", "Basic realm=\"r\"");
  };
  stage.options.allow_basic_auth = false;
  stage.config.username = "admin";
  stage.config.password = "secret";
  stage.run(5s);
  EXPECT_THAT(stage.status().last_error, HasSubstr("Basic is not allowed"));
  for (const auto& request : stage.camera.requests()) EXPECT_FALSE(request.has("Authorization"));
}

TEST_F(Dialogue, fault_11_a_wrong_password_is_told_and_not_tried_again_in_a_tight_loop) {
  script.user = "admin";
  script.password = "right";
  stage.config.username = "admin";
  stage.config.password = "wrong";
  stage.run(60s);
  EXPECT_THAT(stage.status().last_error, HasSubstr("does not accept the user name or the password"));
  EXPECT_LE(stage.camera.connections(), 3);
}

TEST_F(Dialogue, fault_11_an_endless_row_of_stale_nonces_ends) {
  int n = 0;
  script.edit = [&](const Message& request, Message& reply) {
    reply = Message::make_response(401, "Unauthorized", request.cseq());
    reply.add("WWW-Authenticate", "Digest realm=\"r\", nonce=\"" + std::to_string(++n) + "\", stale=true");
  };
  stage.config.username = "admin";
  stage.config.password = "secret";
  stage.run(10s);
  EXPECT_FALSE(stage.live());
  EXPECT_LT(n, 10);
}

TEST_F(Dialogue, fault_11_a_401_in_mid_session_is_answered_and_ends_nothing) {
  script.user = "admin";
  script.password = "secret";
  stage.config.username = "admin";
  stage.config.password = "secret";
  int refused = 0;
  script.edit = [&](const Message& request, Message& reply) {
    if (request.method != "GET_PARAMETER" || refused > 0) return;
    ++refused;
    reply = Message::make_response(401, "Unauthorized", request.cseq());
    reply.add("WWW-Authenticate", "Digest realm=\"ccoc camera\", nonce=\"fresh\", stale=true");
  };
  expect_live_after(90s);
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(stage.camera.connections(), 1);
}

// 12
TEST_F(Dialogue, fault_12_keep_alive_comes_at_a_third_of_the_time_out) {
  script.edit = [](const Message& request, Message& reply) {
    if (request.method != "SETUP") return;
    for (auto& header : reply.headers) {
      if (header.name == "Session") header.value = "s1;timeout=12";
    }
  };
  expect_live_after(41s);
  EXPECT_EQ(stage.camera.count("GET_PARAMETER"), 10u);
}

TEST_F(Dialogue, fault_12_where_one_keep_alive_is_refused_the_next_is_tried) {
  script.edit = [](const Message& request, Message& reply) {
    if (request.method == "GET_PARAMETER" || request.method == "OPTIONS") {
      reply = Message::make_response(501, "Not Implemented", request.cseq());
    }
  };
  expect_live_after(3min);
  EXPECT_EQ(stage.camera.count("GET_PARAMETER"), 1u);
  EXPECT_EQ(stage.camera.count("OPTIONS"), 1u);
  EXPECT_GT(stage.camera.count("SET_PARAMETER"), 3u);
  EXPECT_EQ(stage.camera.connections(), 1);
}

TEST_F(Dialogue, fault_12_keep_alives_that_are_never_answered_are_no_reason_to_reconnect) {
  script.raw = [](const Message& request) -> std::optional<std::string> {
    if (request.method == "GET_PARAMETER" || request.method == "OPTIONS" || request.method == "SET_PARAMETER") return "";
    return std::nullopt;
  };
  expect_live_after(10min);
  EXPECT_EQ(stage.camera.connections(), 1);
  EXPECT_GT(stage.camera.reports_received(), 100) << "receiver reports are what some servers want instead";
}

// 13
TEST_F(Dialogue, fault_13_relative_absolute_and_missing_control_urls) {
  const std::string head =
      "v=0\r\ns=x\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
      "a=fmtp:96 sprop-parameter-sets=Z0LAHtkAoC/5cBEAAAMAAQAAAwAyDxYuSA==,aMuDyyA=\r\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"a=control:track1\r\n", "rtsp://cam/main/track1"},
      {"a=control:rtsp://cam/other/track2\r\n", "rtsp://cam/other/track2"},
      {"a=control:*\r\n", "rtsp://cam/main/"},
      {"", "rtsp://cam/main/"},
  };
  for (const auto& [control, expected] : cases) {
    script.sdp = head + control;
    std::string asked;
    script.edit = [&](const Message& request, Message&) {
      if (request.method == "SETUP") asked = request.uri;
    };
    stage.camera.close_all();
    expect_live_after(4s);
    EXPECT_EQ(asked, expected) << control;
  }
}

TEST_F(Dialogue, fault_13_odd_replies_are_understood) {
  script.raw = [](const Message& request) -> std::optional<std::string> {
    const std::string sdp = std::string(
        "v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=control:t\n"
        "a=fmtp:96 sprop-parameter-sets=Z0LAHtkAoC/5cBEAAAMAAQAAAwAyDxYuSA==,aMuDyyA=\n");
    // Header case, folding, a wrong CSeq, no content type, no RTP-Info.
    if (request.method == "DESCRIBE") {
      return "RTSP/1.0 200 OK\r\ncseq: 999\r\nCONTENT-BASE:\r\n rtsp://cam/main/\r\ncontent-length: " + std::to_string(sdp.size()) +
             "\r\n\r\n" + sdp;
    }
    if (request.method == "SETUP") {
      return "RTSP/1.0 200 OK\r\nsession:   abc ; timeout = 30\r\ntransport:RTP/AVP/TCP;unicast;interleaved=0-1;mode=play\r\n\r\n";
    }
    return std::nullopt;
  };
  expect_live_after(2s);
}

TEST_F(Dialogue, fault_13_server_requests_and_text_between_frames) {
  expect_live_after(1s);
  for (int i = 0; i < 20; ++i) {
    const std::string text = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 77\r\n\r\n";
    stage.camera.send_all(as_bytes(text));
    stage.run(200ms);
  }
  EXPECT_TRUE(stage.live());
  EXPECT_EQ(stage.camera.connections(), 1);
  EXPECT_EQ(stage.damaged(), 0u);
}

TEST_F(Dialogue, fault_13_media_before_the_answer_to_play) {
  script.edit = [&](const Message& request, Message&) {
    if (request.method != "PLAY") return;
    const Bytes delimiter{'$', 0, 0, 14, 0x80, 0xe0, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0x09, 0x10};
    stage.camera.send_all(delimiter);
  };
  expect_live_after(2s);
  EXPECT_EQ(stage.camera.connections(), 1);
}

TEST_F(Dialogue, fault_13_other_channels_than_agreed) {
  script.rtp_channel = 6;
  expect_live_after(2s);
  EXPECT_EQ(stage.camera.connections(), 1);
}

TEST_F(Dialogue, fault_13_channels_chosen_by_the_camera) {
  script.rtp_channel = 4;
  script.edit = [](const Message& request, Message& reply) {
    if (request.method != "SETUP") return;
    for (auto& header : reply.headers) {
      if (header.name == "Transport") header.value = "RTP/AVP/TCP;unicast;interleaved=4-5";
    }
  };
  expect_live_after(2s);
}

TEST_F(Dialogue, fault_13_frames_of_a_dead_session_do_not_disturb) {
  const auto stranger = [](std::uint16_t sequence) {
    // clang-format off
    Bytes frame{'$', 0, 0, 20, 0x80, 0xe0, static_cast<std::uint8_t>(sequence >> 8), static_cast<std::uint8_t>(sequence), 9, 9, 9, 9,
                0xde, 0xad, 0xde, 0xad, 0x41, 0x9a, 1, 2, 3, 4, 5, 6};
    // clang-format on
    return frame;
  };
  expect_live_after(1s);
  for (std::uint16_t i = 0; i < 100; ++i) {
    stage.camera.send_all(stranger(i));
    stage.run(40ms);
  }
  EXPECT_EQ(stage.damaged(), 0u);
  const auto pictures = stage.pictures();
  EXPECT_EQ(pictures.size(), stage.units().size()) << "a picture of the other session got in";
  for (std::size_t i = 1; i < pictures.size(); ++i) EXPECT_EQ(pictures[i], pictures[i - 1] + 1);
}

TEST_F(Dialogue, fault_13_garbage_before_a_frame_is_skipped) {
  script.wire = [&](Bytes& wire) {
    const std::string_view garbage = "\r\n\r\nxyz";
    wire.insert(wire.begin(), garbage.begin(), garbage.end());
  };
  expect_live_after(3s);
  EXPECT_EQ(stage.camera.connections(), 1);
}

TEST_F(Dialogue, fault_13_a_redirect_is_followed_on_the_same_host_only) {
  std::string location = "rtsp://cam/elsewhere";
  script.edit = [&](const Message& request, Message& reply) {
    if (request.method != "DESCRIBE" || request.uri.ends_with("elsewhere")) return;
    reply = Message::make_response(302, "Moved", request.cseq());
    reply.add("Location", location);
  };
  expect_live_after(2s);
  stage.camera.close_all();
  location = "rtsp://other/elsewhere";
  stage.run(5s);
  EXPECT_FALSE(stage.live());
  EXPECT_THAT(stage.status().last_error, HasSubstr("another address"));
}

// 14
TEST_F(Dialogue, fault_14_a_camera_that_only_speaks_udp) {
  script.edit = [](const Message& request, Message& reply) {
    if (request.method == "SETUP" && request.header("Transport").find("TCP") != std::string_view::npos) {
      reply = Message::make_response(461, "Unsupported Transport", request.cseq());
    }
  };
  expect_live_after(2s);
  EXPECT_EQ(stage.status().transport, "udp");
  EXPECT_EQ(stage.camera.connections(), 1);
  const auto setups = stage.camera.count("SETUP");
  stage.camera.close_all();
  expect_live_after(3s);
  EXPECT_EQ(stage.camera.count("SETUP"), setups + 1) << "what worked is asked for first";
}

TEST_F(Dialogue, fault_14_a_camera_that_only_speaks_tcp_is_asked_by_udp_in_vain_and_gone_back_from) {
  int asked_by_udp = 0;
  script.edit = [&](const Message& request, Message& reply) {
    if (request.method != "SETUP" || request.header("Transport").find("TCP") != std::string_view::npos) return;
    ++asked_by_udp;
    reply = Message::make_response(461, "Unsupported Transport", request.cseq());
  };
  // Silent at first, so that the hub tries another way.
  script.sends = false;
  stage.run(7s);
  script.sends = true;
  expect_live_after(10s);
  EXPECT_EQ(asked_by_udp, 1);
  EXPECT_EQ(stage.status().transport, "tcp");
}

TEST_F(Dialogue, fault_14_a_camera_that_will_do_neither_is_told_so) {
  script.edit = [](const Message& request, Message& reply) {
    if (request.method == "SETUP") reply = Message::make_response(461, "Unsupported Transport", request.cseq());
  };
  stage.run(5s);
  EXPECT_THAT(stage.status().last_error, HasSubstr("TCP or UDP"));
}

TEST_F(Dialogue, fault_14_a_camera_that_agrees_to_tcp_and_sends_nothing_is_asked_by_udp) {
  script.packets = [&](std::vector<Bytes>& packets) {
    const auto& last = stage.camera.requests().back();
    const auto setup = std::find_if(stage.camera.requests().rbegin(), stage.camera.requests().rend(),
                                    [](const auto& request) { return request.method == "SETUP"; });
    if (!last.method.empty() && setup->header("Transport").find("TCP") != std::string_view::npos) packets.clear();
  };
  expect_live_after(20s);
  EXPECT_EQ(stage.status().transport, "udp");
  // It was a guess: when TCP works again it is taken again.
  script.packets = nullptr;
  stage.camera.close_all();
  expect_live_after(5s);
  EXPECT_EQ(stage.status().transport, "tcp");
}

TEST_F(Dialogue, fault_14_no_more_sessions_is_told_and_tried_again) {
  for (const int status : {453, 503}) {
    script.edit = [status](const Message& request, Message& reply) {
      if (request.method == "SETUP") reply = Message::make_response(status, "Not Enough Bandwidth", request.cseq());
    };
    stage.camera.close_all();
    stage.run(8s);
    EXPECT_THAT(stage.status().last_error, HasSubstr("serves no more sessions"));
    script.edit = nullptr;
    expect_live_after(30s);
  }
}

// C1
TEST_F(Dialogue, fault_C1_a_section_that_cannot_be_read_costs_that_section_only) {
  script.sdp =
      "v=0\r\ns=x\r\nm=application 0 RTP/AVP smart/0/25000\r\na=control:track3\r\nm=video 0/0\r\n"
      "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n"
      "a=fmtp:96 sprop-parameter-sets=Z0LAHtkAoC/5cBEAAAMAAQAAAwAyDxYuSA==,aMuDyyA=\r\n";
  expect_live_after(2s);
}

// C2
TEST_F(Dialogue, fault_C2_the_session_id_comes_late_or_changes) {
  script.edit = [](const Message& request, Message& reply) {
    if (request.method != "SETUP" && request.method != "PLAY") return;
    std::erase_if(reply.headers, [](const auto& header) { return header.name == "Session"; });
    if (request.method == "PLAY") reply.add("Session", "late");
  };
  expect_live_after(30s);
  EXPECT_EQ(stage.camera.requests().back().method, "GET_PARAMETER");
  EXPECT_EQ(stage.camera.requests().back().header("Session"), "late");
}

TEST_F(Dialogue, fault_C2_a_camera_that_sends_nothing_unless_all_its_tracks_are_set_up) {
  script.sdp =
      "v=0\r\ns=x\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n"
      "a=fmtp:96 sprop-parameter-sets=Z0LAHtkAoC/5cBEAAAMAAQAAAwAyDxYuSA==,aMuDyyA=\r\n"
      "m=audio 0 RTP/AVP 0\r\na=control:track2\r\n"
      "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:track3\r\n";
  script.needs_all_tracks = true;
  expect_live_after(12s);
  EXPECT_EQ(stage.status().transport, "tcp");
}

// C3
TEST_F(Dialogue, fault_C3_a_failed_keep_alive_with_an_old_cseq_never_ends_a_flowing_stream) {
  script.raw = [](const Message& request) -> std::optional<std::string> {
    if (request.method != "GET_PARAMETER" && request.method != "OPTIONS") return std::nullopt;
    return "RTSP/1.0 454 Session Not Found\r\nCSeq: 1\r\n\r\n";
  };
  expect_live_after(5min);
  EXPECT_EQ(stage.camera.connections(), 1);
}

// C4
TEST_F(Dialogue, fault_C4_sessions_are_torn_down) {
  expect_live_after(2s);
  stage.stop();
  EXPECT_EQ(stage.camera.requests().back().method, "TEARDOWN");
  EXPECT_EQ(stage.camera.requests().back().header("Session"), "s1");
}

// C5
TEST_F(Dialogue, fault_C5_closed_after_the_refusal_or_the_description_is_no_wrong_password) {
  script.user = "admin";
  script.password = "secret";
  stage.config.username = "admin";
  stage.config.password = "secret";
  int closed = 0;
  for (const int status : {401, 200}) {
    bool once = false;
    script.close_after = [&, status](const Message& request, const Message& reply) {
      if (request.method != "DESCRIBE" || reply.status != status || std::exchange(once, true)) return false;
      ++closed;
      return true;
    };
    stage.camera.close_all();
    expect_live_after(2s);
  }
  EXPECT_EQ(closed, 2);
}

// C6
TEST_F(Dialogue, fault_C6_memory_is_flat_over_very_many_failed_attempts) {
  stage.options.backoff_min = 10ms;
  stage.options.backoff_max = 20ms;
  script.edit = [](const Message& request, Message& reply) { reply = Message::make_response(500, "Broken", request.cseq()); };
  stage.run(10s);
  stage.camera.forget_requests();
  const auto before = heap_bytes();
  stage.run(5min);
  EXPECT_GT(stage.camera.connections(), 10'000);
  stage.camera.forget_requests();
  EXPECT_LT(heap_bytes(), before + 16 * 1024);
  EXPECT_EQ(stage.interruptions().size(), 1u) << "one cause is told once";
  script.edit = nullptr;
  expect_live_after(2s);
}

// C9
TEST_F(Dialogue, fault_C9_udp_from_ports_that_were_not_told) {
  stage.config.transport = rtsp::MediaTransport::udp;
  for (const char* ports : {";server_port=0-0", "", ";server_port=9998-9999"}) {
    script.edit = [ports](const Message& request, Message& reply) {
      if (request.method != "SETUP") return;
      for (auto& header : reply.headers) {
        if (header.name == "Transport") header.value = std::string("RTP/AVP;unicast") + ports;
      }
    };
    stage.camera.close_all();
    expect_live_after(4s);
    EXPECT_EQ(stage.status().transport, "udp");
  }
}

TEST_F(Dialogue, fault_C9_datagrams_of_other_hosts_and_ports_are_dropped) {
  stage.config.transport = rtsp::MediaTransport::udp;
  expect_live_after(2s);
  const Bytes forged{0x80, 0xe0, 0, 1, 9, 9, 9, 9, 0, 0, 0x12, 0x34, 0x41, 0x9a, 1, 2, 3, 4, 5, 6};
  auto other_port = stage.camera.address();
  other_port.port = 7777;
  for (int i = 0; i < 50; ++i) {
    stage.camera.send_datagram_from(sim::World::address_of("thief", 6970), forged);
    stage.camera.send_datagram_from(other_port, forged);
    stage.run(40ms);
  }
  EXPECT_EQ(stage.pictures().size(), stage.units().size());
  EXPECT_EQ(stage.damaged(), 0u);
  EXPECT_EQ(stage.status().lost_packets, 0u);
}

}  // namespace
}  // namespace ccoc::faults
