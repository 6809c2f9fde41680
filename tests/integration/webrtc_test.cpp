// WHIP and WHEP over real sockets, with a peer that makes its own offers.
#include <gtest/gtest.h>

#include "ccoc/base/log.h"
#include "support/api_world.h"
#include "support/interface.h"
#include "support/live_camera.h"
#include "support/tone.h"
#include "support/webrtc_peer.h"

namespace ccoc::test {
namespace {

const std::string whip = "/api/v1/cameras/drone/whip";
const std::string whep = "/api/v1/cameras/cam01/whep";

bool eventually_so(const std::function<bool()>& condition) { return eventually(condition, seconds{60}); }

/// What every offer holds, without any media yet.
std::string offer_with(const std::string& media) {
  return "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
         "a=fingerprint:sha-256 "
         "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n"
         "a=setup:actpass\r\n" +
         media;
}
const std::string vp8_only =
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=rtcp-mux\r\na=sendrecv\r\na=rtpmap:96 VP8/90000\r\n";

class WebRtc : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    world = new ApiWorld;
    for (const auto* id : {"drone", "cam01"}) world->add_camera(id);
    administrator = new Person(world->port());
    ASSERT_EQ(administrator->log_in("administrator").status, 200);
    viewer = new Person(world->port());
    ASSERT_EQ(viewer->log_in("viewer").status, 200);
  }
  static void TearDownTestSuite() {
    delete viewer;
    delete administrator;
    delete world;
  }
  void SetUp() override {
    if (!std::filesystem::exists(WebRtcPeer::program())) GTEST_SKIP() << "built without GStreamer's WebRTC";
    if (!ensure_usable_address()) GTEST_SKIP() << no_usable_address;
  }
  void TearDown() override { world->ingest.remove("drone"); }

  static void wait_for_pushes() { world->ingest.apply("drone", {{"drone", "main", "whip:", "", ""}}); }
  static ingest::StreamStatus status() {
    const auto all = world->ingest.statuses_of("drone");
    return all.empty() ? ingest::StreamStatus{} : all.front();
  }
  static Answer post(const Person& who, const std::string& target, const std::string& body, HeaderList more = {}) {
    auto headers = who.headers();
    headers.emplace_back("Content-Type", "application/sdp");
    for (auto& field : more) headers.push_back(std::move(field));
    return Peer(world->port()).ask("POST", target, headers, body);
  }
  static std::string key_with(const std::string& rights) {
    const auto made = administrator->ask("POST", "/api/v1/keys", R"({"name":"k","rights":[)" + rights + "]}");
    return std::string(json_of(made).at("bearer").as_string());
  }

  static inline ApiWorld* world = nullptr;
  static inline Person* administrator = nullptr;
  static inline Person* viewer = nullptr;
};

TEST_F(WebRtc, takes_what_is_pushed_until_the_sender_says_good_bye) {
  wait_for_pushes();
  ASSERT_TRUE(eventually_so([] { return status().last_error.find("nobody sends") != std::string::npos; }));
  const auto bearer = key_with(R"("live.send")");
  const HeaderList key{{"Authorization", "Bearer " + bearer}, {"Content-Type", "application/sdp"}};
  WebRtcPeer sender("send");
  const auto offer = sender.offer();
  const auto answer = Peer(world->port()).ask("POST", whip, key, offer);
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(answer.header("Content-Type"), "application/sdp");
  const auto location = answer.header("Location");
  EXPECT_EQ(location.find(whip + "/"), 0u) << location;
  EXPECT_NE(answer.body.find("a=candidate:"), std::string::npos) << "nothing is trickled";
  EXPECT_NE(answer.body.find("H264/90000"), std::string::npos) << answer.body;
  sender.answer(answer.body);
  ASSERT_TRUE(sender.connects());
  ASSERT_TRUE(eventually_so([] { return status().state == ingest::StreamState::live; })) << status().last_error;
  ASSERT_TRUE(eventually_so([] { return status().audio_codec == "opus"; }));
  EXPECT_EQ(status().transport, "whip");
  EXPECT_EQ(status().width, 320u);
  EXPECT_EQ(status().height, 180u);
  // The sender itself would make one every 1000 pictures.
  ASSERT_TRUE(eventually_so([] { return status().gop_frames > 0; }));
  EXPECT_LT(status().gop_frames, 200u);

  EXPECT_EQ(Peer(world->port()).ask("POST", whip, key, offer).status, 409) << "one at a time";
  EXPECT_EQ(Peer(world->port()).ask("PATCH", location, key, "a=end-of-candidates\r\n").status, 405);
  EXPECT_EQ(Peer(world->port()).ask("DELETE", whip + "/" + std::string(32, '0'), key).status, 404);
  EXPECT_EQ(status().state, ingest::StreamState::live);
  EXPECT_EQ(Peer(world->port()).ask("DELETE", location, key).status, 200);
  EXPECT_EQ(status().state, ingest::StreamState::offline);
  EXPECT_EQ(Peer(world->port()).ask("DELETE", location, key).status, 404);

  // And again at once, by someone else.
  WebRtcPeer second("send");
  const auto again = Peer(world->port()).ask("POST", whip, key, second.offer());
  ASSERT_EQ(again.status, 201) << again.body;
  second.answer(again.body);
  ASSERT_TRUE(eventually_so([] { return status().state == ingest::StreamState::live; })) << status().last_error;
  second.vanish();
  EXPECT_TRUE(eventually_so([] { return status().state == ingest::StreamState::offline; }));
}

TEST_F(WebRtc, refuses_what_it_cannot_take_and_who_may_not) {
  wait_for_pushes();
  EXPECT_EQ(post(*viewer, whip, offer_with(vp8_only)).status, 403);
  EXPECT_EQ(post(Person(world->port()), whip, offer_with(vp8_only)).status, 401);
  EXPECT_EQ(administrator->ask("POST", whip, "{}").status, 415);
  EXPECT_EQ(post(*administrator, "/api/v1/cameras/nobody/whip", offer_with(vp8_only)).status, 404);
  EXPECT_EQ(post(*administrator, whip + "?stream=sub", offer_with(vp8_only)).status, 404);
  EXPECT_EQ(post(*administrator, whip, std::string(70'000, 'a')).status, 413);
  for (const auto& wrong :
       {std::string("hello"), std::string("v=0\r\n"), offer_with(""), offer_with(vp8_only), offer_with(vp8_only + vp8_only)}) {
    const auto answer = post(*administrator, whip, wrong);
    EXPECT_EQ(answer.status, 422) << wrong;
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
  }
  EXPECT_NE(post(*administrator, whip, offer_with(vp8_only)).body.find("H.264"), std::string::npos);
  world->ingest.apply("drone", {{"drone", "main", "rtsp://127.0.0.1:1/x", "", ""}});
  EXPECT_EQ(post(*administrator, whip, offer_with(vp8_only)).status, 409) << "this one is called, it does not wait";
}

TEST_F(WebRtc, tells_pages_of_other_sites_what_they_may_ask_with_a_key) {
  wait_for_pushes();
  const auto preflight = Peer(world->port()).ask("OPTIONS", whip, {{"Origin", "https://drone.example"}});
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.header("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(preflight.header("Accept-Post"), "application/sdp");
  EXPECT_NE(preflight.header("Access-Control-Allow-Headers").find("Authorization"), std::string::npos);
  EXPECT_NE(preflight.header("Access-Control-Allow-Methods").find("POST"), std::string::npos);
  const auto elsewhere = HeaderList{{"Origin", "https://drone.example"}};
  EXPECT_EQ(post(*administrator, whip, offer_with(vp8_only), elsewhere).status, 403) << "never with a cookie";
  auto key = HeaderList{{"Authorization", "Bearer " + key_with(R"("live.send")")}, {"Content-Type", "application/sdp"}};
  key.push_back(elsewhere.front());
  const auto answer = Peer(world->port()).ask("POST", whip, key, offer_with(vp8_only));
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(Peer(world->port()).ask("OPTIONS", "/api/v1/cameras", elsewhere).header("Access-Control-Allow-Origin"), "");
}

/// Pictures of a street, in their time, until the object goes.
class Feeding {
 public:
  Feeding(ApiWorld& world, const std::string& id, media::VideoFormatPtr format = nullptr)
      : world_(world), id_(id), channel_(world.open_channel(id)), camera_(SystemClock{}.utc_now()) {
    if (format) camera_.set_format(std::move(format));
    thread_ = std::thread([this] { run(); });
  }
  ~Feeding() {
    stopped_ = true;
    thread_.join();
    world_.live.remove(id_, "main");
  }
  const std::shared_ptr<live::Channel>& channel() const { return channel_; }

 private:
  void run() {
    while (!stopped_) {
      world_.feed(channel_, camera_.next());
      const auto wait = camera_.time() - SystemClock{}.utc_now();
      if (wait > Duration{0}) std::this_thread::sleep_for(wait);
    }
  }
  ApiWorld& world_;
  const std::string id_;
  std::shared_ptr<live::Channel> channel_;
  Camera camera_;
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

/// The pictures' own NAL units, without delimiters and parameter sets.
std::vector<std::string> slices_of(std::string_view annexb) {
  std::vector<std::string> out;
  for (const auto nal : media::split_annexb(as_bytes(annexb)))
    if (media::is_vcl(media::Codec::h264, nal)) out.emplace_back(as_text(nal));
  return out;
}

testing::AssertionResult is_the_street(const std::vector<std::string>& got) {
  std::vector<std::string> street_slices;
  for (const auto& picture : street().pictures)
    media::for_each_nal(*picture.data, [&](ByteView nal) {
      if (media::is_vcl(media::Codec::h264, nal)) street_slices.emplace_back(as_text(nal));
    });
  if (got.empty()) return testing::AssertionFailure() << "nothing came";
  const auto first = std::ranges::find(street_slices, got.front());
  if (first == street_slices.end()) return testing::AssertionFailure() << "the first is none of the street's";
  const auto at = static_cast<std::size_t>(first - street_slices.begin());
  for (std::size_t i = 0; i + 1 < got.size(); ++i)
    if (got[i] != street_slices[(at + i) % street_slices.size()]) return testing::AssertionFailure() << "differs after " << i;
  return testing::AssertionSuccess();
}

TEST_F(WebRtc, shows_a_viewer_the_pictures_as_they_are) {
  const Feeding feeding(*world, "cam01");
  ASSERT_TRUE(eventually_so([&] { return feeding.channel()->last_key() != nullptr; }));
  WebRtcPeer peer("receive");
  const auto answer = post(*viewer, whep, peer.offer());
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_NE(answer.body.find("a=candidate:"), std::string::npos);
  EXPECT_EQ(world->viewers.count(), 1u);
  peer.answer(answer.body);
  ASSERT_TRUE(peer.connects());
  ASSERT_TRUE(peer.receives());
  ASSERT_TRUE(eventually_so([&] { return slices_of(peer.received()).size() > 120; }));
  EXPECT_TRUE(is_the_street(slices_of(peer.received())));
  const auto location = answer.header("Location");
  EXPECT_EQ(viewer->ask("DELETE", "/api/v1/cameras/drone" + location.substr(location.find("/whep"))).status, 404) << "of another camera";
  EXPECT_EQ(viewer->ask("DELETE", location).status, 200);
  EXPECT_TRUE(eventually_so([&] { return world->viewers.count() == 0 && feeding.channel()->subscriber_count() == 0; }));
}

TEST_F(WebRtc, notices_that_a_viewer_has_vanished) {
  const Feeding feeding(*world, "cam01");
  WebRtcPeer peer("receive");
  const auto answer = post(*viewer, whep, peer.offer());
  ASSERT_EQ(answer.status, 201) << answer.body;
  peer.answer(answer.body);
  ASSERT_TRUE(peer.receives());
  EXPECT_EQ(feeding.channel()->subscriber_count(), 1u);
  peer.vanish();
  EXPECT_TRUE(eventually_so([&] { return world->viewers.count() == 0 && feeding.channel()->subscriber_count() == 0; }));
}

TEST_F(WebRtc, ends_a_viewer_whose_log_in_has_ended) {
  const Feeding feeding(*world, "cam01");
  Person guest(world->port());
  ASSERT_EQ(guest.log_in("viewer").status, 200);
  WebRtcPeer peer("receive");
  const auto answer = post(guest, whep, peer.offer());
  ASSERT_EQ(answer.status, 201) << answer.body;
  peer.answer(answer.body);
  ASSERT_TRUE(peer.receives());
  EXPECT_EQ(guest.ask("DELETE", "/api/v1/session").status, 204);
  EXPECT_TRUE(eventually_so([&] { return world->viewers.count() == 0; }));
}

TEST_F(WebRtc, lets_in_who_has_a_token_for_live_and_no_more_than_may) {
  const Feeding feeding(*world, "cam01");
  ASSERT_TRUE(eventually_so([&] { return feeding.channel()->last_key() != nullptr; }));
  const auto token = [&](const std::string& camera) {
    return std::string(json_of(viewer->ask("POST", "/api/v1/tokens", R"({"camera":")" + camera + R"("})")).at("token").as_string());
  };
  const Person stranger(world->port());
  const WebRtcPeer peer("receive");
  const auto offer = peer.offer();
  EXPECT_EQ(post(stranger, whep, offer).status, 401);
  EXPECT_EQ(post(stranger, whep + "?token=" + token("drone"), offer).status, 403) << "for another camera";
  const auto good = whep + "?token=" + token("cam01");
  const auto first = post(stranger, good, offer, {{"Origin", "https://map.example"}});
  ASSERT_EQ(first.status, 201) << first.body;
  const auto second = post(stranger, good, offer);
  ASSERT_EQ(second.status, 201) << second.body;
  const auto third = post(stranger, good, offer);
  EXPECT_EQ(third.status, 429) << "the test's hub has room for two";
  EXPECT_NE(third.body.find("webrtc.max_viewers"), std::string::npos);
  EXPECT_EQ(Peer(world->port()).ask("DELETE", first.header("Location")).status, 200);
  EXPECT_EQ(Peer(world->port()).ask("DELETE", second.header("Location")).status, 200);
  EXPECT_TRUE(eventually_so([&] { return world->viewers.count() == 0; }));
}

TEST_F(WebRtc, makes_h265_into_h264_for_a_viewer) {
  const LiveCamera camera(*world, "cam01", Microphone::Kind::none, pattern_h265());
  ASSERT_TRUE(eventually_so([] { return world->live.find("cam01", "main")->last_key() != nullptr; }));
  WebRtcPeer peer("receive");
  const auto answer = post(*viewer, whep, peer.offer());
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(world->transcoder.sessions(), 1u);
  peer.answer(answer.body);
  ASSERT_TRUE(peer.connects());
  ASSERT_TRUE(peer.receives());
  EXPECT_TRUE(eventually_so([&] { return slices_of(peer.received()).size() > 60; }));
  EXPECT_EQ(viewer->ask("DELETE", answer.header("Location")).status, 200);
  EXPECT_TRUE(eventually_so([] { return world->viewers.count() == 0 && world->transcoder.sessions() == 0; }));
}

/// The answer's section of that kind, with its "m=" line; empty when there is none.
std::string section_of(const std::string& sdp, const std::string& kind) {
  const auto begin = sdp.find("m=" + kind);
  return begin == std::string::npos ? "" : sdp.substr(begin, sdp.find("m=", begin + 1) - begin);
}

bool is_refused(const std::string& section) { return section.find("m=audio 0 ") == 0 || section.find("a=inactive") != std::string::npos; }

constexpr std::size_t second_of_sound = 48'000 * 2;

/// The last two seconds of four that came.
testing::AssertionResult hears_the_tone(const WebRtcPeer& peer) {
  if (!eventually_so([&] { return peer.heard().size() > 4 * second_of_sound; }))
    return testing::AssertionFailure() << peer.heard().size() << " bytes of sound came";
  auto all = peer.heard();
  const auto last = all.substr((all.size() - 2 * second_of_sound) & ~std::size_t{1});
  const auto frequency = frequency_of(last, 48'000), level = level_of(last);
  if (std::abs(frequency - 440) > 15 || level < 500) return testing::AssertionFailure() << frequency << " Hz, level " << level;
  return testing::AssertionSuccess();
}

struct HeardCase {
  const char* name;
  Microphone::Kind sound;
  std::vector<std::string> offered;
  std::string sent;  ///< as the answer names it
};

class WebRtcSound : public WebRtc, public testing::WithParamInterface<HeardCase> {};

TEST_P(WebRtcSound, is_heard_beside_the_pictures) {
  const LiveCamera camera(*world, "cam01", GetParam().sound);
  ASSERT_TRUE(eventually_so([] {
    const auto channel = world->live.find("cam01", "main");
    return channel->last_key() && channel->audio_format();
  }));
  WebRtcPeer peer("receive", GetParam().offered);
  const auto answer = post(*viewer, whep, peer.offer());
  ASSERT_EQ(answer.status, 201) << answer.body;
  const auto audio = section_of(answer.body, "audio");
  EXPECT_NE(audio.find("a=sendonly"), std::string::npos) << answer.body;
  EXPECT_NE(audio.find(GetParam().sent), std::string::npos) << answer.body;
  peer.answer(answer.body);
  ASSERT_TRUE(peer.connects());
  ASSERT_TRUE(peer.receives());
  EXPECT_TRUE(hears_the_tone(peer));
  EXPECT_TRUE(is_the_street(slices_of(peer.received())));
  EXPECT_EQ(viewer->ask("DELETE", answer.header("Location")).status, 200);
  EXPECT_TRUE(eventually_so([] { return world->viewers.count() == 0; }));
}

INSTANTIATE_TEST_SUITE_P(Codecs, WebRtcSound,
                         testing::Values(HeardCase{"opus", Microphone::Kind::opus, {"opus"}, "OPUS/48000"},
                                         HeardCase{
                                             "opus_in_the_first_section", Microphone::Kind::opus, {"first", "opus", "pcma"}, "OPUS/48000"},
                                         HeardCase{"aac_converted", Microphone::Kind::aac, {"opus", "pcma"}, "OPUS/48000"},
                                         HeardCase{"g711", Microphone::Kind::g711, {"opus", "pcmu", "pcma"}, "PCMA/8000"},
                                         HeardCase{"g711_converted", Microphone::Kind::g711, {"opus"}, "OPUS/48000"}),
                         [](const auto& one) { return one.param.name; });

TEST_F(WebRtc, shows_the_pictures_to_who_is_sent_no_sound) {
  struct Silence {
    const char* why;
    Microphone::Kind sound;
    std::vector<std::string> offered;
  };
  for (const auto& one : {Silence{"the viewer does not listen", Microphone::Kind::opus, {}},
                          Silence{"the camera has no sound", Microphone::Kind::none, {"opus", "pcma"}},
                          Silence{"it has none, and the viewer's first section is for it", Microphone::Kind::none, {"first", "opus"}},
                          Silence{"he does not take what it can be sent as", Microphone::Kind::aac, {"pcma"}}}) {
    SCOPED_TRACE(one.why);
    const LiveCamera camera(*world, "cam01", one.sound);
    ASSERT_TRUE(eventually_so([&] {
      const auto channel = world->live.find("cam01", "main");
      return channel->last_key() && (one.sound == Microphone::Kind::none || channel->audio_format());
    }));
    WebRtcPeer peer("receive", one.offered);
    const auto answer = post(*viewer, whep, peer.offer());
    ASSERT_EQ(answer.status, 201) << answer.body;
    const auto audio = section_of(answer.body, "audio");
    EXPECT_EQ(audio.empty(), one.offered.empty());
    EXPECT_TRUE(audio.empty() || is_refused(audio)) << answer.body;
    peer.answer(answer.body);
    ASSERT_TRUE(peer.connects());
    ASSERT_TRUE(eventually_so([&] { return slices_of(peer.received()).size() > 50; }));
    EXPECT_TRUE(is_the_street(slices_of(peer.received())));
    EXPECT_EQ(peer.heard(), "");
    EXPECT_EQ(viewer->ask("DELETE", answer.header("Location")).status, 200);
    EXPECT_TRUE(eventually_so([] { return world->viewers.count() == 0; }));
  }
}

/// Lines of the log while it lives.
class Log {
 public:
  Log() {
    log::set_sink([this](log::Level, std::string_view line) {
      const std::lock_guard lock(mutex_);
      all_.append(line).append("\n");
    });
  }
  ~Log() { log::set_sink(nullptr); }
  int count(const std::string& words) const {
    const std::lock_guard lock(mutex_);
    int out = 0;
    for (auto at = all_.find(words); at != std::string::npos; at = all_.find(words, at + 1)) ++out;
    return out;
  }

 private:
  mutable std::mutex mutex_;
  std::string all_;
};

TEST_F(WebRtc, goes_on_with_the_pictures_when_the_sound_cannot_be_decoded) {
  const Log log;
  const LiveCamera camera(*world, "cam01", Microphone::Kind::broken);
  ASSERT_TRUE(eventually_so([] {
    const auto channel = world->live.find("cam01", "main");
    return channel->last_key() && channel->audio_format();
  }));
  WebRtcPeer peer("receive", {"opus"});
  const auto answer = post(*viewer, whep, peer.offer());
  ASSERT_EQ(answer.status, 201) << answer.body;
  peer.answer(answer.body);
  ASSERT_TRUE(eventually_so([&] { return log.count("a viewer hears nothing: ") > 0; }));
  const auto shown = slices_of(peer.received()).size();
  EXPECT_TRUE(eventually_so([&] { return slices_of(peer.received()).size() > shown + 50; }));
  EXPECT_TRUE(is_the_street(slices_of(peer.received())));
  EXPECT_EQ(log.count("a viewer hears nothing: "), 1);
  EXPECT_EQ(world->viewers.count(), 1u);
  EXPECT_EQ(viewer->ask("DELETE", answer.header("Location")).status, 200);
  EXPECT_TRUE(eventually_so([] { return world->viewers.count() == 0; }));
}

/// A ccoc-bridge that finds all of GStreamer's plug-ins that WebRTC needs, and no Opus.
std::string bridge_without_opus(const std::filesystem::path& folder) {
  std::string plugins;
  Process({"pkg-config", "--variable=pluginsdir", "gstreamer-1.0"}).wait(&plugins);
  while (plugins.ends_with('\n')) plugins.pop_back();
  std::filesystem::create_directories(folder / "plugins");
  for (const auto* name : {"coreelements", "app", "webrtc", "nice", "dtls", "srtp", "rtp", "rtpmanager", "faad", "libav", "audioconvert",
                           "audioresample", "videoparsersbad"}) {
    const auto file = "libgst" + std::string(name) + ".so";
    if (std::filesystem::exists(plugins + "/" + file)) std::filesystem::create_symlink(plugins + "/" + file, folder / "plugins" / file);
  }
  const auto program = folder / "bridge";
  std::ofstream(program) << "#!/bin/sh\nGST_REGISTRY=" << folder.string() << "/registry.bin GST_PLUGIN_SYSTEM_PATH_1_0=" << folder.string()
                         << "/plugins exec " << CCOC_BINARY_DIR << "/ccoc-bridge \"$@\"\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  return program.string();
}

TEST_F(WebRtc, shows_the_pictures_and_says_what_is_missing_to_convert_the_sound) {
  const TemporaryFolder folder;
  ApiWorld bare(1, bridge_without_opus(folder.path()));
  bare.add_camera("cam01");
  Person guest(bare.port());
  ASSERT_EQ(guest.log_in("viewer").status, 200);
  const Log log;
  const LiveCamera camera(bare, "cam01", Microphone::Kind::aac);
  ASSERT_TRUE(eventually_so([&] {
    const auto channel = bare.live.find("cam01", "main");
    return channel->last_key() && channel->audio_format();
  }));
  WebRtcPeer peer("receive", {"opus"});
  auto headers = guest.headers();
  headers.emplace_back("Content-Type", "application/sdp");
  const auto answer = Peer(bare.port()).ask("POST", whep, headers, peer.offer());
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_TRUE(is_refused(section_of(answer.body, "audio"))) << answer.body;
  peer.answer(answer.body);
  ASSERT_TRUE(eventually_so([&] { return slices_of(peer.received()).size() > 50; }));
  EXPECT_TRUE(eventually_so([&] { return log.count("GStreamer's opusenc is missing here; install gstreamer1.0-plugins-base") == 1; }));
}

TEST_F(WebRtc, is_silent_while_the_cameras_sound_is_switched_off) {
  const auto port = free_port();
  Process server(
      {std::string(CCOC_BINARY_DIR) + "/peer_gst_rtsp_server", std::to_string(port),
       "( videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc tune=zerolatency key-int-max=25 ! "
       "rtph264pay name=pay0 pt=96 audiotestsrc is-live=true freq=440 ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay "
       "name=pay1 )"});
  ASSERT_TRUE(server.wait_for_output("ready"));
  for (const bool on : {false, true}) {
    ingest::StreamConfig config{"cam01", "main", "rtsp://127.0.0.1:" + std::to_string(port) + "/test", "", ""};
    config.audio = on;
    world->ingest.apply("cam01", {config});
    ASSERT_TRUE(eventually_so([&] {
      const auto channel = world->live.find("cam01", "main");
      return channel && channel->last_key() && (!on || channel->audio_format());
    }));
    WebRtcPeer peer("receive", {"opus", "pcmu"});
    const auto answer = post(*viewer, whep, peer.offer());
    ASSERT_EQ(answer.status, 201) << answer.body;
    EXPECT_EQ(is_refused(section_of(answer.body, "audio")), !on) << answer.body;
    peer.answer(answer.body);
    ASSERT_TRUE(peer.receives());
    if (on)
      EXPECT_TRUE(hears_the_tone(peer));
    else
      EXPECT_EQ(peer.heard(), "");
    EXPECT_EQ(viewer->ask("DELETE", answer.header("Location")).status, 200);
  }
  world->ingest.remove("cam01");
  EXPECT_TRUE(eventually_so([] { return world->viewers.count() == 0; }));
}

TEST_F(WebRtc, where_nothing_is_converted_only_h264_in_its_order_is_shown) {
  ApiWorld plain(0);
  plain.add_camera("cam01");
  Person guest(plain.port());
  ASSERT_EQ(guest.log_in("viewer").status, 200);
  auto reordered = std::make_shared<media::VideoFormat>(*street().format);
  reordered->reorder_frames = 2;
  auto other = std::make_shared<media::VideoFormat>(*street().format);
  other->codec = media::Codec::h265;
  for (const auto& [format, word] : {std::pair<media::VideoFormatPtr, const char*>{reordered, "B-frames"}, {other, "h265"}}) {
    const Feeding feeding(plain, "cam01", format);
    ASSERT_TRUE(eventually_so([&] { return feeding.channel()->last_key() != nullptr; }));
    auto headers = guest.headers();
    headers.emplace_back("Content-Type", "application/sdp");
    const auto answer = Peer(plain.port()).ask("POST", whep, headers, offer_with(vp8_only));
    EXPECT_EQ(answer.status, 406) << answer.body;
    EXPECT_NE(answer.body.find(word), std::string::npos) << answer.body;
    EXPECT_NE(answer.body.find("vision.transcodings"), std::string::npos) << answer.body;
  }
}

TEST_F(WebRtc, says_what_it_does_not_show) {
  const auto needs_h264 = offer_with(vp8_only);
  EXPECT_EQ(post(*viewer, whep, needs_h264).status, 404) << "no such stream is switched on";
  {
    const LiveCamera camera(*world, "cam01", Microphone::Kind::none, pattern_h265());
    ASSERT_TRUE(eventually_so([] { return world->live.find("cam01", "main")->last_key() != nullptr; }));
    // The test's hub converts for one.
    const auto taken = world->transcoder.open([](const media::AccessUnitPtr&, std::uint8_t) {});
    ASSERT_TRUE(taken);
    const auto answer = post(*viewer, whep, WebRtcPeer("receive").offer());
    EXPECT_EQ(answer.status, 429) << answer.body;
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
  }
  {
    const Feeding feeding(*world, "cam01");
    ASSERT_TRUE(eventually_so([&] { return feeding.channel()->last_key() != nullptr; }));
    const auto answer = post(*viewer, whep, needs_h264);
    EXPECT_EQ(answer.status, 422);
    EXPECT_NE(answer.body.find("H.264"), std::string::npos) << answer.body;
  }
  EXPECT_TRUE(eventually_so([&] { return world->viewers.count() == 0; }));
}

}  // namespace
}  // namespace ccoc::test
