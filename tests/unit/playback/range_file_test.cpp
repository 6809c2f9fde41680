#include "ccoc/playback/range_file.h"

#include <fstream>

#include "ccoc/media/mp4.h"
#include "support/footage.h"
#include "support/process.h"

namespace ccoc::playback {
namespace {

using namespace ccoc::test;

class RangeFileTest : public testing::Test {
 protected:
  /// 05:20:00 to 05:22:30 and 05:22:40 to 05:24:10; the last file is open.
  void SetUp() override {
    life.boot();
    auto& recorder = life.record();
    Camera camera(at("2026-11-24T05:20:00.000Z"));
    life.run(camera, at("2026-11-24T05:22:30.000Z"));
    recorder.on_interrupted(media::GapCause::network, "cable");
    camera.restart(at("2026-11-24T05:22:40.000Z"));
    life.run(camera, at("2026-11-24T05:24:10.040Z"));
  }
  std::unique_ptr<VirtualFile> range(const char* from, const char* to) {
    auto made = export_range(life.catalog(), cam01, at(from), at(to));
    EXPECT_TRUE(made) << (made ? "" : made.error().message);
    return made ? std::move(*made) : nullptr;
  }
  static Bytes read_all(VirtualFile& file) {
    Bytes bytes(static_cast<std::size_t>(file.size()));
    EXPECT_EQ(file.read_at(0, bytes).value(), bytes.size());
    return bytes;
  }
  static std::vector<media::Fragment> fragments(ByteView bytes) {
    std::vector<media::Fragment> all;
    std::uint64_t offset = media::parse_file_header(bytes).value().size;
    while (offset < bytes.size()) {
      all.push_back(media::parse_fragment_header(bytes.subspan(static_cast<std::size_t>(offset))).value());
      offset += all.back().size;
    }
    EXPECT_EQ(offset, bytes.size());
    return all;
  }
  static std::string probe(ByteView bytes, const std::vector<std::string>& questions) {
    const TemporaryFile file(bytes);
    std::vector<std::string> arguments{"ffprobe", "-v", "error"};
    arguments.insert(arguments.end(), questions.begin(), questions.end());
    arguments.push_back(file.path);
    std::string answer;
    EXPECT_EQ(Process(arguments).wait(&answer), 0);
    return answer;
  }
  struct TemporaryFile {
    explicit TemporaryFile(ByteView bytes) {
      char name[] = "/tmp/ccoc-range-XXXXXX";
      ::close(::mkstemp(name));
      path = name;
      std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }
    ~TemporaryFile() { ::unlink(path.c_str()); }
    std::string path;
  };

  ArchiveLife life{at("2026-11-24T05:20:00.000Z")};
};

TEST_F(RangeFileTest, begins_at_the_key_frame_before_and_ends_with_the_last_fragment_that_begins_before) {
  const auto file = range("2026-11-24T05:20:30.500Z", "2026-11-24T05:21:10.500Z");
  EXPECT_EQ(file->covers(), (archive::Span{at("2026-11-24T05:20:30.000Z"), at("2026-11-24T05:21:11.000Z")}));
  const auto all = fragments(read_all(*file));
  ASSERT_EQ(all.size(), 41u);
  std::int64_t decode_time = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].sequence, i + 1);
    EXPECT_EQ(all[i].decode_time, decode_time);
    decode_time += all[i].duration();
  }
}

TEST_F(RangeFileTest, keeps_the_length_of_a_gap) {
  const auto file = range("2026-11-24T05:22:20.000Z", "2026-11-24T05:22:50.000Z");
  const auto all = fragments(read_all(*file));
  ASSERT_EQ(all.size(), 20u);
  EXPECT_EQ(all[9].decode_time, 9 * 90'000);
  EXPECT_EQ(all[10].decode_time, 20 * 90'000);
}

TEST_F(RangeFileTest, fault_V2_says_which_of_the_time_asked_for_is_footage) {
  const auto file = range("2026-11-24T05:22:28.500Z", "2026-11-24T05:22:41.500Z");
  ASSERT_TRUE(file);
  ASSERT_EQ(file->spans().size(), 2u);
  EXPECT_EQ(file->spans()[0].from, at("2026-11-24T05:22:28.000Z")) << "the key frame before";
  EXPECT_EQ(file->spans()[0].to, at("2026-11-24T05:22:30.000Z"));
  EXPECT_EQ(file->spans()[1].from, at("2026-11-24T05:22:40.000Z"));
  EXPECT_EQ(file->spans()[1].to, at("2026-11-24T05:22:42.000Z"));
  EXPECT_EQ(file->covers().from, file->spans().front().from);
  EXPECT_EQ(file->covers().to, file->spans().back().to);
  EXPECT_EQ(range("2026-11-24T05:20:10.000Z", "2026-11-24T05:22:20.000Z")->spans().size(), 1u) << "over the files of one run";
}

TEST_F(RangeFileTest, clamps_the_end_to_what_is_written) {
  const auto file = range("2026-11-24T05:24:00.000Z", "2026-11-24T06:00:00.000Z");
  EXPECT_EQ(file->covers().to, at("2026-11-24T05:24:10.000Z"));
}

TEST_F(RangeFileTest, is_the_same_at_every_reading_and_at_every_offset) {
  const auto file = range("2026-11-24T05:20:50.000Z", "2026-11-24T05:21:10.000Z");
  const auto whole = read_all(*file);
  const auto again = range("2026-11-24T05:20:50.000Z", "2026-11-24T05:21:10.000Z");
  EXPECT_EQ(again->tag(), file->tag());
  EXPECT_EQ(read_all(*again), whole);
  EXPECT_NE(range("2026-11-24T05:20:50.000Z", "2026-11-24T05:21:11.500Z")->tag(), file->tag());
  std::mt19937_64 random{3};
  for (int i = 0; i < 300; ++i) {
    const auto offset = random() % whole.size();
    Bytes part(1 + random() % 20'000);
    const auto got = file->read_at(offset, part).value();
    ASSERT_EQ(got, std::min<std::size_t>(part.size(), whole.size() - offset));
    ASSERT_TRUE(
        std::equal(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(got), whole.begin() + static_cast<std::ptrdiff_t>(offset)));
  }
  Bytes part(10);
  EXPECT_EQ(file->read_at(whole.size(), part).value(), 0u);
}

TEST_F(RangeFileTest, names_both_formats_when_the_camera_changed_its_own) {
  Camera camera(at("2026-11-24T05:24:11.000Z"));
  auto other = std::make_shared<media::VideoFormat>(*street().format);
  other->pps.push_back(other->pps.front());
  camera.set_format(other);
  life.run(camera, at("2026-11-24T05:24:20.040Z"));
  const auto bytes = read_all(*range("2026-11-24T05:24:05.000Z", "2026-11-24T05:24:20.000Z"));
  EXPECT_EQ(media::parse_file_header(bytes).value().formats.size(), 2u);
  const auto all = fragments(bytes);
  EXPECT_EQ(all.front().format_index, 1u);
  EXPECT_EQ(all.back().format_index, 2u);
}

TEST_F(RangeFileTest, refuses_what_is_no_range_or_holds_nothing) {
  const auto t = at("2026-11-24T05:21:00.000Z");
  EXPECT_EQ(export_range(life.catalog(), cam01, t, t).error().field, "to");
  EXPECT_EQ(export_range(life.catalog(), cam01, t, t + hours{25}).error().field, "to");
  EXPECT_EQ(export_range(life.catalog(), cam01, t + hours{3}, t + hours{4}).error().code, ErrorCode::not_found);
  EXPECT_EQ(export_range(life.catalog(), {"cam99", "main"}, t, t + hours{4}).error().code, ErrorCode::not_found);
}

TEST_F(RangeFileTest, says_when_retention_took_a_file_meanwhile) {
  const auto file = range("2026-11-24T05:20:50.000Z", "2026-11-24T05:21:10.000Z");
  for (const auto& path : life.disk->files()) ASSERT_TRUE(life.disk->remove(path));
  Bytes part(static_cast<std::size_t>(file->size()));
  EXPECT_EQ(file->read_at(0, part).error().code, ErrorCode::not_found);
}

TEST_F(RangeFileTest, plays_in_ffmpeg_frame_by_frame) {
  const auto bytes = read_all(*range("2026-11-24T05:20:30.000Z", "2026-11-24T05:21:10.000Z"));
  EXPECT_EQ(probe(bytes, {"-count_frames", "-show_entries", "stream=codec_name,width,height,nb_read_frames", "-of", "csv=p=0"}),
            "h264,320,180,1000\n");
  EXPECT_EQ(probe(bytes, {"-show_entries", "format=duration", "-of", "csv=p=0"}).substr(0, 6), "40.000");
}

TEST_F(RangeFileTest, plays_each_file_of_the_disk_in_ffmpeg) {
  EXPECT_EQ(probe(life.disk->content("cam01/main/2026-11-24/052100Z.mp4"),
                  {"-count_frames", "-show_entries", "stream=codec_name,nb_read_frames", "-of", "csv=p=0"}),
            "h264,1500\n");
}

}  // namespace
}  // namespace ccoc::playback
