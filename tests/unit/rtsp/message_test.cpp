#include "ccoc/rtsp/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace ccoc::rtsp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string camera_reply(const std::string& name) {
  std::ifstream in(std::string(CCOC_TEST_DATA) + "/cameras/" + name, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  std::string text = out.str();
  EXPECT_FALSE(text.empty()) << name << " is missing from tests/data/cameras";
  return text;
}

std::string frame(int channel, std::string_view payload) {
  std::string out = "$";
  out += static_cast<char>(channel);
  out += static_cast<char>(payload.size() >> 8);
  out += static_cast<char>(payload.size() & 255);
  return out + std::string(payload);
}

/// RTP-like: version 2, `size` bytes of which some look like frames and messages.
std::string rtp(std::size_t size) {
  std::string out = "\x80\x60";
  while (out.size() < size) out += "$RTSP/1.0 \r\n\r\n";
  out.resize(size);
  return out;
}

/// One line per item, so that whole dialogues can be compared.
std::vector<std::string> read(StreamParser& parser, std::string_view bytes, std::vector<std::string> out = {}) {
  parser.feed(as_bytes(bytes));
  while (auto item = parser.next()) {
    if (const auto* f = std::get_if<InterleavedFrame>(&*item)) {
      out.push_back("frame " + std::to_string(f->channel) + " " + std::string(as_text(f->payload)));
    } else {
      const auto& m = std::get<Message>(*item);
      out.push_back((m.request ? m.method + " " + m.uri : std::to_string(m.status) + " " + m.reason) + " #" + std::to_string(m.cseq()) +
                    " " + m.body);
    }
  }
  return out;
}

std::string dialogue() {
  return "RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: OPTIONS\r\n\r\n" + frame(0, rtp(40)) +
         "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 12\r\n\r\nv=0\r\n$body\r\n" +
         frame(1,
               "\x80\xc8"
               "12345678") +
         "\r\n" + "GET_PARAMETER rtsp://h/p RTSP/1.0\ncseq: 3\nX: a\n b\n\n" + frame(0, rtp(13)) + frame(0, "") +
         "RTSP/1.0 404 Not Found\r\nCSeq:4\r\n\r\n";
}

TEST(StreamParser, yields_messages_and_frames_in_order) {
  StreamParser parser;
  EXPECT_THAT(read(parser, dialogue()), ElementsAre("200 OK #1 ", "frame 0 " + rtp(40), "200 OK #2 v=0\r\n$body\r\n",
                                                    "frame 1 \x80\xc8"
                                                    "12345678",
                                                    "GET_PARAMETER rtsp://h/p #3 ", "frame 0 " + rtp(13), "frame 0 ", "404 Not Found #4 "));
  EXPECT_EQ(parser.skipped_bytes(), 0u);
  EXPECT_EQ(parser.buffered(), 0u);
}

TEST(StreamParser, reads_the_same_when_cut_at_any_two_bytes) {
  const auto text = dialogue();
  StreamParser whole;
  const auto expected = read(whole, text);
  for (std::size_t a = 0; a <= text.size(); ++a) {
    for (std::size_t b = a; b <= text.size(); ++b) {
      StreamParser parser;
      auto got = read(parser, text.substr(0, a));
      got = read(parser, text.substr(a, b - a), got);
      got = read(parser, text.substr(b), got);
      ASSERT_EQ(got, expected) << "cut at " << a << " and " << b;
    }
  }
}

TEST(StreamParser, reads_the_same_byte_by_byte_with_garbage_between) {
  const std::string text = "\x01\x02" + dialogue() + "\x7f garbage $x RTSP and more" + frame(0, rtp(20)) + dialogue();
  StreamParser whole, slow;
  whole.expect_channel(0);
  slow.expect_channel(0);
  const auto expected = read(whole, text);
  EXPECT_EQ(expected.size(), 17u);
  std::vector<std::string> got;
  for (const char c : text) got = read(slow, std::string_view(&c, 1), std::move(got));
  EXPECT_EQ(got, expected);
  EXPECT_GT(slow.skipped_bytes(), 20u);
  EXPECT_FALSE(slow.error());
}

TEST(StreamParser, looks_at_whole_frames_without_copying) {
  const std::string text = frame(0, rtp(1000)) + frame(2, rtp(500));
  StreamParser parser;
  parser.feed(as_bytes(text));
  for (const std::size_t offset : {4u, 1008u}) {
    const auto item = parser.next();
    ASSERT_TRUE(item);
    EXPECT_EQ(reinterpret_cast<const char*>(std::get<InterleavedFrame>(*item).payload.data()), text.data() + offset);
  }
}

TEST(StreamParser, finds_back_into_step_after_a_wrong_length) {
  for (const std::size_t announced : {100u, 356u, 700u}) {
    std::string broken = frame(0, rtp(300));
    broken[2] = static_cast<char>(announced >> 8);
    broken[3] = static_cast<char>(announced & 255);
    StreamParser parser;
    parser.expect_channel(0);
    const auto items = read(parser, broken + frame(0, rtp(600)) + frame(0, rtp(60)) + "RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n");
    ASSERT_GE(items.size(), 2u);
    EXPECT_EQ(items[items.size() - 2], "frame 0 " + rtp(60)) << announced;
    EXPECT_EQ(items.back(), "200 OK #9 ");
    EXPECT_GT(parser.skipped_bytes(), 0u);
  }
}

TEST(StreamParser, takes_odd_channels_while_in_step_but_not_out_of_garbage) {
  StreamParser parser;
  parser.expect_channel(0);
  EXPECT_THAT(read(parser, frame(42, rtp(20))), ElementsAre("frame 42 " + rtp(20)));
  EXPECT_THAT(read(parser, "\x01" + frame(42, rtp(20))), IsEmpty());
  EXPECT_THAT(read(parser, frame(0, rtp(20))), ElementsAre("frame 0 " + rtp(20)));
}

TEST(StreamParser, gives_up_after_endless_garbage) {
  StreamParser parser;
  const std::string garbage(4096, '\x05');
  for (int i = 0; i < 64; ++i) read(parser, garbage);
  EXPECT_FALSE(parser.error());
  read(parser, garbage);
  ASSERT_TRUE(parser.error());
  EXPECT_EQ(parser.error()->code, ErrorCode::corrupt);
  EXPECT_THAT(read(parser, dialogue()), IsEmpty());
}

TEST(StreamParser, refuses_floods_of_headers_and_of_bytes) {
  const auto code_of = [](const std::string& text) {
    StreamParser parser;
    for (std::size_t i = 0; i < text.size(); i += 1000) read(parser, std::string_view(text).substr(i, 1000));
    EXPECT_LE(parser.buffered(), 128u * 1024);
    return parser.error() ? std::string(to_string(parser.error()->code)) : "none";
  };
  std::string many = "RTSP/1.0 200 OK\r\n";
  for (int i = 0; i < 129; ++i) many += "X: y\r\n";
  EXPECT_EQ(code_of(many + "\r\n"), "limit_exceeded");
  EXPECT_EQ(code_of("RTSP/1.0 200 OK\r\nX: " + std::string(70'000, 'x')), "limit_exceeded");
  EXPECT_EQ(code_of("RTSP/1.0 200 OK\r\nContent-Length: 1048577\r\n\r\n"), "limit_exceeded");
  EXPECT_EQ(code_of("RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n"), "limit_exceeded");
  EXPECT_EQ(code_of("RTSP/1.0 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"), "limit_exceeded");
  EXPECT_EQ(code_of("RTSP/1.0 200 OK\r\nContent-Length: 1048576\r\n\r\n"), "none");
}

TEST(StreamParser, answers_any_method_of_a_peer_in_step) {
  StreamParser parser;
  EXPECT_THAT(read(parser, "BREW rtsp://h/pot RTSP/1.0\r\nCSeq: 1\r\n\r\n"), ElementsAre("BREW rtsp://h/pot #1 "));
}

TEST(StreamParser, reads_every_reply_of_the_real_cameras) {
  for (const char* name :
       {"bunny_describe.txt", "bunny_play.txt", "bunny_setup.txt", "dahua_describe_h264_aac_onvif.txt", "dahua_describe_h265_pcma.txt",
        "dahua_options.txt", "dahua_play.txt", "dahua_setup.txt", "foscam_describe.txt", "gw_main_describe.txt", "gw_main_play.txt",
        "gw_main_setup_audio.txt", "gw_main_setup_video.txt", "hikvision_describe.txt", "hikvision_play.txt", "hikvision_setup.txt",
        "reolink_describe.txt", "bad_rtptime.txt"}) {
    StreamParser parser;
    const auto items = read(parser, camera_reply(name));
    ASSERT_FALSE(items.empty()) << name;
    EXPECT_THAT(items[0], HasSubstr("200 OK #")) << name;
    EXPECT_EQ(items.size(), 1u) << name;
  }
}

Message parsed(const std::string& text) {
  StreamParser parser;
  parser.feed(as_bytes(text));
  auto item = parser.next();
  if (!item) {
    ADD_FAILURE() << "no whole message in " << text;
    return {};
  }
  return std::get<Message>(*item);
}

TEST(Message, headers_are_found_whatever_their_case_and_however_often) {
  const auto m = parsed("RTSP/1.0 401 Unauthorized\r\ncseq:  7 \r\nWWW-Authenticate: Digest a\r\nwww-AUTHENTICATE: Basic b\r\n\r\n");
  EXPECT_EQ(m.cseq(), 7);
  EXPECT_THAT(m.all("www-authenticate"), ElementsAre("Digest a", "Basic b"));
  EXPECT_EQ(m.header("nothing"), "");
  EXPECT_EQ(parsed("RTSP/1.0 200 OK\r\nCSeq: abc\r\n\r\n").cseq(), -1);
}

TEST(Message, serialized_reads_back_and_nothing_injects_a_header) {
  auto m = Message::make_request("SETUP", "rtsp://h/p\r\nX: 1", 3);
  m.add("Transport", "a\r\nEvil: yes");
  m.body = "x=1";
  const auto back = parsed(serialize(m));
  EXPECT_EQ(back.method, "SETUP");
  EXPECT_EQ(back.cseq(), 3);
  EXPECT_FALSE(back.has("Evil"));
  EXPECT_FALSE(back.has("X"));
  EXPECT_EQ(back.body, "x=1");
}

TEST(Transport, of_real_cameras_and_back) {
  const auto hik = parse_transports(parsed(camera_reply("hikvision_setup.txt")).header("Transport"));
  ASSERT_EQ(hik.size(), 1u);
  EXPECT_TRUE(hik[0].tcp);
  EXPECT_EQ(hik[0].interleaved, std::pair(std::uint8_t{0}, std::uint8_t{1}));
  EXPECT_EQ(hik[0].ssrc, 0x4cacc3d1u);
  const auto gw = parse_transports(parsed(camera_reply("gw_main_setup_audio.txt")).header("Transport"));
  EXPECT_EQ(gw.at(0).source, "192.168.1.110");
  const auto two = parse_transports("RTP/AVP;unicast;client_port=5000-5001;server_port=0-0, RTP/AVP/TCP;interleaved=7");
  ASSERT_EQ(two.size(), 2u);
  EXPECT_FALSE(two[0].tcp);
  EXPECT_EQ(two[0].server_port, std::pair(std::uint16_t{0}, std::uint16_t{0}));
  EXPECT_EQ(two[1].interleaved, std::pair(std::uint8_t{7}, std::uint8_t{8}));
  EXPECT_EQ(to_string(hik[0]), "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=4CACC3D1");
  EXPECT_FALSE(parse_transports("RTP/AVP;client_port=99999-1;ssrc=xyz").at(0).client_port);
}

TEST(Session, of_real_cameras) {
  const auto hik = parse_session(parsed(camera_reply("hikvision_setup.txt")).header("Session"));
  EXPECT_EQ(hik.id, "708345999");
  EXPECT_EQ(hik.timeout_s, 60);
  const auto gw = parse_session("9a90de54; timeout=120");
  EXPECT_EQ(gw.timeout_s, 120);
  EXPECT_EQ(parse_session("x;timeout=-5").timeout_s, 0);
}

TEST(RtpInfo, of_real_cameras_and_a_bad_one) {
  const auto hik = parse_rtp_info(parsed(camera_reply("hikvision_play.txt")).header("RTP-Info"));
  ASSERT_EQ(hik.size(), 1u);
  EXPECT_EQ(hik[0].sequence, 24104);
  EXPECT_EQ(hik[0].rtptime, 1270711678u);
  EXPECT_THAT(hik[0].url, HasSubstr("profile=Profile_1"));
  const auto dahua = parse_rtp_info(parsed(camera_reply("dahua_play.txt")).header("RTP-Info"));
  ASSERT_EQ(dahua.size(), 3u);
  EXPECT_EQ(dahua[1].url, "trackID=1");
  const auto bad = parse_rtp_info(parsed(camera_reply("bad_rtptime.txt")).header("RTP-Info"));
  ASSERT_EQ(bad.size(), 2u);
  EXPECT_FALSE(bad[0].rtptime);
  EXPECT_EQ(parse_rtp_info("url=rtsp://h/a,b;seq=1,url=c;seq=2").at(0).url, "rtsp://h/a,b");
}

TEST(Public, lists_methods) {
  EXPECT_TRUE(lists_method(parsed(camera_reply("dahua_options.txt")).header("Public"), "get_parameter"));
  EXPECT_FALSE(lists_method("OPTIONS, SET_PARAMETER", "GET_PARAMETER"));
}

TEST(Control, of_real_cameras_resolves_as_they_expect) {
  const auto base = [](const char* name) { return base_url(parsed(camera_reply(name)), "rtsp://user:pw@request/path"); };
  EXPECT_EQ(resolve_control(base("reolink_describe.txt"), "trackID=1"), "rtsp://192.168.5.206/h264Preview_01_main/trackID=1");
  EXPECT_EQ(resolve_control(base("dahua_describe_h264_aac_onvif.txt"), "trackID=0"),
            "rtsp://192.168.5.111:554/cam/realmonitor?channel=1&subtype=1&unicast=true&proto=Onvif/trackID=0");
  EXPECT_EQ(resolve_control(base("gw_main_describe.txt"), "video"),
            "rtsp://192.168.1.110:5050/H264?channel=1&subtype=0&unicast=true&proto=Onvif/video");
  EXPECT_EQ(resolve_control(base("hikvision_describe.txt"),
                            "rtsp://192.168.5.106:554/Streaming/Channels/101/trackID=1?transportmode=unicast&profile=Profile_1"),
            "rtsp://192.168.5.106:554/Streaming/Channels/101/trackID=1?transportmode=unicast&profile=Profile_1");
  EXPECT_EQ(resolve_control(base("foscam_describe.txt"), "*"), "rtsp://192.168.5.107:65534/videoMain/");
}

TEST(Control, without_a_content_base_is_resolved_against_the_request_without_its_password) {
  const auto none = parsed("RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n");
  EXPECT_EQ(resolve_control(base_url(none, "rtsp://user:secret@cam/live?x=1"), ""), "rtsp://cam/live?x=1");
  EXPECT_EQ(resolve_control(base_url(none, "rtsp://user:secret@cam/live"), "track1"), "rtsp://cam/live/track1");
  const auto location = parsed("RTSP/1.0 200 OK\r\nContent-Location: /other/\r\n\r\n");
  EXPECT_EQ(resolve_control(base_url(location, "rtsp://cam:8554/live"), "/track1"), "rtsp://cam:8554/other/track1");
}

TEST(Url, splits_what_people_write) {
  const auto u = parse_url(" RTSP://admin:pass@cam-1.local/Streaming/Channels/101?a=b ").value();
  EXPECT_EQ(u.user, "admin");
  EXPECT_EQ(u.password, "pass");
  EXPECT_EQ(u.host, "cam-1.local");
  EXPECT_EQ(u.port, 554);
  EXPECT_EQ(u.path, "/Streaming/Channels/101?a=b");
  EXPECT_EQ(u.request_uri(), "rtsp://cam-1.local/Streaming/Channels/101?a=b");
  EXPECT_EQ(parse_url("rtsps://h").value().port, 322);
  const auto v6 = parse_url("rtsp://[fe80::1]:8554/x").value();
  EXPECT_EQ(v6.host, "fe80::1");
  EXPECT_EQ(v6.request_uri(), "rtsp://[fe80::1]:8554/x");
  EXPECT_EQ(parse_url("rtsp://h/ถนน").value().path, "/%E0%B8%96%E0%B8%99%E0%B8%99");
  EXPECT_EQ(parse_url("rtsp://h?channel=1").value().request_uri(), "rtsp://h?channel=1");
}

TEST(Url, takes_any_password_encoded_or_raw) {
  for (const auto& [text, password] :
       std::vector<std::pair<std::string, std::string>>{{"rtsp://u:p%40ss%3A%2F%23%3F%25@h:1/x", "p@ss:/#?%"},
                                                        {"rtsp://u:p@s:s@h:1/x", "p@s:s"},
                                                        {"rtsp://u:p/s?s#w@h:1/x", "p/s?s#w"},
                                                        {"rtsp://u:100%@h:1/x", "100%"},
                                                        {"rtsp://u:รหัสลับ@h:1/x", "รหัสลับ"},
                                                        {"rtsp://u:%E0%B8%A3@h:1/x", "ร"},
                                                        {"rtsp://u:@h:1/x", ""}}) {
    const auto u = parse_url(text);
    ASSERT_TRUE(u) << text;
    EXPECT_EQ(u->user, "u") << text;
    EXPECT_EQ(u->password, password) << text;
    EXPECT_EQ(u->request_uri(), "rtsp://h:1/x") << text;
  }
  EXPECT_EQ(parse_url("rtsp://h/mail@home").value().path, "/mail@home");
}

TEST(Url, refuses_what_is_none_and_keeps_the_password_to_itself) {
  for (const char* bad :
       {"", "cam1", "http://u:canary@h/", "rtsp://", "rtsp:///path", "rtsp://u:canary@", "rtsp://h:0/", "rtsp://u:canary@h:65536/",
        "rtsp://h:x/", "rtsp://[::1/", "rtsp://[zz::]/", "rtsp://u:canary@h/a\r\nb", "rtsp://ho st/"}) {
    const auto u = parse_url(bad);
    ASSERT_FALSE(u) << bad;
    EXPECT_EQ(u.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(u.error().message.find("canary"), std::string::npos) << u.error().message;
  }
}

}  // namespace
}  // namespace ccoc::rtsp
