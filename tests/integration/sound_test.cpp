// Sound and Motion JPEG from a server that this project did not write, recorded, exported, and read by players that this
// project did not write (faults.md 15).
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <sstream>

#include "ccoc/archive/archive.h"
#include "ccoc/base/asio_reactor.h"
#include "ccoc/base/disk.h"
#include "ccoc/ingest/ingest.h"
#include "ccoc/playback/range_file.h"
#include "sim/memory_segment_store.h"
#include "support/postgres.h"
#include "support/process.h"
#include "support/tone.h"

namespace ccoc {
namespace {

using test::eventually;
using test::Process;
using namespace std::chrono_literals;

constexpr const char* video =
    "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc "
    "tune=zerolatency key-int-max=25 ! rtph264pay name=pay0 pt=96 ";
constexpr const char* tone = "audiotestsrc is-live=true freq=440 volume=0.5 ! audioconvert ! audioresample ! ";

struct Case {
  const char* name;
  std::string pipeline;  ///< from raw sound to pay1
  std::string codec;     ///< as ffprobe calls it
  std::string ours;      ///< as the hub calls it
  int sample_rate;       ///< of the decoded sound
};

std::vector<Case> cases() {
  return {
      {"aac", "audio/x-raw,rate=16000,channels=1 ! avenc_aac ! rtpmp4gpay name=pay1 pt=97", "aac", "aac", 16000},
      {"aac_stereo", "audio/x-raw,rate=44100,channels=2 ! avenc_aac ! rtpmp4gpay name=pay1 pt=97", "aac", "aac", 44100},
      {"aac_latm", "audio/x-raw,rate=16000,channels=1 ! avenc_aac ! aacparse ! rtpmp4apay name=pay1 pt=97", "aac", "aac", 16000},
      {"g711_a", "audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay1", "pcm_alaw", "pcma", 8000},
      {"g711_mu", "audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay1", "pcm_mulaw", "pcmu", 8000},
      {"opus", "audio/x-raw,rate=48000,channels=1 ! opusenc ! rtpopuspay name=pay1 pt=97", "opus", "opus", 48000},
  };
}

const Clock& clock_now() {
  static const SystemClock clock;
  return clock;
}

/// The hub's spine without the hub: ingest, archive, export.
class Recording {
 public:
  explicit Recording(std::string url) {
    archive::ArchiveOptions options;
    options.segment_length = 2s;  // so that an export is made of several files
    archive_ = archive::Archive::open({{"main", std::shared_ptr<Disk>(open_disk(folder_.path().string()).value())}},
                                      std::make_unique<sim::MemorySegmentStore>(tables_), clock_now(), options)
                   .value();
    archive_->start();
    ingest::IngestOptions ingest_options;
    ingest_options.refuse_local = false;
    ingest_ = std::make_unique<ingest::Ingest>(
        std::vector<Reactor*>{&reactor_}, ingest_options,
        [this](const ingest::StreamConfig&, Reactor&, std::function<void(bool)>) {
          return ingest::StreamSinks{{std::shared_ptr<media::FrameSink>(archive_->record({"cam01", "main"}).value())}};
        },
        nullptr, nullptr);
    began_ = clock_now().utc_now();
    ingest_->apply("cam01", {{"cam01", "main", std::move(url), {}, {}}});
  }
  ~Recording() { stop(); }

  void stop() {
    if (ingest_) ingest_->stop();
    ingest_.reset();
  }
  ingest::StreamStatus status() const {
    const auto all = ingest_->statuses_of("cam01");
    return all.empty() ? ingest::StreamStatus{} : all.front();
  }
  std::uint64_t written() const { return archive_->recordings()[{"cam01", "main"}].frames_written; }
  /// Everything recorded, as one file.
  std::string export_all() {
    auto file = playback::export_range(archive_->catalog(), {"cam01", "main"}, began_, clock_now().utc_now());
    EXPECT_TRUE(file) << (file ? "" : file.error().message);
    if (!file) return {};
    Bytes bytes(static_cast<std::size_t>((*file)->size()));
    EXPECT_EQ((*file)->read_at(0, bytes).value(), bytes.size());
    const auto path = (folder_.path() / "export.mp4").string();
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path;
  }

 private:
  const test::TemporaryFolder folder_;
  std::shared_ptr<sim::IndexTables> tables_ = std::make_shared<sim::IndexTables>();
  std::unique_ptr<archive::Archive> archive_;
  AsioReactor reactor_{"media"};
  std::unique_ptr<ingest::Ingest> ingest_;
  UtcTime began_;
};

std::string run(std::vector<std::string> arguments) {
  std::string output;
  const auto program = arguments.front();
  EXPECT_EQ(Process(arguments, {}, true).wait(&output), 0) << program << ": " << output;
  return output;
}

std::string ask_ffprobe(const std::string& file, const std::string& stream, const std::string& entries) {
  return run({"ffprobe", "-v", "error", "-select_streams", stream, "-show_entries", entries, "-of", "csv=p=0", file});
}

std::unique_ptr<Process> serve(std::uint16_t port, const std::string& pipeline) {
  auto process = std::make_unique<Process>(
      std::vector<std::string>{std::string(CCOC_BINARY_DIR) + "/peer_gst_rtsp_server", std::to_string(port), pipeline});
  EXPECT_TRUE(process->wait_for_output("ready"));
  return process;
}

std::string url_at(std::uint16_t port) { return "rtsp://127.0.0.1:" + std::to_string(port) + "/test"; }

class Sound : public testing::TestWithParam<Case> {};

TEST_P(Sound, fault_15_is_recorded_beside_the_pictures_and_heard_by_other_players) {
  const auto port = test::free_port();
  const auto server = serve(port, std::string("( ") + video + tone + GetParam().pipeline + " )");
  Recording recording(url_at(port));
  ASSERT_TRUE(eventually([&] { return recording.written() >= 110; })) << recording.status().last_error;
  EXPECT_EQ(recording.status().audio_codec, GetParam().ours);
  EXPECT_EQ(recording.status().lost_packets, 0u);
  recording.stop();
  const auto file = recording.export_all();

  EXPECT_EQ(ask_ffprobe(file, "v", "stream=codec_name"), "h264\n");
  EXPECT_EQ(ask_ffprobe(file, "a", "stream=codec_name,sample_rate"),
            GetParam().codec + "," + std::to_string(GetParam().sample_rate) + "\n");
  // Presentation times rise, and sound and pictures last equally long.
  std::istringstream times(ask_ffprobe(file, "a", "packet=pts_time"));
  double last = -1, first = -1;
  int holes = 0;
  for (std::string line; std::getline(times, line);) {
    const double time = std::stod(line);
    if (first < 0) {
      first = time;
    } else {
      EXPECT_GT(time, last);
      EXPECT_LT(time - last, 0.5) << "a hole in the sound at " << last;
      holes += time - last > 0.3;
    }
    last = time;
  }
  EXPECT_LE(holes, 1) << "the first sender report may set the sound right against the pictures, once";
  std::istringstream shown(ask_ffprobe(file, "v", "packet=pts_time"));
  double last_picture = 0;
  for (std::string line; std::getline(shown, line);) last_picture = std::stod(line);
  EXPECT_LT(first, 0.5);
  EXPECT_NEAR(last, last_picture, 0.7);

  // What is heard is the tone that was sent.
  const auto plain = file + ".raw";
  run({"ffmpeg", "-v", "error", "-y", "-ss", "0.5", "-t", "2", "-i", file, "-vn", "-ac", "1", "-f", "s16le", plain});
  std::ifstream heard(plain, std::ios::binary);
  EXPECT_NEAR(test::frequency_of({std::istreambuf_iterator<char>(heard), {}}, GetParam().sample_rate), 440, 15);
  run({"timeout", "60", "gst-launch-1.0", "-q", "playbin", "uri=file://" + file, "audio-sink=fakesink", "video-sink=fakesink"});
}

INSTANTIATE_TEST_SUITE_P(Codecs, Sound, testing::ValuesIn(cases()), [](const auto& one) { return one.param.name; });

TEST(MotionJpeg, fault_15_is_recorded_and_read_by_other_players) {
  const auto port = test::free_port();
  const auto server = serve(port,
                            "( videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=10/1 ! jpegenc "
                            "quality=70 ! rtpjpegpay name=pay0 )");
  Recording recording(url_at(port));
  ASSERT_TRUE(eventually([&] { return recording.written() >= 50; })) << recording.status().last_error;
  EXPECT_EQ(recording.status().codec, "mp4v.6C");
  EXPECT_EQ(recording.status().width, 320u);
  recording.stop();
  const auto file = recording.export_all();
  EXPECT_EQ(ask_ffprobe(file, "v", "stream=codec_name,width,height"), "mjpeg,320,240\n");
  const auto decoded = run({"ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", file});
  EXPECT_GE(std::atoi(decoded.c_str()), 40) << decoded;
  run({"timeout", "60", "gst-launch-1.0", "-q", "playbin", "uri=file://" + file, "audio-sink=fakesink", "video-sink=fakesink"});
}

}  // namespace
}  // namespace ccoc
