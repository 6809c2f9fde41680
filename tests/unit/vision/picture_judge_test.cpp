#include "ccoc/vision/picture_judge.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "unit/media/streams.h"

namespace ccoc::vision {
namespace {

using namespace std::chrono_literals;

const std::string worker = std::string(CCOC_BINARY_DIR) + "/ccoc-vision";
constexpr UtcTime start{std::chrono::seconds{1'800'000'000}};

Look plain(int level) {
  Look look;
  look.width = 640, look.height = 360;
  look.cells.fill(static_cast<std::uint16_t>(level * 256));
  return look;
}

/// Houses and a sky: something in every cell.
Look street(unsigned seed = 1, int noise = 0) {
  Look look = plain(0);
  std::mt19937 scene(7), random(seed);
  for (auto& cell : look.cells) {
    const int level = 40 * 256 + static_cast<int>(scene() % (160 * 256));
    cell = static_cast<std::uint16_t>(level + (noise > 0 ? static_cast<int>(random() % static_cast<unsigned>(2 * noise + 1)) - noise : 0));
  }
  return look;
}

/// The first cells, as a camera's clock would be.
Look with_clock(Look look, int value) {
  for (std::size_t i = 0; i < 60; ++i) look.cells[i] = static_cast<std::uint16_t>((200 + (value + static_cast<int>(i)) % 7) * 256);
  return look;
}

TEST(PictureJudge, tells_black_white_and_covered_from_a_scene) {
  EXPECT_EQ(classify(street()), PictureState::ok);
  EXPECT_EQ(classify(plain(2)), PictureState::black);
  EXPECT_EQ(classify(with_clock(plain(2), 5)), PictureState::black) << "also with a clock in it";
  EXPECT_EQ(classify(plain(252)), PictureState::white);
  EXPECT_EQ(classify(plain(90)), PictureState::covered);
  EXPECT_EQ(classify(with_clock(plain(90), 5)), PictureState::covered);
  Look dusk = street();
  for (auto& cell : dusk.cells) cell = static_cast<std::uint16_t>(cell / 6);
  EXPECT_EQ(classify(dusk), PictureState::ok) << "dark, but something is to be seen";
}

TEST(PictureJudge, believes_a_black_picture_when_it_sees_it_twice_and_a_good_one_at_once) {
  PictureJudge judge(3min);
  judge.see(street(1, 30), start);
  EXPECT_EQ(judge.state(), PictureState::ok);
  judge.see(plain(1), start + 15s);
  EXPECT_EQ(judge.state(), PictureState::ok);
  judge.see(plain(1), start + 30s);
  EXPECT_EQ(judge.state(), PictureState::black);
  EXPECT_EQ(judge.since(), start + 15s);
  judge.see(street(2, 30), start + 45s);
  EXPECT_EQ(judge.state(), PictureState::ok);
  EXPECT_EQ(judge.since(), start + 45s);
}

TEST(PictureJudge, says_frozen_after_minutes_of_the_same_picture_whatever_its_clock_does) {
  PictureJudge judge(3min);
  for (int i = 0; i <= 12; ++i) {
    judge.see(with_clock(street(), i), start + i * 15s);
    EXPECT_EQ(judge.state(), i < 12 ? PictureState::ok : PictureState::frozen) << i;
  }
  EXPECT_EQ(judge.since(), start);
  judge.see(street(9, 40), start + 200s);
  EXPECT_EQ(judge.state(), PictureState::ok);
}

TEST(PictureJudge, does_not_take_a_still_street_for_a_frozen_one) {
  PictureJudge judge(3min);
  for (unsigned i = 0; i < 100; ++i) {
    judge.see(street(i + 1, 20), start + i * 15s);
    ASSERT_EQ(judge.state(), PictureState::ok) << i;
  }
}

TEST(PictureJudge, says_nothing_of_a_night_in_which_nothing_moves) {
  Look night = plain(17);
  for (std::size_t i = 0; i < 300; ++i) night.cells[i * 7] = static_cast<std::uint16_t>((60 + i % 90) * 256);
  ASSERT_EQ(classify(night), PictureState::ok);
  PictureJudge judge(3min);
  for (int i = 0; i < 40; ++i) judge.see(night, start + i * 15s);
  EXPECT_EQ(judge.state(), PictureState::ok);
}

TEST(PictureJudge, begins_anew_when_pictures_were_missing) {
  PictureJudge judge(1min);
  for (int i = 0; i < 4; ++i) judge.see(street(), start + i * 15s);
  judge.lost(start + 60s);
  EXPECT_EQ(judge.state(), PictureState::unknown);
  judge.see(street(), start + 75s);
  EXPECT_EQ(judge.state(), PictureState::ok) << "not compared with what was before";
}

/// Key frames that ffmpeg made, looked at by the real worker.
class RealLooks : public testing::Test {
 protected:
  void SetUp() override {
    auto name = (std::filesystem::temp_directory_path() / "ccoc-looks-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::vector<Look> looks(const std::string& source, const std::string& coding) {
    const auto file = (folder / "clip.h264").string();
    const auto command = "ffmpeg -nostdin -loglevel error -y -f lavfi -i '" + source +
                         "' -frames:v 12 -pix_fmt yuv420p -c:v libx264 -threads 1 -g 1 " + coding + " " + file;
    EXPECT_EQ(std::system(command.c_str()), 0);
    std::ifstream in(file, std::ios::binary);
    const Bytes bytes{std::istreambuf_iterator<char>(in), {}};
    std::vector<Bytes> sps, pps, waiting;
    std::vector<Look> out;
    SnapshotService service(SnapshotOptions{.worker = worker});
    for (const auto nal : media::split_annexb(bytes)) {
      const int type = media::nal_type(media::Codec::h264, nal);
      if (type == 7 && sps.empty()) sps.emplace_back(nal.begin(), nal.end());
      if (type == 8 && pps.empty()) pps.emplace_back(nal.begin(), nal.end());
      if (type != 5) continue;
      media::AccessUnit unit;
      unit.format = std::make_shared<const media::VideoFormat>(media::make_format(media::Codec::h264, {}, sps, pps).value());
      unit.data = std::make_shared<const Bytes>(media::test::join({Bytes(nal.begin(), nal.end())}));
      unit.key = true;
      const auto look = service.look(unit);
      EXPECT_TRUE(look) << look.error().message;
      if (look) out.push_back(*look);
    }
    EXPECT_EQ(out.size(), 12u);
    return out;
  }
  std::filesystem::path folder;
};

constexpr const char* scene = "testsrc2=size=640x360:rate=25,trim=end_frame=1,loop=-1:1";

TEST_F(RealLooks, a_still_scene_with_the_noise_of_a_sensor_is_not_the_same_twice) {
  for (const char* coding : {"-crf 23", "-crf 33", "-b:v 300k -maxrate 300k -bufsize 300k"}) {
    const auto seen = looks(std::string(scene) + ",noise=alls=4:allf=t", coding);
    for (std::size_t i = 1; i < seen.size(); ++i) EXPECT_FALSE(same_picture(seen[i - 1], seen[i])) << coding << " " << i;
  }
}

TEST_F(RealLooks, a_frozen_scene_is_the_same_once_its_encoder_has_settled) {
  for (const char* coding : {"-qp 28", "-crf 23", "-crf 33"}) {
    const auto seen = looks(scene, coding);
    for (std::size_t i = 2; i < seen.size(); ++i) EXPECT_TRUE(same_picture(seen[i - 1], seen[i])) << coding << " " << i;
  }
}

TEST_F(RealLooks, black_white_and_grey_pictures_are_what_they_are) {
  for (const auto& [colour, wanted] :
       {std::pair{"black", PictureState::black}, {"white", PictureState::white}, {"0x707070", PictureState::covered}}) {
    const auto seen = looks(std::string("color=c=") + colour + ":size=640x360:rate=25,noise=alls=6:allf=t", "-crf 28");
    for (const auto& look : seen) EXPECT_EQ(classify(look), wanted) << colour << " mean " << look.mean;
  }
  const auto scene_looks = looks(scene, "-crf 28");
  EXPECT_EQ(classify(scene_looks[0]), PictureState::ok);
  EXPECT_EQ(scene_looks[0].width, 640u);
  EXPECT_GT(scene_looks[0].deviation, 20);
}

}  // namespace
}  // namespace ccoc::vision
