// Streams that are not plain RTSP, from senders and servers that this project did not write.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "bridge_source.h"
#include "ccoc/base/asio_reactor.h"
#include "ccoc/media/nal.h"
#include "support/file_server.h"
#include "support/interface.h"
#include "support/postgres.h"
#include "support/process.h"

namespace ccoc::ingest {
namespace {

using test::Process;

bool eventually(const std::function<bool()>& condition) { return test::eventually(condition, test::seconds{30}); }

struct Received {
  std::vector<media::RawUnit> pictures;
  std::vector<media::RawAudio> sounds;
  int set_ups = 0;
  std::vector<std::string> ends;
  std::vector<media::GapCause> causes;
};

class Recorder final : public SourceListener {
 public:
  void on_set_up() override {
    const std::lock_guard lock(mutex_);
    ++received_.set_ups;
  }
  void on_picture(media::RawUnit&& picture) override {
    const std::lock_guard lock(mutex_);
    received_.pictures.push_back(std::move(picture));
  }
  void on_sound(media::RawAudio&& sound) override {
    const std::lock_guard lock(mutex_);
    received_.sounds.push_back(std::move(sound));
  }
  void on_source_ended(media::GapCause cause, const std::string& reason, Duration) override {
    const std::lock_guard lock(mutex_);
    received_.causes.push_back(cause);
    received_.ends.push_back(reason);
  }
  Received received() const {
    const std::lock_guard lock(mutex_);
    return received_;
  }
  std::size_t pictures() const {
    const std::lock_guard lock(mutex_);
    return received_.pictures.size();
  }
  std::string end() const {
    const std::lock_guard lock(mutex_);
    return received_.ends.empty() ? std::string() : received_.ends.back();
  }

 private:
  mutable std::mutex mutex_;
  Received received_;
};

/// Whether containers and muxers leave it as it is: delimiters and parameter sets they put in and take out.
bool is_kept(media::Codec codec, ByteView nal) {
  return media::nal_type(codec, nal) != (codec == media::Codec::h264 ? 9 : 35) && !media::is_parameter_set(codec, nal);
}

std::vector<Bytes> nals_of(const std::vector<media::RawUnit>& pictures) {
  std::vector<Bytes> out;
  for (const auto& picture : pictures) {
    media::for_each_nal(*picture.data, [&](ByteView nal) {
      if (is_kept(picture.format->codec, nal)) out.emplace_back(nal.begin(), nal.end());
    });
  }
  return out;
}

std::vector<Bytes> nals_of(const std::filesystem::path& annexb, media::Codec codec) {
  std::ifstream in(annexb, std::ios::binary);
  const Bytes all{std::istreambuf_iterator<char>(in), {}};
  std::vector<Bytes> out;
  for (const auto nal : media::split_annexb(all))
    if (is_kept(codec, nal)) out.emplace_back(nal.begin(), nal.end());
  return out;
}

/// Whether `part` stands without a gap in `clip`, played again and again, from wherever it begins.
testing::AssertionResult continues(const std::vector<Bytes>& clip, const std::vector<Bytes>& part) {
  if (part.size() < 10 || clip.empty()) return testing::AssertionFailure() << "only " << part.size() << " NAL units";
  std::size_t best = 0;
  for (std::size_t at = 0; at < clip.size(); ++at) {
    std::size_t same = 0;
    while (same < part.size() && clip[(at + same) % clip.size()] == part[same]) ++same;
    if (same == part.size()) return testing::AssertionSuccess();
    best = std::max(best, same);
  }
  return testing::AssertionFailure() << "after " << best << " of " << part.size() << " NAL units something differs";
}

class Bridge : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(program())) GTEST_SKIP() << "built without GStreamer";
    options_.refuse_local = false;
    options_.bridge = program();
    options_.bridge_cache = std::string(CCOC_BINARY_DIR) + "/gstreamer-plugins.bin";
    options_.files = folder_.path();
  }
  void TearDown() override { drop(); }
  static std::string program() { return std::string(CCOC_BINARY_DIR) + "/ccoc-bridge"; }

  std::string file(const std::string& name) const { return folder_.path() / name; }

  /// A clip of 4 s: 320×180, 25 fps, GOP of 1 s, B-frames, sound; and its pictures as Annex B in "clip.h264".
  void make_clip() {
    // clang-format off
    ffmpeg({"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "4", "-c:v",
            "libx264", "-preset", "veryfast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac", file("clip.mp4")});
    // clang-format on
    ffmpeg({"-i", file("clip.mp4"), "-an", "-c", "copy", "-bsf:v", "h264_mp4toannexb", file("clip.h264")});
  }
  void ffmpeg(const std::vector<std::string>& arguments) {
    std::vector<std::string> all{"ffmpeg", "-v", "error", "-nostdin", "-y"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    Process process(all);
    EXPECT_EQ(process.wait(), 0);
  }
  /// ffmpeg that sends the clip again and again, in its time.
  std::unique_ptr<Process> send_clip(const std::vector<std::string>& output) {
    std::vector<std::string> all{"ffmpeg", "-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-i", file("clip.mp4"), "-c", "copy"};
    all.insert(all.end(), output.begin(), output.end());
    return std::make_unique<Process>(all);
  }

  void open(const std::string& url, const std::string& user = {}, const std::string& password = {}) {
    StreamConfig config{"cam01", "main", url, user, password};
    config_ = config;
    on_reactor([&] { source_ = make_bridge_source(reactor_, config_, options_, recorder_); });
    start();
  }
  void start() {
    on_reactor([&] { source_->start(); });
  }
  void drop() {
    on_reactor([&] { source_.reset(); });
  }
  SourceReport report() {
    SourceReport out;
    on_reactor([&] { out = source_->report(); });
    return out;
  }
  int bridge_pid() {
    int pid = 0;
    on_reactor([&] { pid = static_cast<BridgeSource&>(*source_).pid(); });
    return pid;
  }
  void on_reactor(const std::function<void()>& task) {
    std::atomic<bool> done = false;
    reactor_.post([&] {
      task();
      done = true;
    });
    ASSERT_TRUE(eventually([&] { return done.load(); }));
  }
  bool has_pictures(std::size_t count) {
    return eventually([&] { return recorder_.pictures() >= count || !recorder_.end().empty(); }) && recorder_.pictures() >= count;
  }
  bool has_ended() {
    return eventually([&] { return !recorder_.end().empty(); });
  }

  const test::TemporaryFolder folder_;
  const std::uint16_t port_ = test::free_port();
  const std::string at_ = "127.0.0.1:" + std::to_string(port_);
  IngestOptions options_;
  StreamConfig config_;
  Recorder recorder_;
  AsioReactor reactor_{"media"};
  std::unique_ptr<Source> source_;
};

/// The pictures' presentation times are 1/25 s apart once they are in order; the first `skipped` are not looked at.
void expect_even_times(const std::vector<media::RawUnit>& pictures, std::uint32_t tolerance, std::size_t skipped = 0) {
  ASSERT_GT(pictures.size(), 8u);
  const auto first = pictures.front().rtp_timestamp;
  std::vector<std::int32_t> shown;
  bool reordered = false;
  for (const auto& picture : pictures) {
    const auto time = static_cast<std::int32_t>(picture.rtp_timestamp - first);
    reordered = reordered || (!shown.empty() && time < shown.back());
    shown.push_back(time);
  }
  EXPECT_TRUE(reordered) << "the clip has B-frames";
  std::ranges::sort(shown);
  for (std::size_t i = 1 + skipped; i + 4 < shown.size(); ++i) EXPECT_NEAR(shown[i] - shown[i - 1], 3600, tolerance) << i;
}

/// What every way of sending the clip must yield.
void expect_clip(const Received& got, const std::filesystem::path& annexb, std::uint32_t tolerance) {
  ASSERT_FALSE(got.pictures.empty());
  EXPECT_EQ(got.set_ups, 1);
  EXPECT_TRUE(got.pictures.front().key);
  EXPECT_EQ(got.pictures.front().format->width, 320u);
  EXPECT_EQ(got.pictures.front().format->height, 180u);
  EXPECT_EQ(got.pictures.front().format->codec_string.substr(0, 5), "avc1.");
  EXPECT_EQ(std::ranges::count_if(got.pictures, &media::RawUnit::damaged), 0);
  EXPECT_TRUE(continues(nals_of(annexb, media::Codec::h264), nals_of(got.pictures)));
  expect_even_times(got.pictures, tolerance);
}

void expect_aac(const Received& got) {
  ASSERT_FALSE(got.sounds.empty());
  const auto& sound = got.sounds.front();
  EXPECT_EQ(sound.format->codec, media::AudioCodec::aac);
  EXPECT_EQ(sound.format->codec_string, "mp4a.40.2");
  EXPECT_GE(sound.format->config.size(), 2u);
  EXPECT_EQ(sound.clock_rate, 48'000u);
  EXPECT_EQ(sound.duration, 1024u);
}

TEST_F(Bridge, plays_a_file_in_its_time_again_and_again) {
  make_clip();
  open("file://" + file("clip.mp4"));
  ASSERT_TRUE(has_pictures(130)) << recorder_.end();
  const auto got = recorder_.received();
  expect_clip(got, file("clip.h264"), 3600);
  expect_aac(got);
  EXPECT_EQ(report().transport, "file");
  EXPECT_GE(std::ranges::count_if(got.pictures, &media::RawUnit::key), 5);
}

TEST_F(Bridge, plays_transport_streams_and_matroska_from_files) {
  make_clip();
  for (const char* name : {"clip.ts", "clip.mkv", "clip.flv"}) {
    ffmpeg({"-i", file("clip.mp4"), "-c", "copy", file(name)});
    const auto before = recorder_.pictures();
    open("file://" + file(name));
    ASSERT_TRUE(eventually([&] { return recorder_.pictures() >= before + 110; })) << name << ": " << recorder_.end();
    drop();
    auto got = recorder_.received().pictures;
    got.erase(got.begin(), got.begin() + static_cast<std::ptrdiff_t>(before));
    EXPECT_TRUE(continues(nals_of(file("clip.h264"), media::Codec::h264), nals_of(got))) << name;
    got.resize(90);
    // GStreamer's readers move the times of the first few pictures: Matroska's in 1.22, FLV's in 1.26.
    expect_even_times(got, 3000);
    expect_even_times(got, 100, 8);
  }
}

TEST_F(Bridge, refuses_files_outside_the_folder) {
  make_clip();
  const test::TemporaryFolder elsewhere;
  std::filesystem::copy(file("clip.mp4"), elsewhere.path() / "clip.mp4");
  std::filesystem::create_symlink(elsewhere.path() / "clip.mp4", file("link.mp4"));
  const auto other = elsewhere.path().filename().string();
  for (const auto& path : {elsewhere.path().string() + "/clip.mp4", file("../" + other + "/clip.mp4"),
                           file("%2e%2e/" + other + "/clip.mp4"), file("link.mp4")}) {
    const auto before = recorder_.received().ends.size();
    open("file://" + path);
    ASSERT_TRUE(eventually([&] { return recorder_.received().ends.size() > before; })) << path;
    EXPECT_EQ(recorder_.pictures(), 0u) << path;
    EXPECT_EQ(recorder_.received().causes.back(), media::GapCause::disabled) << path << recorder_.end();
  }
  options_.files.clear();
  const auto before = recorder_.received().ends.size();
  open("file://" + file("clip.mp4"));
  ASSERT_TRUE(eventually([&] { return recorder_.received().ends.size() > before; }));
  EXPECT_NE(recorder_.end().find("ingest.files"), std::string::npos) << recorder_.end();
}

TEST_F(Bridge, receives_srt_from_a_camera_that_listens) {
  make_clip();
  const auto sender = send_clip({"-f", "mpegts", "srt://" + at_ + "?mode=listener"});
  ASSERT_TRUE(eventually([&] {
    if (!source_) open("srt://" + at_);
    if (!recorder_.end().empty() && recorder_.pictures() == 0) start();
    return recorder_.pictures() >= 60;
  })) << recorder_.end();
  expect_clip(recorder_.received(), file("clip.h264"), 100);
  expect_aac(recorder_.received());
  EXPECT_EQ(report().transport, "srt");
}

TEST_F(Bridge, receives_srt_that_is_pushed_with_a_passphrase_and_sees_its_end) {
  make_clip();
  open("srt://:" + std::to_string(port_) + "?mode=listener", "", "correct-horse-battery");
  ASSERT_TRUE(eventually([&] { return !report().waiting.empty(); }));
  EXPECT_NE(report().waiting.find("nobody sends"), std::string::npos);
  {
    const auto wrong = send_clip({"-f", "mpegts", "srt://" + at_ + "?passphrase=wrong-passphrase"});
    EXPECT_NE(wrong->wait(), 0);
  }
  EXPECT_EQ(recorder_.pictures(), 0u);
  auto sender = send_clip({"-f", "mpegts", "srt://" + at_ + "?passphrase=correct-horse-battery"});
  ASSERT_TRUE(has_pictures(60)) << recorder_.end();
  expect_clip(recorder_.received(), file("clip.h264"), 100);
  EXPECT_TRUE(report().waiting.empty());
  sender.reset();
  ASSERT_TRUE(has_ended());
}

TEST_F(Bridge, receives_rtmp_that_is_pushed_with_the_right_key) {
  make_clip();
  const auto port = std::to_string(port_);
  open("rtmp://:" + port + "/live/drone-7?mode=listener");
  ASSERT_TRUE(eventually([&] { return !report().waiting.empty(); }));
  for (const std::string path : {"/live/drone-8", "/other/drone-7", "/live"}) {
    const auto wrong = send_clip({"-f", "flv", "rtmp://" + at_ + path});
    EXPECT_NE(wrong->wait(), 0) << path;
  }
  EXPECT_EQ(recorder_.pictures(), 0u);
  EXPECT_TRUE(recorder_.end().empty()) << "who does not know the key ends nothing";
  auto sender = send_clip({"-f", "flv", "rtmp://" + at_ + "/live/drone-7"});
  ASSERT_TRUE(has_pictures(90)) << recorder_.end();
  expect_clip(recorder_.received(), file("clip.h264"), 100);
  expect_aac(recorder_.received());
  EXPECT_EQ(report().transport, "rtmp");

  // A drone that lost its connection comes back before the old one is noticed to be dead.
  auto second = send_clip({"-f", "flv", "rtmp://" + at_ + "/live/drone-7"});
  sender->wait();
  const auto before = recorder_.pictures();
  EXPECT_TRUE(has_pictures(before + 20)) << recorder_.end();
  second.reset();
  ASSERT_TRUE(has_ended());
  EXPECT_NE(recorder_.end().find("ended"), std::string::npos) << recorder_.end();
}

TEST_F(Bridge, receives_rtmp_from_gstreamer_too) {
  open("rtmp://:" + std::to_string(port_) + "/live/key?mode=listener");
  ASSERT_TRUE(eventually([&] { return !report().waiting.empty(); }));
  Process sender({"gst-launch-1.0", "-q", "videotestsrc", "is-live=true", "!", "video/x-raw,width=320,height=180,framerate=25/1", "!",
                  "x264enc", "tune=zerolatency", "key-int-max=25", "!", "h264parse", "!", "flvmux", "streamable=true", "!", "rtmp2sink",
                  "location=rtmp://" + at_ + "/live/key"});
  ASSERT_TRUE(has_pictures(30)) << recorder_.end();
  EXPECT_EQ(recorder_.received().pictures.front().format->width, 320u);
}

TEST_F(Bridge, pulls_rtmp_from_a_server) {
  const std::string module = "/usr/lib/nginx/modules/ngx_rtmp_module.so";
  if (!std::filesystem::exists(module)) GTEST_SKIP() << "nginx with libnginx-mod-rtmp is not installed";
  make_clip();
  std::ofstream(file("nginx.conf")) << "load_module " + module + ";\ndaemon off;\nmaster_process off;\npid " + file("pid") + ";\n" +
                                           "events { worker_connections 64; }\nrtmp { access_log off; server { listen " + at_ +
                                           "; application live { live on; } } }\n";
  Process server({"/usr/sbin/nginx", "-c", file("nginx.conf"), "-p", folder_.path(), "-e", file("error.log")});
  std::unique_ptr<Process> sender;
  ASSERT_TRUE(eventually([&] {
    siginfo_t gone{};
    if (sender) ::waitid(P_PID, static_cast<id_t>(sender->pid()), &gone, WEXITED | WNOHANG | WNOWAIT);
    if (!sender || gone.si_pid != 0) sender = send_clip({"-f", "flv", "rtmp://" + at_ + "/live/key"});
    if (!source_) open("rtmp://" + at_ + "/live/key");
    if (!recorder_.end().empty() && recorder_.pictures() == 0) start();
    return recorder_.pictures() >= 60;
  })) << recorder_.end();
  expect_clip(recorder_.received(), file("clip.h264"), 100);
  expect_aac(recorder_.received());
  EXPECT_EQ(report().transport, "rtmp");
}

TEST_F(Bridge, plays_hls_in_its_time) {
  make_clip();
  ffmpeg({"-stream_loop", "3", "-i", file("clip.mp4"), "-c", "copy", "-f", "hls", "-hls_time", "2", "-hls_list_size", "0",
          file("index.m3u8")});
  test::FileServer server(test::FileServer::files_of(folder_.path()));
  open(server.url("/index.m3u8"));
  ASSERT_TRUE(has_pictures(120)) << recorder_.end();
  // Where the clip begins again its sound is longer than its pictures: with ffmpeg 7 by one frame of AAC, 1920 ticks.
  expect_clip(recorder_.received(), file("clip.h264"), 2000);
  expect_aac(recorder_.received());
  EXPECT_EQ(report().transport, "hls");
}

TEST_F(Bridge, reads_files_by_http) {
  make_clip();
  ffmpeg({"-i", file("clip.mp4"), "-c", "copy", file("clip.ts")});
  test::FileServer server(test::FileServer::files_of(folder_.path()));
  for (const auto* path : {"/clip.mp4", "/clip.ts"}) {
    const auto before = recorder_.pictures();
    open(server.url(path));
    ASSERT_TRUE(eventually([&] { return recorder_.pictures() >= before + 80; })) << recorder_.end();
    auto got = recorder_.received().pictures;
    got.erase(got.begin(), got.begin() + static_cast<std::ptrdiff_t>(before));
    expect_even_times(got, 100);
    drop();
  }
}

TEST_F(Bridge, passes_h265_on_byte_for_byte) {
  ffmpeg({"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-t", "4", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
          "log-level=none:keyint=25:bframes=2", "-tag:v", "hvc1", file("clip.mp4")});
  ffmpeg({"-i", file("clip.mp4"), "-c", "copy", "-bsf:v", "hevc_mp4toannexb", file("clip.h265")});
  const auto sender = send_clip({"-f", "mpegts", "srt://" + at_ + "?mode=listener"});
  ASSERT_TRUE(eventually([&] {
    if (!source_) open("srt://" + at_);
    if (!recorder_.end().empty() && recorder_.pictures() == 0) start();
    return recorder_.pictures() >= 60;
  })) << recorder_.end();
  const auto got = recorder_.received();
  EXPECT_EQ(got.pictures.front().format->codec, media::Codec::h265);
  EXPECT_EQ(got.pictures.front().format->width, 320u);
  EXPECT_TRUE(continues(nals_of(file("clip.h265"), media::Codec::h265), nals_of(got.pictures)));
}

TEST_F(Bridge, receives_motion_jpeg_by_http_with_a_login) {
  ffmpeg({"-f", "lavfi", "-i", "testsrc2=size=320x180", "-frames:v", "1", "-c:v", "mjpeg", file("one.jpg")});
  std::ifstream in(file("one.jpg"), std::ios::binary);
  const std::string jpeg{std::istreambuf_iterator<char>(in), {}};
  test::FileServer server([&](const std::string& head) {
    test::FileServer::Answer answer;
    answer.head = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"camera\"\r\nContent-Length: 0\r\n\r\n";
    if (head.find("Authorization: Basic YWRtaW46czNjcmV0") == std::string::npos) return answer;
    answer.head = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n";
    answer.repeated = "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: " + std::to_string(jpeg.size()) + "\r\n\r\n" + jpeg + "\r\n";
    return answer;
  });
  open(server.url("/video.mjpg"), "admin", "wrong");
  ASSERT_TRUE(has_ended());
  EXPECT_NE(recorder_.end().find("password"), std::string::npos) << recorder_.end();
  open(server.url("/video.mjpg"), "admin", "s3cret");
  ASSERT_TRUE(eventually([&] { return recorder_.pictures() >= 30; })) << recorder_.end();
  const auto got = recorder_.received();
  for (const auto& picture : got.pictures) {
    EXPECT_EQ(as_text(*picture.data), jpeg);
    EXPECT_TRUE(picture.key);
  }
  EXPECT_EQ(got.pictures.front().format->codec, media::Codec::mjpeg);
  EXPECT_EQ(got.pictures.front().format->width, 320u);
  EXPECT_EQ(got.pictures.front().format->height, 180u);
  EXPECT_GT(got.pictures[20].rtp_timestamp - got.pictures[0].rtp_timestamp, 20u * 900u);
}

TEST_F(Bridge, takes_a_camera_by_rtspsrc) {
  make_clip();
  Process server({std::string(CCOC_BINARY_DIR) + "/peer_gst_rtsp_server", std::to_string(port_),
                  "( filesrc location=" + file("clip.mp4") +
                      " ! qtdemux name=d  d.video_0 ! queue ! h264parse ! rtph264pay name=pay0 pt=96 "
                      "config-interval=-1  d.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 )",
                  "admin", "pa@ss/word"});
  ASSERT_TRUE(server.wait_for_output("ready"));
  open("rtsp://" + at_ + "/test", "admin", "wrong");
  ASSERT_TRUE(has_ended());
  EXPECT_NE(recorder_.end().find("password"), std::string::npos) << recorder_.end();
  open("rtsp://" + at_ + "/test", "admin", "pa@ss/word");
  ASSERT_TRUE(eventually([&] { return recorder_.pictures() >= 60; })) << recorder_.end();
  expect_clip(recorder_.received(), file("clip.h264"), 100);
  expect_aac(recorder_.received());
  EXPECT_EQ(report().transport, "tcp");
}

TEST_F(Bridge, takes_a_camera_by_rtspsrc_over_tls_and_keeps_to_its_certificate) {
  const auto pem = file("both.pem");
  Process made(
      {"sh", "-c",
       "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=camera -keyout \"$0\" -out \"$0.crt\" && cat \"$0.crt\" >> \"$0\"",
       pem});
  ASSERT_EQ(made.wait(), 0);
  Process server(
      {std::string(CCOC_BINARY_DIR) + "/peer_gst_rtsp_server", std::to_string(port_),
       "( videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=25/1 ! x264enc tune=zerolatency key-int-max=25 ! "
       "rtph264pay name=pay0 pt=96 )",
       pem});
  ASSERT_TRUE(server.wait_for_output("ready"));
  open("rtsps://" + at_ + "/test");
  ASSERT_TRUE(has_pictures(30)) << recorder_.end();
  EXPECT_EQ(report().certificate.size(), 64u);
  StreamConfig config{"cam01", "main", "rtsps://" + at_ + "/test", "", ""};
  config.certificate = std::string(64, '0');
  on_reactor([&] { source_ = make_bridge_source(reactor_, config, options_, recorder_); });
  start();
  ASSERT_TRUE(has_ended());
  EXPECT_NE(recorder_.end().find("certificate"), std::string::npos) << recorder_.end();
}

TEST_F(Bridge, ends_with_a_sentence_when_its_process_is_killed_and_starts_again) {
  make_clip();
  open("file://" + file("clip.mp4"));
  ASSERT_TRUE(has_pictures(10)) << recorder_.end();
  ::kill(bridge_pid(), SIGKILL);
  ASSERT_TRUE(has_ended());
  EXPECT_NE(recorder_.end().find("ccoc-bridge"), std::string::npos) << recorder_.end();
  EXPECT_EQ(recorder_.received().causes.back(), media::GapCause::hub);
  const auto before = recorder_.pictures();
  start();
  EXPECT_TRUE(eventually([&] { return recorder_.pictures() > before + 10; })) << recorder_.end();
  EXPECT_EQ(recorder_.received().ends.size(), 1u);
}

TEST_F(Bridge, listens_again_at_the_port_of_the_attempt_before) {
  make_clip();
  const auto port = std::to_string(port_);
  for (const auto& url : {"srt://:" + port + "?mode=listener", "rtmp://:" + port + "/live/key?mode=listener"}) {
    open(url);
    ASSERT_TRUE(eventually([&] { return !report().waiting.empty(); }));
    start();
    ASSERT_TRUE(eventually([&] { return !report().waiting.empty(); }));
    const bool srt = url.starts_with("srt");
    const auto before = recorder_.pictures();
    std::unique_ptr<Process> sender;
    EXPECT_TRUE(eventually([&] {
      siginfo_t gone{};
      if (sender) ::waitid(P_PID, static_cast<id_t>(sender->pid()), &gone, WEXITED | WNOHANG | WNOWAIT);
      if (!sender || gone.si_pid != 0)
        sender = send_clip({"-f", srt ? "mpegts" : "flv", srt ? "srt://" + at_ : "rtmp://" + at_ + "/live/key"});
      return recorder_.pictures() > before + 10;
    })) << url
        << ": " << recorder_.end();
    EXPECT_TRUE(recorder_.end().empty()) << recorder_.end();
    drop();
  }
}

TEST_F(Bridge, takes_an_endless_transport_stream_by_http_as_it_comes) {
  make_clip();
  ffmpeg({"-i", file("clip.mp4"), "-c", "copy", file("clip.ts")});
  std::ifstream in(file("clip.ts"), std::ios::binary);
  const std::string clip{std::istreambuf_iterator<char>(in), {}};
  test::FileServer server([&](const std::string&) {
    test::FileServer::Answer answer;
    answer.head = "HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n";
    answer.body = clip;
    answer.repeated = std::string(188, '\xff');  // no packets, only that the answer has no end
    return answer;
  });
  open(server.url("/live.ts"));
  ASSERT_TRUE(has_pictures(90)) << recorder_.end();
  expect_clip(recorder_.received(), file("clip.h264"), 100);
  EXPECT_EQ(report().transport, "http");
}

TEST_F(Bridge, understands_motion_jpeg_without_lengths_and_with_odd_headers) {
  ffmpeg({"-f", "lavfi", "-i", "testsrc2=size=320x180", "-frames:v", "1", "-c:v", "mjpeg", file("one.jpg")});
  std::ifstream in(file("one.jpg"), std::ios::binary);
  const std::string jpeg{std::istreambuf_iterator<char>(in), {}};
  test::FileServer server([&](const std::string&) {
    test::FileServer::Answer answer;
    answer.head = "HTTP/1.0 200 OK\r\nServer: odd\r\ncontent-type: multipart/x-mixed-replace;boundary=\"--myboundary\"\r\n\r\n";
    answer.repeated = "\r\n--myboundary\r\nX-Timestamp: 1.5\r\ncontent-type: image/jpeg\r\n\r\n" + jpeg;
    return answer;
  });
  open(server.url("/axis-cgi/mjpg/video.cgi"));
  ASSERT_TRUE(has_pictures(20)) << recorder_.end();
  EXPECT_EQ(recorder_.received().pictures[10].format->width, 320u);
  EXPECT_EQ(as_text(*recorder_.received().pictures[10].data).substr(0, jpeg.size()), jpeg);
}

TEST_F(Bridge, leaves_no_process_behind_when_it_is_stopped) {
  make_clip();
  open("file://" + file("clip.mp4"));
  ASSERT_TRUE(has_pictures(10)) << recorder_.end();
  const int pid = bridge_pid();
  on_reactor([&] { source_->stop(false); });
  EXPECT_TRUE(eventually([&] { return ::kill(pid, 0) != 0; }));
  EXPECT_TRUE(recorder_.end().empty()) << "it was not its own end";
}

TEST_F(Bridge, says_that_a_certificate_is_not_trusted) {
  make_clip();
  const auto pem = file("own.pem");
  Process made({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", pem, "-out",
                pem + ".crt"});
  ASSERT_EQ(made.wait(), 0);
  Process server({"openssl", "s_server", "-accept", std::to_string(port_), "-cert", pem + ".crt", "-key", pem, "-WWW"});
  ASSERT_TRUE(server.wait_for_output("ACCEPT"));
  open("https://" + at_ + "/clip.mp4");
  ASSERT_TRUE(has_ended());
  EXPECT_NE(recorder_.end().find("certificate"), std::string::npos) << recorder_.end();
}

TEST_F(Bridge, says_why_nothing_comes) {
  make_clip();
  std::ofstream(file("page.html")) << "<html><body>no video here, only text that goes on for a while</body></html>";
  test::FileServer server(test::FileServer::files_of(folder_.path()));
  const auto nobody = std::to_string(test::free_port());
  const std::pair<std::string, std::string> cases[] = {
      {server.url("/missing.mp4"), "404"},
      {server.url("/page.html"), "no video"},
      {"http://127.0.0.1:" + nobody + "/x", "nobody listens"},
      {"http://no-such-host.invalid/x", "resolved"},
      {"rtsp://127.0.0.1:" + nobody + "/x", "nobody listens"},
      {"rtmp://127.0.0.1:" + nobody + "/app/key", "nobody listens"},
      {"srt://127.0.0.1:" + nobody, "SRT"},
      {"srt://no-such-host.invalid:9", "resolved"},
      {"gopher://127.0.0.1/x", "gopher"},
      {"file://" + file("missing.mp4"), "no such file"},
      {"file://" + file("page.html"), "no video"},
      {"file://" + file("clip.h264"), "no video"},
  };
  for (const auto& [url, part] : cases) {
    const auto before = recorder_.received().ends.size();
    open(url);
    ASSERT_TRUE(eventually([&] { return recorder_.received().ends.size() > before; })) << url;
    EXPECT_NE(recorder_.end().find(part), std::string::npos) << url << ": " << recorder_.end();
  }
  EXPECT_EQ(recorder_.pictures(), 0u);
}

// faults.md 31
TEST_F(Bridge, refuses_loopback_and_link_local_addresses) {
  options_.refuse_local = true;
  for (const std::string url : {"http://127.0.0.1:1/x", "http://[::1]:1/x", "http://localhost:1/x", "rtsp://127.0.0.1:1/x",
                                "rtmp://127.0.0.1:1/app/key", "srt://127.0.0.1:1", "srt://localhost:1", "http://169.254.1.1/x"}) {
    const auto before = recorder_.received().ends.size();
    open(url);
    ASSERT_TRUE(eventually([&] { return recorder_.received().ends.size() > before; })) << url;
    EXPECT_NE(recorder_.end().find("are refused"), std::string::npos) << url << ": " << recorder_.end();
    EXPECT_EQ(recorder_.received().causes.back(), media::GapCause::disabled);
  }
}

/// ingest.follow_redirects, by HTTP: 127.0.0.2 is another host.
TEST_F(Bridge, follows_a_redirect_to_another_host_only_when_allowed) {
  make_clip();
  test::FileServer elsewhere(test::FileServer::files_of(folder_.path()), "127.0.0.2");
  test::FileServer server(test::FileServer::redirect_to(elsewhere.url("/clip.mp4")));
  open(server.url("/live"));
  ASSERT_TRUE(has_ended());
  EXPECT_NE(recorder_.end().find("follow_redirects"), std::string::npos) << recorder_.end();
  EXPECT_EQ(recorder_.pictures(), 0u);
  options_.follow_redirects = true;
  open(server.url("/live"));
  EXPECT_TRUE(eventually([&] { return recorder_.pictures() > 10; })) << recorder_.end();
}

TEST_F(Bridge, follows_a_redirect_on_the_same_host) {
  make_clip();
  test::FileServer target(test::FileServer::files_of(folder_.path()));
  test::FileServer server(test::FileServer::redirect_to(target.url("/clip.mp4")));
  open(server.url("/live"));
  EXPECT_TRUE(eventually([&] { return recorder_.pictures() > 10; })) << recorder_.end();
}

TEST_F(Bridge, does_not_carry_a_password_along_a_redirect_to_another_host) {
  std::atomic<int> asked = 0;
  test::FileServer elsewhere(
      [&](const std::string&) {
        ++asked;
        return test::FileServer::Answer{};
      },
      "127.0.0.2");
  test::FileServer server(test::FileServer::redirect_to(elsewhere.url("/clip.mp4")));
  open(server.url("/live"), "admin", "s3cret");
  ASSERT_TRUE(has_ended());
  EXPECT_NE(recorder_.end().find("follow_redirects"), std::string::npos) << recorder_.end();
  EXPECT_EQ(asked, 0);
}

/// A playlist can send the hub elsewhere just as well.
TEST_F(Bridge, follows_a_playlist_to_another_host_only_when_allowed) {
  make_clip();
  ffmpeg({"-stream_loop", "3", "-i", file("clip.mp4"), "-c", "copy", "-f", "hls", "-hls_time", "2", "-hls_list_size", "0",
          file("index.m3u8")});
  test::FileServer elsewhere(test::FileServer::files_of(folder_.path()), "127.0.0.2");
  std::ifstream in(file("index.m3u8"));
  std::string playlist;
  for (std::string line; std::getline(in, line);) playlist += (line.starts_with("index") ? elsewhere.url("/" + line) : line) + "\n";
  std::filesystem::create_directory(folder_.path() / "away");
  std::ofstream(file("away/index.m3u8")) << playlist;
  test::FileServer server(test::FileServer::files_of(folder_.path() / "away"));
  open(server.url("/index.m3u8"));
  ASSERT_TRUE(has_ended());
  EXPECT_NE(recorder_.end().find("follow_redirects"), std::string::npos) << recorder_.end();
  EXPECT_EQ(recorder_.pictures(), 0u);
  options_.follow_redirects = true;
  open(server.url("/index.m3u8"));
  EXPECT_TRUE(eventually([&] { return recorder_.pictures() > 10; })) << recorder_.end();
}

// faults.md 31: not by a detour, either.
TEST_F(Bridge, refuses_loopback_in_redirects_and_in_playlists) {
  if (!test::ensure_usable_address()) GTEST_SKIP() << test::no_usable_address;
  make_clip();
  std::atomic<int> asked = 0;
  test::FileServer inside([&](const std::string&) {
    ++asked;
    return test::FileServer::Answer{};
  });
  std::filesystem::create_directory(folder_.path() / "away");
  std::ofstream(file("away/index.m3u8")) << "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n" + inside.url("/secret.ts") +
                                                "\n#EXT-X-ENDLIST\n";
  options_.refuse_local = true;
  options_.follow_redirects = true;
  test::FileServer redirect(test::FileServer::redirect_to(inside.url("/secret.ts")), test::usable_address());
  test::FileServer files(test::FileServer::files_of(folder_.path() / "away"), test::usable_address());
  for (const auto& url : {redirect.url("/live"), files.url("/index.m3u8")}) {
    const auto before = recorder_.received().ends.size();
    open(url);
    ASSERT_TRUE(eventually([&] { return recorder_.received().ends.size() > before; })) << url;
    EXPECT_NE(recorder_.end().find("are refused"), std::string::npos) << url << ": " << recorder_.end();
    EXPECT_EQ(recorder_.received().causes.back(), media::GapCause::disabled);
  }
  EXPECT_EQ(asked, 0);
}

TEST_F(Bridge, cannot_break_out_of_its_sandbox) {
  Process check({program(), "--check-sandbox"}, {"ASAN_OPTIONS=detect_leaks=0"});
  EXPECT_EQ(check.wait(), 0);
}

TEST_F(Bridge, says_that_the_program_is_missing) {
  for (const std::string program : {"", "/nowhere/ccoc-bridge"}) {
    options_.bridge = program;
    const auto before = recorder_.received().ends.size();
    open("srt://192.0.2.1:9000");
    ASSERT_TRUE(eventually([&] { return recorder_.received().ends.size() > before; }));
    EXPECT_NE(recorder_.end().find("ccoc-bridge"), std::string::npos) << recorder_.end();
    EXPECT_EQ(recorder_.received().causes.back(), media::GapCause::hub);
  }
}

/// The whole way: session, clock rules, health.
class IngestByBridge : public Bridge {
 protected:
  class Collector final : public media::FrameSink {
   public:
    void on_unit(const media::AccessUnitPtr& unit) override {
      const std::lock_guard lock(mutex_);
      units_.push_back(unit);
    }
    void on_audio(const media::AudioUnitPtr&) override { ++sounds; }
    void on_interrupted(media::GapCause, std::string_view) override { ++interruptions; }
    std::vector<media::AccessUnitPtr> units() const {
      const std::lock_guard lock(mutex_);
      return units_;
    }
    std::atomic<int> sounds = 0, interruptions = 0;

   private:
    mutable std::mutex mutex_;
    std::vector<media::AccessUnitPtr> units_;
  };

  void ingest(const StreamConfig& config) {
    ingest_ = std::make_unique<Ingest>(
        std::vector<Reactor*>{&reactor_}, options_,
        [this](const StreamConfig&, Reactor&, std::function<void(bool)>) { return StreamSinks{{collector_}}; }, SinkRetired{},
        StateListener{});
    ingest_->apply("cam01", {config});
  }
  StreamStatus status() const {
    const auto all = ingest_->statuses_of("cam01");
    return all.empty() ? StreamStatus{} : all.front();
  }
  std::shared_ptr<Collector> collector_ = std::make_shared<Collector>();
  std::unique_ptr<Ingest> ingest_;
};

TEST_F(IngestByBridge, gives_pictures_their_times_and_a_stream_its_health) {
  make_clip();
  ingest({"cam01", "main", "file://" + file("clip.mp4"), "", ""});
  ASSERT_TRUE(eventually([&] { return collector_->units().size() >= 90; })) << status().last_error;
  const auto units = collector_->units();
  for (std::size_t i = 1; i < 90; ++i) {
    EXPECT_GT(units[i]->capture_time, units[i - 1]->capture_time) << i;
    EXPECT_FALSE(units[i]->discontinuity) << i;
    EXPECT_GE(units[i]->composition_offset, 0) << i;
  }
  EXPECT_GT(collector_->sounds, 50);
  EXPECT_EQ(status().state, StreamState::live);
  EXPECT_EQ(status().transport, "file");
  EXPECT_EQ(status().audio_codec, "aac");
  EXPECT_EQ(status().width, 320u);
}

TEST_F(IngestByBridge, takes_rtsp_by_gstreamer_when_asked_to) {
  make_clip();
  Process server(
      {std::string(CCOC_BINARY_DIR) + "/peer_gst_rtsp_server", std::to_string(port_),
       "( videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc tune=zerolatency key-int-max=25 ! "
       "rtph264pay name=pay0 pt=96 )"});
  ASSERT_TRUE(server.wait_for_output("ready"));
  StreamConfig config{"cam01", "main", "rtsp://" + at_ + "/test", "", ""};
  config.client = "gstreamer";
  options_.bridge = "/nowhere/ccoc-bridge";
  ingest(config);
  ASSERT_TRUE(eventually([&] { return status().state == StreamState::offline; }));
  EXPECT_NE(status().last_error.find("ccoc-bridge"), std::string::npos) << status().last_error;
  options_.bridge = program();
  ingest(config);
  ASSERT_TRUE(eventually([&] { return collector_->units().size() >= 30; })) << status().last_error;
  EXPECT_EQ(status().height, 240u);
}

TEST_F(IngestByBridge, probes_rtsp_with_gstreamer_where_its_own_client_fails) {
  const auto serve = [&](const std::string& end) {
    return std::make_unique<Process>(std::vector<std::string>{
        std::string(CCOC_BINARY_DIR) + "/peer_gst_rtsp_server", std::to_string(port_),
        "( videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc tune=zerolatency key-int-max=25 ! " + end +
            " )"});
  };
  ingest({"cam02", "main", "srt://192.0.2.1:9", "", ""});
  const StreamConfig config{"probe", "main", "rtsp://" + at_ + "/test", "", ""};
  {
    // A transport stream in RTP, as broadcast encoders send it.
    const auto server = serve("mpegtsmux ! rtpmp2tpay name=pay0 pt=33");
    ASSERT_TRUE(server->wait_for_output("ready"));
    const auto found = ingest_->probe(config, std::chrono::seconds{20});
    EXPECT_TRUE(found.ok) << found.reason;
    EXPECT_EQ(found.client, "gstreamer");
    EXPECT_EQ(found.codec, "h264");
    EXPECT_EQ(found.height, 240u);
  }
  const auto server = serve("rtph264pay name=pay0 pt=96");
  ASSERT_TRUE(server->wait_for_output("ready"));
  const auto usual = ingest_->probe(config, std::chrono::seconds{20});
  EXPECT_TRUE(usual.ok) << usual.reason;
  EXPECT_EQ(usual.client, "native");
  auto nobody = config;
  nobody.url = "rtsp://127.0.0.1:" + std::to_string(test::free_port()) + "/x";
  EXPECT_EQ(ingest_->probe(nobody, std::chrono::seconds{20}).client, "native") << "there is nothing that another client could do";
}

TEST_F(IngestByBridge, says_that_it_waits_for_a_sender) {
  ingest({"cam01", "main", "srt://:" + std::to_string(port_) + "?mode=listener", "", ""});
  EXPECT_TRUE(eventually([&] { return status().last_error.find("nobody sends") != std::string::npos; })) << status().last_error;
  EXPECT_EQ(status().state, StreamState::offline);
  EXPECT_TRUE(eventually([&] { return collector_->interruptions == 1; }));
}

TEST_F(IngestByBridge, probes_what_is_not_rtsp) {
  make_clip();
  ingest({"cam02", "main", "srt://192.0.2.1:9", "", ""});
  const auto good = ingest_->probe({"cam01", "main", "file://" + file("clip.mp4"), "", ""}, std::chrono::seconds{10});
  EXPECT_TRUE(good.ok) << good.reason;
  EXPECT_EQ(good.codec, "h264");
  EXPECT_EQ(good.transport, "file");
  EXPECT_NEAR(good.fps, 25, 5);
  const auto bad = ingest_->probe({"cam01", "main", "file://" + file("missing.mp4"), "", ""}, std::chrono::seconds{10});
  EXPECT_FALSE(bad.ok);
  EXPECT_NE(bad.reason.find("no such file"), std::string::npos) << bad.reason;
}

}  // namespace
}  // namespace ccoc::ingest
