// HLS, recorded and live, played by players that this project did not write (ffmpeg, GStreamer, VLC), and asked for by hand where it
// matters what is answered, and when.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "support/api_world.h"
#include "support/live_camera.h"
#include "support/process.h"

namespace ccoc::test {
namespace {

constexpr const char* range = "from=2026-11-24T05:00:03.500Z&to=2026-11-24T05:00:13Z";

struct Hls : testing::Test {
  static void SetUpTestSuite() {
    world = new ApiWorld;
    world->add_camera("cam01");
    world->add_camera("cam02");
    world->add_camera("cam03");
    world->add_camera("cam04");
    world->record("cam01", at("2026-11-24T05:00:00.000Z"), seconds{20});
    investigator = new Person(world->port());
    ASSERT_EQ(investigator->log_in("investigator").status, 200);
  }
  static void TearDownTestSuite() {
    delete investigator;
    delete world;
  }

  static std::string token(const std::string& camera, const std::string& more = {}) {
    const auto answer = investigator->ask("POST", "/api/v1/tokens", "{\"camera\":\"" + camera + "\"" + more + "}");
    EXPECT_EQ(answer.status, 201) << answer.body;
    return std::string(json_of(answer).at("token").as_string());
  }
  static std::string range_token() { return token("cam01", R"(,"from":"2026-11-24T05:00:03.500Z","to":"2026-11-24T05:00:13Z")"); }
  static std::string url(const std::string& target) {
    return "http://127.0.0.1:" + std::to_string(world->port()) + "/api/v1/cameras/" + target;
  }
  static Answer get(const std::string& target) { return Peer(world->port()).ask("GET", "/api/v1/cameras/" + target); }
  static std::string run(const std::vector<std::string>& arguments) {
    std::vector<std::string> bounded{"timeout", "60"};
    bounded.insert(bounded.end(), arguments.begin(), arguments.end());
    std::string output;
    EXPECT_EQ(Process(bounded, {}, true).wait(&output), 0) << arguments.front() << ": " << output;
    return output;
  }
  /// The addresses in a playlist, in order.
  static std::vector<std::string> addresses(const std::string& playlist) {
    std::vector<std::string> out;
    for (std::size_t start = 0; start < playlist.size();) {
      const auto end = std::min(playlist.find('\n', start), playlist.size());
      const auto line = playlist.substr(start, end - start);
      start = end + 1;
      if (line.empty()) continue;
      const auto quoted = line.find("URI=\"");
      if (line[0] != '#') out.push_back(line);
      if (line[0] == '#' && quoted != std::string::npos) out.push_back(line.substr(quoted + 5, line.find('"', quoted + 5) - quoted - 5));
    }
    return out;
  }

  static inline ApiWorld* world = nullptr;
  static inline Person* investigator = nullptr;
};

TEST_F(Hls, ffmpeg_and_gstreamer_play_a_recorded_range) {
  const auto address = url(std::string("cam01/playback.m3u8?") + range + "&token=" + range_token());
  EXPECT_EQ(run({"ffprobe", "-v", "error", "-count_packets", "-select_streams", "v", "-show_entries", "stream=nb_read_packets", "-of",
                 "csv=p=0", address})
                .substr(0, 3),
            "250")
      << "from the key frame before, ten seconds";
  run({"gst-launch-1.0", "-q", "playbin", "uri=" + address, "video-sink=fakesink", "audio-sink=fakesink"});
}

TEST_F(Hls, a_recorded_playlist_is_whole_and_its_addresses_carry_the_token) {
  const auto given = range_token();
  const auto playlist = get(std::string("cam01/playback.m3u8?") + range + "&token=" + given);
  ASSERT_EQ(playlist.status, 200) << playlist.body;
  EXPECT_EQ(playlist.header("Content-Type"), "application/vnd.apple.mpegurl");
  for (const char* tag : {"#EXTM3U\n", "#EXT-X-PLAYLIST-TYPE:VOD\n", "#EXT-X-TARGETDURATION:4\n", "#EXT-X-ENDLIST\n",
                          "#EXT-X-PROGRAM-DATE-TIME:2026-11-24T05:00:03.000Z\n", "#EXTINF:4.000000,\n"}) {
    EXPECT_NE(playlist.body.find(tag), std::string::npos) << tag << playlist.body;
  }
  const auto all = addresses(playlist.body);
  ASSERT_EQ(all.size(), 4u) << "one map, three segments";
  for (const auto& address : all) {
    EXPECT_TRUE(address.ends_with("&token=" + given)) << address;
    const auto piece = get("cam01/" + address);
    EXPECT_EQ(piece.status, 200) << address;
    EXPECT_EQ(piece.header("Content-Type"), address.find("init-") != std::string::npos ? "video/mp4" : "video/iso.segment");
  }
  // With a key or a cookie instead there is none in it.
  const auto plain = investigator->get(std::string("/api/v1/cameras/cam01/playback.m3u8?") + range);
  EXPECT_EQ(plain.status, 200);
  EXPECT_EQ(plain.body.find("token"), std::string::npos);
}

TEST_F(Hls, who_may_not_sees_nothing) {
  const std::string playback = std::string("cam01/playback.m3u8?") + range;
  EXPECT_EQ(get(playback).status, 401);
  EXPECT_EQ(get("cam01/live.m3u8").status, 401);
  EXPECT_EQ(get(playback + "&token=" + token("cam01")).status, 403) << "a live token";
  EXPECT_EQ(get("cam01/live.m3u8?token=" + range_token()).status, 403) << "a range's token";
  EXPECT_EQ(get("cam02/live.m3u8?token=" + token("cam01")).status, 403);
  Person viewer(world->port());
  ASSERT_EQ(viewer.log_in("viewer").status, 200);
  EXPECT_EQ(viewer.get("/api/v1/cameras/" + playback).status, 403);

  // A token opens its own range only: neither other times in the address nor another piece.
  const auto given = range_token();
  const auto all = addresses(get(playback + "&token=" + given).body);
  ASSERT_EQ(all.size(), 4u);
  const auto earlier = at("2026-11-24T05:00:00.000Z").time_since_epoch().count();
  auto piece = all[1];
  const auto name = piece.find("main/") + 5;
  piece.replace(name, piece.find('-') - name, std::to_string(earlier));
  piece.replace(piece.find("&o=") + 3, 16, std::to_string(earlier));
  piece.replace(piece.find("-4.m4s"), 6, "-2.m4s");
  EXPECT_EQ(get("cam01/" + piece).status, 404) << piece;
  auto wider = all[1];
  wider.replace(wider.find("?f=") + 3, 16, std::to_string(earlier));
  EXPECT_EQ(get("cam01/" + wider).status, 403) << wider;
}

TEST_F(Hls, wrong_questions_are_answered) {
  const auto ask = [&](const std::string& target) { return investigator->get("/api/v1/cameras/" + target).status; };
  EXPECT_EQ(ask("cam01/playback.m3u8"), 422);
  EXPECT_EQ(ask("cam01/playback.m3u8?from=2026-11-24T05:00:00Z&to=2026-11-26T05:00:00Z"), 422);
  EXPECT_EQ(ask("cam01/playback.m3u8?from=2020-11-24T05:00:00Z&to=2020-11-24T06:00:00Z"), 404);
  EXPECT_EQ(ask("cam01/playback/main/1-1.m4s"), 404);
  EXPECT_EQ(ask("cam01/playback/main/..%2f..?f=1&t=2&o=1"), 400);
  EXPECT_EQ(ask("cam01/live.m3u8"), 404) << "no channel";
  EXPECT_EQ(ask("nowhere/live.m3u8"), 404);
  EXPECT_EQ(ask("cam01/live.m3u8?_HLS_part=1"), 422);
  EXPECT_EQ(ask("cam01/live/main/1.m4s"), 404);
}

TEST_F(Hls, ffmpeg_and_gstreamer_play_live) {
  const LiveCamera camera(*world, "cam02");
  const auto address = url("cam02/live.m3u8?token=" + token("cam02"));
  const auto said = run({"ffmpeg", "-v", "error", "-i", address, "-frames:v", "60", "-f", "null", "-"});
  EXPECT_EQ(said, "");
  // GStreamer's live demuxer knows no end: it is stopped when pictures of the second segment have come.
  Process player({"gst-launch-1.0", "-v", "souphttpsrc", "location=" + address, "!", "hlsdemux", "!", "qtdemux", "!", "h264parse", "!",
                  "avdec_h264", "!", "fakesink", "silent=false"},
                 {}, true);
  EXPECT_TRUE(player.wait_for_output("pts: 0:00:03.", seconds{60})) << player.output().substr(0, 2000);
}

/// VLC plays `address` into a file, for `seconds` if it would not end; the number of pictures that came. It does not run as root.
int pictures_by_vlc(const std::string& address, int seconds = 0) {
  const TemporaryFolder folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms::all);
  const auto file = (folder.path() / "played.mp4").string();
  std::vector<std::string> arguments{"timeout", "60"};
  if (::geteuid() == 0) arguments.insert(arguments.end(), {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"});
  arguments.insert(arguments.end(), {"cvlc", "-I", "dummy", "--sout", "#std{access=file,mux=mp4,dst=" + file + "}", address});
  if (seconds > 0) arguments.push_back(":run-time=" + std::to_string(seconds));
  arguments.push_back("vlc://quit");
  std::string said;
  EXPECT_EQ(Process(arguments, {"HOME=" + folder.path().string()}, true).wait(&said), 0) << said;
  std::string counted;
  EXPECT_EQ(Process({"ffprobe", "-v", "error", "-count_packets", "-select_streams", "v", "-show_entries", "stream=nb_read_packets", "-of",
                     "csv=p=0", file})
                .wait(&counted),
            0)
      << said;
  return std::atoi(counted.c_str());
}

TEST_F(Hls, vlc_plays_a_recorded_range_as_a_file_and_as_a_playlist_and_live) {
  for (const std::string kind : {"recording.mp4", "playback.m3u8"}) {
    EXPECT_NEAR(pictures_by_vlc(url("cam01/" + kind + "?" + range + "&token=" + range_token())), 250, 2) << kind;
  }
  const LiveCamera camera(*world, "cam02");
  EXPECT_GE(pictures_by_vlc(url("cam02/live.m3u8?token=" + token("cam02")), 4), 50);
}

TEST_F(Hls, sound_is_heard_beside_the_pictures_live_and_recorded) {
  const std::string streams = "stream=codec_name";
  {
    const LiveCamera camera(*world, "cam04", Microphone::Kind::aac, pattern_h265());
    ASSERT_TRUE(becomes([] { return world->live.find("cam04", "main")->audio_format() != nullptr; }));
    const auto address = url("cam04/live.m3u8?token=" + token("cam04"));
    EXPECT_TRUE(run({"ffprobe", "-v", "error", "-show_entries", streams, "-of", "csv=p=0", address}).starts_with("hevc\naac\n"));
    EXPECT_EQ(run({"ffmpeg", "-v", "error", "-i", address, "-t", "3", "-f", "null", "-"}), "");
  }
  const auto begin = at("2026-11-24T07:00:00.000Z");
  auto recorder = world->archive->record({"cam04", "main"});
  ASSERT_TRUE(recorder);
  test::Camera camera(begin);
  Microphone microphone(Microphone::Kind::aac, begin);
  while (camera.time() < begin + seconds{12}) {
    while (const auto piece = microphone.next(camera.time())) (*recorder)->on_audio(piece);
    (*recorder)->on_unit(camera.next());
  }
  recorder->reset();
  ASSERT_TRUE(becomes([&] {
    const auto extent = world->archive->catalog().extent({"cam04", "main"});
    return extent && *extent && (*extent)->to >= begin + seconds{11};
  }));
  const auto given = token("cam04", R"(,"from":"2026-11-24T07:00:02Z","to":"2026-11-24T07:00:10Z")");
  const auto address = url("cam04/playback.m3u8?from=2026-11-24T07:00:02Z&to=2026-11-24T07:00:10Z&token=" + given);
  EXPECT_TRUE(run({"ffprobe", "-v", "error", "-show_entries", streams, "-of", "csv=p=0", address}).starts_with("h264\naac\n"));
  EXPECT_EQ(run({"ffmpeg", "-v", "error", "-i", address, "-f", "null", "-"}), "");
  const auto frames =
      run({"ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", address});
  EXPECT_TRUE(frames.starts_with("200\n")) << frames;
  EXPECT_NEAR(std::atoi(frames.c_str() + 4), 8000 / 64, 3) << "eight seconds of sound";
  run({"gst-launch-1.0", "-q", "playbin", "uri=" + address, "video-sink=fakesink", "audio-sink=fakesink"});
}

TEST_F(Hls, blocking_reloads_wait_for_pictures_and_hold_up_nobody) {
  const auto channel = world->open_channel("cam03");
  Camera camera(world->clock.utc_now());
  const auto feed = [&](int pictures) {
    for (int i = 0; i < pictures; ++i) world->feed(channel, camera.next());
  };
  const std::string live = "cam03/live.m3u8?token=" + token("cam03");
  Peer first(world->port());
  first.send("GET /api/v1/cameras/" + live + " HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(becomes([&] { return channel->subscriber_count() == 1; }));
  feed(60);  // 2.4 s: one segment, and parts of the next
  const auto playlist = first.read_answer();
  ASSERT_EQ(playlist.status, 200);
  for (const char* tag : {"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=", "#EXT-X-PART-INF:PART-TARGET=0.5", "#EXT-X-MAP:",
                          "#EXT-X-PROGRAM-DATE-TIME:", "#EXT-X-PART:DURATION=0.48000,", ",INDEPENDENT=YES", "#EXTINF:2.00000,"}) {
    EXPECT_NE(playlist.body.find(tag), std::string::npos) << tag << "\n" << playlist.body;
  }
  const auto at_sequence = playlist.body.find("#EXT-X-MEDIA-SEQUENCE:") + 22;
  const auto sequence = std::stoull(playlist.body.substr(at_sequence));
  EXPECT_EQ(get(live + "&_HLS_msn=" + std::to_string(sequence + 9)).status, 400);

  // More of them than there are threads for handlers; the announced part as well.
  std::vector<Peer> waiting;
  for (int i = 0; i < 8; ++i) {
    waiting.emplace_back(world->port());
    waiting.back().send("GET /api/v1/cameras/" + live + "&_HLS_msn=" + std::to_string(sequence + 1) +
                        "&_HLS_part=1 HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  const auto all = addresses(playlist.body);
  const auto hint = all.back();
  waiting.emplace_back(world->port());
  waiting.back().send("GET /api/v1/cameras/cam03/" + hint + " HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(investigator->get("/api/v1/cameras").status, 200) << "others are answered meanwhile";
  feed(40);
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    const auto answer = waiting[i].read_answer();
    EXPECT_EQ(answer.status, 200) << i << answer.body;
    if (i < 8) {
      EXPECT_NE(answer.body.find(std::to_string(sequence + 1) + ".1.m4s"), std::string::npos) << answer.body;
    } else {
      EXPECT_FALSE(answer.body.empty());
    }
  }
  // Parts make up their segment byte for byte.
  std::string parts;
  std::string whole;
  for (const auto& address : all) {
    if (address.find("/" + std::to_string(sequence) + ".") == std::string::npos) continue;
    const auto piece = get("cam03/" + address);
    ASSERT_EQ(piece.status, 200) << address;
    (address.find(std::to_string(sequence) + ".m4s") != std::string::npos ? whole : parts) += piece.body;
  }
  EXPECT_FALSE(whole.empty());
  EXPECT_TRUE(parts == whole) << parts.size() << " and " << whole.size() << " bytes";

  // The camera comes back with something missing.
  camera.restart(camera.time() + seconds{10});
  feed(60);
  const auto after = get(live + "&_HLS_msn=" + std::to_string(sequence + 2));
  EXPECT_EQ(after.status, 200);
  EXPECT_NE(after.body.find("#EXT-X-DISCONTINUITY\n"), std::string::npos) << after.body;
  world->live.remove("cam03", "main");
}

}  // namespace
}  // namespace ccoc::test
