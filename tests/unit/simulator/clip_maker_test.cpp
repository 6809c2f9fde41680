#include "ccoc/simulator/clip_maker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "small_clip.h"

namespace ccoc::simulator {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

struct ClipMaker : ::testing::Test {
  fs::path folder = fs::path(CCOC_BINARY_DIR) / ("clips-" + std::to_string(::getpid()));
  ~ClipMaker() override { fs::remove_all(folder); }
};

double megabits_per_second(const Clip& clip) {
  double bytes = 0;
  for (const auto& f : clip.frames()) bytes += static_cast<double>(f.size);
  return bytes * 8 / 1e6 / (static_cast<double>(clip.frames().size()) / clip.fps());
}

TEST_F(ClipMaker, makes_them_as_a_camera_would_and_only_once) {
  std::vector<unsigned> done;
  ClipRequest request{1, folder.string(), {}, [&](unsigned made, unsigned) { done.push_back(made); }, {}};
  const auto made = make_clips(request);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(done, (std::vector<unsigned>{1}));
  const auto& camera = made->at(0);
  EXPECT_EQ(camera.main->format().width, 1920u);
  EXPECT_EQ(camera.main->format().height, 1080u);
  EXPECT_EQ(camera.main->frames().size() % 50, 0u) << "not whole GOPs";
  EXPECT_NEAR(megabits_per_second(*camera.main), 4.1, 0.5);
  EXPECT_EQ(camera.sub->format().width, 640u);
  EXPECT_EQ(camera.sub->frames().size() % 30, 0u) << "not whole GOPs";
  EXPECT_NEAR(megabits_per_second(*camera.sub), 0.31, 0.1);
  for (std::size_t i = 0; i < camera.main->frames().size(); ++i) EXPECT_EQ(camera.main->frames()[i].key, i % 50 == 0) << i;

  const auto again = make_clips(request);
  ASSERT_TRUE(again);
  EXPECT_EQ(done.size(), 1u) << "made again";
}

TEST_F(ClipMaker, ends_early_when_it_is_cancelled_and_leaves_no_half_clip) {
  ClipRequest request{1, folder.string(), {}, {}, [] { return true; }};
  const auto made = make_clips(request);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::cancelled);
  EXPECT_FALSE(fs::exists(folder / "cam01-main.h264"));
}

TEST_F(ClipMaker, says_what_is_wrong_with_footage_or_folder) {
  const auto no_footage = make_clips({1, folder.string(), "/nowhere/street.avi", {}, {}});
  ASSERT_FALSE(no_footage);
  EXPECT_THAT(no_footage.error().message, HasSubstr("/nowhere/street.avi is not there"));
  const auto no_folder = make_clips({1, "/proc/nothing", {}, {}, {}});
  ASSERT_FALSE(no_folder);
  EXPECT_THAT(no_folder.error().message, HasSubstr("--clips"));
}

TEST_F(ClipMaker, loads_a_container_through_ffmpeg_without_encoding_it_again) {
  fs::create_directories(folder);
  const auto mp4 = (folder / "clip.mp4").string();
  ASSERT_EQ(std::system(("ffmpeg -nostdin -loglevel error -y -r 25 -i '" + testing::small_clip_file() + "' -c copy '" + mp4 + "'").c_str()),
            0);
  const auto direct = testing::small_clip();
  const auto loaded = load_clip(mp4, 0);
  ASSERT_TRUE(loaded) << loaded.error().message;
  ASSERT_EQ((*loaded)->frames().size(), direct->frames().size());
  EXPECT_EQ((*loaded)->format().sps, direct->format().sps);
  std::ofstream(folder / "text.mp4") << "no video";
  const auto none = load_clip((folder / "text.mp4").string(), 0);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("neither H.264 nor H.265"));
}

}  // namespace
}  // namespace ccoc::simulator
