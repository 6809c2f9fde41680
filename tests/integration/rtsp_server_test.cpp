// The hub's RTSP server, watched by players that this project did not write (ffmpeg, GStreamer), and spoken to by hand where
// a player would not say it.
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "ccoc/media/rtp.h"
#include "ccoc/rtsp/message.h"
#include "support/api_world.h"
#include "support/live_camera.h"
#include "support/process.h"

namespace ccoc::test {
namespace {

using access::Right;
using access::Rights;

constexpr const char* began = "2026-11-24T05:00:00.000Z";

struct RtspServer : testing::Test {
  static void SetUpTestSuite() {
    world = new ApiWorld;
    world->add_camera("cam01");
    world->add_camera("cam02");
    world->add_camera("cam03");
    world->record("cam01", at(began), seconds{20});
    everything = world->key_of({Right::live_view, Right::playback_view});
    only_live = world->key_of({Right::live_view});
    nothing = world->key_of({Right::map_read});
  }
  static void TearDownTestSuite() { delete world; }

  static std::string url(const std::string& path, const std::string& key) {
    return "rtsp://" + (key.empty() ? "" : key + "@") + "127.0.0.1:" + std::to_string(world->rtsp->port()) + path;
  }
  static std::string run(const std::vector<std::string>& arguments) {
    std::vector<std::string> bounded{"timeout", "60"};
    bounded.insert(bounded.end(), arguments.begin(), arguments.end());
    std::string output;
    EXPECT_EQ(Process(bounded, {}, true).wait(&output), 0) << arguments.front() << ": " << output;
    return output;
  }

  /// At the end rtspsrc closes its connection and now and then still says PAUSE into it, which it reports as an error.
  static void run_gstreamer(const std::vector<std::string>& pipeline) {
    std::vector<std::string> line{"timeout", "60", "gst-launch-1.0", "-q"};
    line.insert(line.end(), pipeline.begin(), pipeline.end());
    std::string output;
    if (Process(line, {}, true).wait(&output) == 0) return;
    EXPECT_NE(output.find("gst_rtspsrc_pause"), std::string::npos) << output;
    EXPECT_EQ(output.find("receive message"), std::string::npos) << output;
  }
  /// How many pictures of a recorded range it plays. On a busy machine it leaves out the last few: what is sent, ffprobe counts.
  static int pictures_by_gstreamer(std::vector<std::string> pipeline) {
    const TemporaryFolder folder;
    const auto file = (folder.path() / "played.h264").string();
    for (const char* word : {"!", "rtph264depay", "!", "h264parse", "!", "video/x-h264,stream-format=byte-stream", "!", "filesink"}) {
      pipeline.emplace_back(word);
    }
    pipeline.push_back("location=" + file);
    run_gstreamer(pipeline);
    const auto frames = run({"ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", file});
    return std::atoi(frames.c_str());
  }
  static int pictures_by_ffprobe(const std::string& address) {
    const auto packets = run({"ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-count_packets", "-show_entries",
                              "stream=nb_read_packets", "-of", "csv=p=0", address});
    return std::atoi(packets.c_str());
  }

  static inline ApiWorld* world = nullptr;
  static inline std::string everything, only_live, nothing;
};

/// The client's side of TLS, between bytes in clear and those of a connection.
class Tls {
 public:
  Tls() : context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free), ssl_(SSL_new(context_.get()), &SSL_free) {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
  }
  /// True when done; what is to be sent, in either case, is in take_out().
  bool shake_hands() { return SSL_do_handshake(ssl_.get()) == 1; }
  void came(std::string_view bytes) { BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size())); }
  std::string encrypt(std::string_view clear) {
    SSL_write(ssl_.get(), clear.data(), static_cast<int>(clear.size()));
    return take_out();
  }
  std::string decrypt() {
    std::string out;
    char piece[16384];
    for (int count; (count = SSL_read(ssl_.get(), piece, sizeof piece)) > 0;) out.append(piece, static_cast<std::size_t>(count));
    return out;
  }
  std::string take_out() {
    char* bytes = nullptr;
    const auto size = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &bytes);
    std::string out(bytes, static_cast<std::size_t>(size));
    static_cast<void>(BIO_reset(SSL_get_wbio(ssl_.get())));
    return out;
  }

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};

/// Says what it is told to, and reads answers, packets and reports.
class Talker {
 public:
  explicit Talker(std::uint16_t port, int receive_buffer = 0) : port_(port), peer_(port, receive_buffer) {}
  /// The same by TLS; its certificate is not looked at.
  static Talker secure(std::uint16_t port, int receive_buffer = 0) {
    Talker out(port, receive_buffer);
    out.tls_.emplace();
    while (!out.tls_->shake_hands()) {
      out.peer_.send(out.tls_->take_out());
      if (!out.peer_.want(1)) break;
      out.tls_->came(out.peer_.take_all());
    }
    out.peer_.send(out.tls_->take_out());
    return out;
  }

  std::string uri(const std::string& path) const { return "rtsp://127.0.0.1:" + std::to_string(port_) + path; }
  rtsp::Message ask(const std::string& method, const std::string& path, const std::string& key, HeaderList headers = {}) {
    auto request = rtsp::Message::make_request(method, uri(path), ++cseq_);
    if (!key.empty()) request.add("Authorization", "Basic " + rtsp::base64(key));
    if (!session.empty()) request.add("Session", session);
    for (const auto& [name, value] : headers) request.add(name, value);
    const auto text = rtsp::serialize(request);
    peer_.send(tls_ ? tls_->encrypt(text) : text);
    auto answer = read_until([](Talker& t) { return t.answer_.has_value(); }) ? *std::exchange(answer_, {}) : rtsp::Message{};
    if (answer.has("Session")) session = rtsp::parse_session(answer.header("Session")).id;
    return answer;
  }
  /// Reads until the condition holds; false at the end of the connection or after a long wait.
  bool read_until(const std::function<bool(Talker&)>& condition) {
    while (!condition(*this)) {
      if (!peer_.want(1)) return false;
      auto bytes = peer_.take_all();
      if (tls_) {
        tls_->came(bytes);
        bytes = tls_->decrypt();
      }
      parser_.feed(as_bytes(bytes));
      while (auto item = parser_.next()) take(*item);
    }
    return true;
  }
  Peer& raw() { return peer_; }

  std::string session;
  struct Packet {
    std::uint16_t sequence;
    std::uint32_t timestamp;
    bool marker;
    int nal;
  };
  std::vector<Packet> packets;
  std::vector<media::SenderReport> reports;
  bool bye = false;

 private:
  void take(const rtsp::StreamParser::Item& item) {
    if (const auto* message = std::get_if<rtsp::Message>(&item)) {
      answer_ = *message;
      return;
    }
    const auto& frame = std::get<rtsp::InterleavedFrame>(item);
    if (frame.channel == 0) {
      const auto rtp = media::parse_rtp(frame.payload);
      ASSERT_TRUE(rtp);
      const int type = rtp->payload[0] & 31;
      packets.push_back({rtp->sequence, rtp->timestamp, rtp->marker, type == 28 ? rtp->payload[1] & 31 : type});
    } else {
      if (const auto report = media::parse_sender_report(frame.payload)) reports.push_back(*report);
      bye = bye || media::has_bye(frame.payload);
    }
  }

  std::uint16_t port_;
  Peer peer_;
  std::optional<Tls> tls_;
  rtsp::StreamParser parser_;
  int cseq_ = 0;
  std::optional<rtsp::Message> answer_;
};

const HeaderList by_tcp{{"Transport", "RTP/AVP/TCP;unicast;interleaved=0-1"}};

TEST_F(RtspServer, ffprobe_describes_live_pictures_and_sound) {
  const LiveCamera camera(*world, "cam02", Microphone::Kind::g711);
  ASSERT_TRUE(becomes([] { return world->live.find("cam02", "main")->audio_format() != nullptr; }));
  const auto seen = run({"ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-show_entries", "stream=codec_name,width,sample_rate", "-of",
                         "csv=p=0", url("/cam02/main", everything)});
  EXPECT_EQ(seen, "h264,320\npcm_alaw,8000\n");
}

TEST_F(RtspServer, ffmpeg_decodes_live_by_tcp_and_by_udp_without_a_complaint) {
  const LiveCamera camera(*world, "cam02");
  for (const char* transport : {"tcp", "udp"}) {
    const auto said = run({"ffmpeg", "-v", "warning", "-rtsp_transport", transport, "-i", url("/cam02/main", everything), "-frames:v", "40",
                           "-f", "null", "-"});
    EXPECT_EQ(said, "") << transport;
  }
}

TEST_F(RtspServer, ffmpeg_decodes_h265_and_aac) {
  const LiveCamera camera(*world, "cam02", Microphone::Kind::aac, pattern_h265());
  ASSERT_TRUE(becomes([] { return world->live.find("cam02", "main")->audio_format() != nullptr; }));
  for (const char* transport : {"tcp", "udp"}) {
    const auto address = url("/cam02/main", everything);
    EXPECT_EQ(run({"ffprobe", "-v", "error", "-rtsp_transport", transport, "-show_entries", "stream=codec_name,profile", "-of", "csv=p=0",
                   address}),
              "hevc,Main\naac,LC\n");
    EXPECT_EQ(run({"ffmpeg", "-v", "error", "-rtsp_transport", transport, "-i", address, "-t", "1.5", "-f", "null", "-"}), "") << transport;
  }
}

TEST_F(RtspServer, gstreamer_plays_live_by_tcp_and_by_udp) {
  const LiveCamera camera(*world, "cam02");
  for (const char* protocols : {"tcp", "udp"}) {
    run_gstreamer({"rtspsrc", "location=" + url("/cam02/main", everything), std::string("protocols=") + protocols, "!", "rtph264depay", "!",
                   "h264parse", "!", "avdec_h264", "!", "fakesink", "num-buffers=30"});
  }
}

TEST_F(RtspServer, ffmpeg_plays_a_recorded_range_named_in_the_address) {
  EXPECT_EQ(pictures_by_ffprobe(url("/cam01/main?from=2026-11-24T05:00:03Z&to=2026-11-24T05:00:05Z", everything)), 50);
}

TEST_F(RtspServer, gstreamer_plays_a_recorded_range_to_its_end) {
  const auto address = url("/cam01/main?from=2026-11-24T05:00:03Z&to=2026-11-24T05:00:05Z", everything);
  EXPECT_GE(pictures_by_gstreamer({"rtspsrc", "protocols=tcp", "location=" + address}), 45) << "of two seconds of 25 each";
}

TEST_F(RtspServer, ffmpeg_and_gstreamer_play_over_tls) {
  const auto secure = "rtsps://" + everything + "@127.0.0.1:" + std::to_string(world->rtsp->tls_port());
  const LiveCamera camera(*world, "cam02");
  EXPECT_EQ(run({"ffmpeg", "-v", "warning", "-rtsp_transport", "tcp", "-i", secure + "/cam02/main", "-frames:v", "40", "-f", "null", "-"}),
            "");
  const auto address = secure + "/cam01/main?from=" + began + "&to=2026-11-24T05:00:05.000Z";
  EXPECT_EQ(pictures_by_ffprobe(address), 125) << "five seconds of 25 each";
  EXPECT_GE(pictures_by_gstreamer({"rtspsrc", "location=" + address, "protocols=tcp", "tls-validation-flags=0"}), 120);
}

TEST_F(RtspServer, over_tls_nothing_is_shown_but_the_certificate_and_nothing_leaves_in_clear) {
  const auto port = std::to_string(world->rtsp->tls_port());
  // Who does not speak TLS is not answered.
  Peer plain(world->rtsp->tls_port());
  plain.send("OPTIONS rtsp://127.0.0.1/ RTSP/1.0\r\nCSeq: 1\r\n\r\n");
  while (plain.want(1)) EXPECT_EQ(plain.take_all().find("RTSP/1.0"), std::string::npos);
  // One who trusts this certificate only finds its name and address in it.
  const auto trust = (world->folder.path() / "tls" / "certificate.pem").string();
  for (const std::string name : {"-verify_hostname localhost", "-verify_ip 127.0.0.1"}) {
    const auto seen = run({"sh", "-c",
                           "openssl s_client -connect 127.0.0.1:" + port + " -CAfile " + trust + " " + name +
                               " -verify_return_error -brief </dev/null 2>&1"});
    EXPECT_NE(seen.find("Verification: OK"), std::string::npos) << seen;
  }
  std::string refused;
  EXPECT_NE(Process({"sh", "-c", "openssl s_client -connect 127.0.0.1:" + port + " -tls1_1 </dev/null 2>&1"}, {}, true).wait(&refused), 0)
      << refused;
  // By UDP the pictures would leave in clear.
  const auto request = "SETUP rtsp://127.0.0.1/cam01/main/trackID=0?from=" + std::string(began) +
                       "&to=2026-11-24T05:00:05.000Z RTSP/1.0\r\nCSeq: 1\r\nAuthorization: Basic " + rtsp::base64(everything) +
                       "\r\nTransport: RTP/AVP;unicast;client_port=50000-50001\r\n\r\n";
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "request") << request;
  const auto answer = run({"sh", "-c",
                           "cd " + folder.path().string() + " && mkfifo in && (openssl s_client -quiet -connect 127.0.0.1:" + port +
                               " <in >out 2>/dev/null & echo $! >pid; exec 3>in; cat request >&3; i=0;"
                               " until grep -q RTSP/1.0 out || [ $i = 300 ]; do i=$((i+1)); sleep 0.1; done;"
                               " kill $(cat pid)); cat out"});
  EXPECT_TRUE(answer.starts_with("RTSP/1.0 461 ")) << answer;
}

TEST_F(RtspServer, who_may_not_is_refused) {
  const LiveCamera camera(*world, "cam02");
  const auto describe = [&](const std::string& path, const std::string& key) {
    return Talker(world->rtsp->port()).ask("DESCRIBE", path, key);
  };
  const auto stranger = describe("/cam02/main", "");
  EXPECT_EQ(stranger.status, 401);
  EXPECT_TRUE(stranger.header("WWW-Authenticate").starts_with("Basic realm="));
  EXPECT_EQ(describe("/cam02/main", "knobody:nosecret").status, 401);
  EXPECT_EQ(describe("/nowhere/main", "knobody:nosecret").status, 401) << "a stranger must not learn what there is";
  EXPECT_EQ(describe("/cam02/main", nothing).status, 403);
  EXPECT_EQ(describe("/nowhere/main", everything).status, 404);
  EXPECT_EQ(describe("/cam02/sub", everything).status, 404);
  EXPECT_EQ(describe("/cam02/third", everything).status, 404);
  EXPECT_EQ(describe("/cam02/main", everything).status, 200);
  EXPECT_EQ(describe("/cam01/main?from=2026-11-24T05:00:03Z", only_live).status, 403);

  Talker live(world->rtsp->port());
  ASSERT_EQ(live.ask("SETUP", "/cam02/main/trackID=0", only_live, by_tcp).status, 200);
  EXPECT_EQ(live.ask("PLAY", "/cam02/main", only_live, {{"Range", "clock=20261124T050003Z-"}}).status, 403);
  EXPECT_EQ(live.ask("PLAY", "/cam02/main", only_live).status, 200);
}

TEST_F(RtspServer, what_is_out_of_order_is_answered_as_the_standard_says) {
  const LiveCamera camera(*world, "cam02", Microphone::Kind::g711);
  ASSERT_TRUE(becomes([] { return world->live.find("cam02", "main")->audio_format() != nullptr; }));
  Talker talker(world->rtsp->port());
  EXPECT_TRUE(rtsp::lists_method(talker.ask("OPTIONS", "*", "").header("Public"), "PAUSE"));
  EXPECT_EQ(talker.ask("ANNOUNCE", "/cam02/main", everything).status, 501);
  EXPECT_EQ(talker.ask("DESCRIBE", "/cam02/main", everything, {{"Require", "onvif-replay"}}).status, 551);
  EXPECT_EQ(talker.ask("PLAY", "/cam02/main", everything).status, 454);
  EXPECT_EQ(talker.ask("SETUP", "/cam02/main", everything, by_tcp).status, 459);
  EXPECT_EQ(talker.ask("SETUP", "/cam02/main/trackID=7", everything, by_tcp).status, 404);
  EXPECT_EQ(talker.ask("SETUP", "/cam02/main/trackID=0", everything, {{"Transport", "RTP/AVP;multicast"}}).status, 461);
  ASSERT_EQ(talker.ask("SETUP", "/cam02/main/trackID=0", everything, by_tcp).status, 200);
  ASSERT_EQ(talker.ask("SETUP", "/cam02/main/trackID=1", everything, {{"Transport", "RTP/AVP/TCP;interleaved=2-3"}}).status, 200);
  EXPECT_EQ(talker.ask("SETUP", "/cam01/main/trackID=0", everything, by_tcp).status, 459);
  EXPECT_EQ(talker.ask("PLAY", "/cam02/main/trackID=0", everything).status, 460);
  EXPECT_EQ(talker.ask("PAUSE", "/cam02/main", everything).status, 200) << "players pause what has ended, too";
  EXPECT_EQ(talker.ask("PLAY", "/cam02/main", everything, {{"Range", "smpte=0:10:20-"}}).status, 457);
  EXPECT_EQ(talker.ask("PLAY", "/cam02/main", everything).status, 200);
  EXPECT_EQ(talker.ask("SETUP", "/cam02/main/trackID=0", everything, by_tcp).status, 455);
  EXPECT_EQ(talker.ask("GET_PARAMETER", "/cam02/main", everything).status, 200);
  EXPECT_EQ(talker.ask("PAUSE", "/cam02/main", everything).status, 200);
  const auto session = talker.session;
  EXPECT_EQ(talker.ask("TEARDOWN", "/cam02/main", everything).status, 200);
  talker.session = session;
  EXPECT_EQ(talker.ask("PLAY", "/cam02/main", everything).status, 454);
}

TEST_F(RtspServer, live_begins_at_the_cached_key_frame_that_rtp_info_names) {
  const LiveCamera camera(*world, "cam02");
  ASSERT_TRUE(becomes([] { return world->live.find("cam02", "main")->last_key() != nullptr; }));
  Talker talker(world->rtsp->port());
  ASSERT_EQ(talker.ask("SETUP", "/cam02/main/trackID=0", everything, by_tcp).status, 200);
  const auto playing = talker.ask("PLAY", "/cam02/main", everything);
  ASSERT_EQ(playing.status, 200);
  ASSERT_TRUE(talker.read_until([](Talker& t) { return t.packets.size() >= 40 && !t.reports.empty(); }));
  const auto info = rtsp::parse_rtp_info(playing.header("RTP-Info"));
  ASSERT_EQ(info.size(), 1u);
  EXPECT_EQ(info[0].sequence, talker.packets[0].sequence);
  EXPECT_EQ(info[0].rtptime, talker.packets[0].timestamp);
  EXPECT_EQ(talker.packets[0].nal, 7) << "parameter sets come first";
  for (std::size_t i = 1; i < talker.packets.size(); ++i) {
    EXPECT_EQ(talker.packets[i].sequence, static_cast<std::uint16_t>(talker.packets[i - 1].sequence + 1));
  }
  // The report's clock is this machine's.
  const auto told = media::ntp_to_utc(talker.reports[0].ntp);
  EXPECT_LT(std::chrono::abs(world->clock.utc_now() - told), seconds{30});
}

TEST_F(RtspServer, a_clock_range_is_played_with_its_true_time_and_ends_with_bye) {
  Talker talker(world->rtsp->port());
  ASSERT_EQ(talker.ask("SETUP", "/cam01/main/trackID=0", everything, by_tcp).status, 200);
  EXPECT_EQ(talker.ask("PLAY", "/cam01/main", everything, {{"Range", "clock=20200101T000000Z-20200101T000100Z"}}).status, 457);
  const auto playing =
      talker.ask("PLAY", "/cam01/main", everything, {{"Range", "clock=20261124T050004.50Z-20261124T050006Z"}, {"Scale", "2"}});
  ASSERT_EQ(playing.status, 200);
  EXPECT_EQ(playing.header("Range"), "clock=20261124T050004.000Z-20261124T050006.000Z") << "from the key frame on";
  EXPECT_EQ(playing.header("Scale"), "2");
  ASSERT_TRUE(talker.read_until([](Talker& t) { return t.bye; }));
  std::vector<std::uint32_t> times;
  for (const auto& packet : talker.packets) {
    if (packet.marker) times.push_back(packet.timestamp);
  }
  ASSERT_EQ(times.size(), 50u);
  for (std::size_t i = 1; i < times.size(); ++i) EXPECT_NEAR(times[i] - times[i - 1], 1800, 1) << "twice as fast";
  ASSERT_FALSE(talker.reports.empty());
  EXPECT_EQ(media::ntp_to_utc(talker.reports[0].ntp), at("2026-11-24T05:00:04.000Z"));
  EXPECT_EQ(talker.reports[0].rtp_timestamp, times[0]);

  // The session goes on: the same once more, from somewhere else; RTP time goes on, too.
  talker.bye = false;
  const auto packets = talker.packets.size();
  ASSERT_EQ(talker.ask("PLAY", "/cam01/main", everything, {{"Range", "clock=20261124T050010Z-20261124T050011Z"}}).status, 200);
  ASSERT_TRUE(talker.read_until([](Talker& t) { return t.bye; }));
  EXPECT_GT(talker.packets.size(), packets);
  EXPECT_EQ(talker.packets[packets].sequence, static_cast<std::uint16_t>(talker.packets[packets - 1].sequence + 1));
  EXPECT_GT(static_cast<std::int32_t>(talker.packets[packets].timestamp - talker.packets[packets - 1].timestamp), 0);
}

TEST_F(RtspServer, nothing_is_lost_by_a_pause) {
  Talker talker(world->rtsp->port());
  ASSERT_EQ(talker.ask("SETUP", "/cam01/main/trackID=0", everything, by_tcp).status, 200);
  ASSERT_EQ(talker.ask("PLAY", "/cam01/main", everything, {{"Range", "clock=20261124T050004Z-20261124T050006Z"}, {"Scale", "4"}}).status,
            200);
  ASSERT_TRUE(talker.read_until([](Talker& t) { return t.packets.size() > 20; }));
  ASSERT_EQ(talker.ask("PAUSE", "/cam01/main", everything).status, 200);
  ASSERT_EQ(talker.ask("PLAY", "/cam01/main", everything).status, 200);
  ASSERT_TRUE(talker.read_until([](Talker& t) { return t.bye; }));
  EXPECT_EQ(std::ranges::count_if(talker.packets, &Talker::Packet::marker), 50);
}

class RtspServerInClearAndByTls : public RtspServer, public testing::WithParamInterface<bool> {
 protected:
  static Talker talker(int receive_buffer = 0) {
    return GetParam() ? Talker::secure(world->rtsp->tls_port(), receive_buffer) : Talker(world->rtsp->port(), receive_buffer);
  }
};
INSTANTIATE_TEST_SUITE_P(Viewers, RtspServerInClearAndByTls, testing::Bool());

TEST_P(RtspServerInClearAndByTls, a_viewer_that_does_not_read_is_skipped_and_hurts_nobody) {
  const auto channel = world->open_channel("cam03");
  const auto big = std::make_shared<Bytes>(200'000);
  (*big)[1] = 3;
  (*big)[2] = 0x0d;
  (*big)[3] = 0x3c;  // one NAL unit of 199 996 bytes
  (*big)[4] = 0x65;
  std::int64_t number = 0;
  const auto send = [&] {
    auto unit = std::make_shared<media::AccessUnit>();
    unit->format = street().format;
    unit->data = big;
    unit->key = number % 10 == 0;
    unit->media_time = number * 3600;
    unit->capture_time = at(began) + milliseconds{40 * number};
    ++number;
    world->feed(channel, unit);
  };
  send();
  const std::uint64_t skipped_before = world->rtsp->counts().units_skipped;
  auto slow = talker(4096), quick = talker();
  for (auto* talker : {&slow, &quick}) {
    ASSERT_EQ(talker->ask("SETUP", "/cam03/main/trackID=0", everything, by_tcp).status, 200);
    ASSERT_EQ(talker->ask("PLAY", "/cam03/main", everything).status, 200);
  }
  const auto whole = [](Talker& t) { return static_cast<std::int64_t>(std::ranges::count_if(t.packets, &Talker::Packet::marker)); };
  while (number < 100) {
    send();
    ASSERT_TRUE(quick.read_until([&](Talker& t) { return whole(t) >= number; }));
  }
  // What waits for the slow one is bounded, and after a hole he goes on with a key frame, parameter sets first.
  EXPECT_GT(world->rtsp->counts().units_skipped - skipped_before, 50u);
  std::size_t hole = 0;
  ASSERT_TRUE(slow.read_until([&](Talker& t) {
    for (std::size_t i = 1; i < t.packets.size() && hole == 0; ++i) {
      if (t.packets[i].sequence != static_cast<std::uint16_t>(t.packets[i - 1].sequence + 1)) hole = i;
    }
    if (hole == 0 && number < 2000) send();
    return hole != 0;
  }));
  EXPECT_EQ(slow.packets[hole].nal, 7);
  EXPECT_TRUE(slow.packets[hole - 1].marker) << "frames are whole";
  world->live.remove("cam03", "main");
}

TEST_F(RtspServer, what_is_no_rtsp_is_hung_up_on) {
  Talker endless(world->rtsp->port());
  ASSERT_TRUE(endless.raw().send("DESCRIBE rtsp://x/" + std::string(40'000, 'a')));
  EXPECT_TRUE(endless.raw().ends());
  Talker many(world->rtsp->port());
  std::string requests;
  for (int i = 1; i < 100; ++i)
    requests += "DESCRIBE rtsp://x/cam01 RTSP/1.0\r\nCSeq: " + std::to_string(i) + "\r\nAuthorization: Basic eDp5\r\n\r\n";
  many.raw().send(requests);
  EXPECT_TRUE(many.raw().ends());
}

TEST_F(RtspServer, a_key_that_is_removed_ends_its_viewers) {
  const LiveCamera camera(*world, "cam02");
  const auto key = world->key_of({Right::live_view});
  Talker talker(world->rtsp->port());
  ASSERT_EQ(talker.ask("SETUP", "/cam02/main/trackID=0", key, by_tcp).status, 200);
  ASSERT_EQ(talker.ask("PLAY", "/cam02/main", key).status, 200);
  ASSERT_TRUE(world->access.remove_key(key.substr(0, key.find(':')), {}));
  EXPECT_FALSE(talker.read_until([](Talker&) { return false; }));
  EXPECT_TRUE(talker.raw().ends());
}

}  // namespace
}  // namespace ccoc::test
