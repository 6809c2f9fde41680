#include "ccoc/vision/thumbnail_cache.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace ccoc::vision {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// As large as wanted, with the ends of a JPEG.
Bytes jpeg(std::size_t size, std::uint8_t fill) {
  Bytes bytes(size, fill);
  bytes[0] = 0xff, bytes[1] = 0xd8, bytes[size - 2] = 0xff, bytes[size - 1] = 0xd9;
  return bytes;
}

class Thumbnails : public testing::Test {
 protected:
  void SetUp() override {
    auto name = (fs::temp_directory_path() / "ccoc-thumbnails-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override { fs::remove_all(folder); }
  std::unique_ptr<ThumbnailCache> open(std::uint64_t max_bytes) const {
    return std::make_unique<ThumbnailCache>(std::shared_ptr<Disk>(open_disk(folder.string()).value()), max_bytes);
  }
  static ThumbnailKey key(int second, const char* camera = "cam01") {
    return {camera, "main", UtcTime{std::chrono::seconds{1'800'000'000 + second}}, 320};
  }
  std::size_t files_on_disk() const {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) count += entry.is_regular_file();
    return count;
  }
  fs::path folder;
};

TEST_F(Thumbnails, are_found_as_they_were_put_also_after_a_restart) {
  auto cache = open(1 << 20);
  EXPECT_FALSE(cache->find(key(1)));
  cache->put(key(1), jpeg(1000, 7));
  cache->put(key(2, "cam02"), jpeg(500, 8));
  EXPECT_EQ(cache->find(key(1)), jpeg(1000, 7));
  auto wider = key(1);
  wider.width = 640;
  EXPECT_FALSE(cache->find(wider));
  cache = open(1 << 20);
  EXPECT_EQ(cache->find(key(1)), jpeg(1000, 7));
  EXPECT_EQ(cache->find(key(2, "cam02")), jpeg(500, 8));
  EXPECT_EQ(cache->stats().bytes, 1500u);
}

TEST_F(Thumbnails, stay_within_the_limit_and_the_oldest_go_first) {
  auto cache = open(10'000);
  for (int i = 0; i < 50; ++i) {
    cache->put(key(i), jpeg(1000, 1));
    ASSERT_LE(cache->stats().bytes, 10'000u);
  }
  EXPECT_EQ(cache->stats().files, 10u);
  EXPECT_EQ(files_on_disk(), 10u);
  EXPECT_FALSE(cache->find(key(39)));
  EXPECT_TRUE(cache->find(key(40)));
  cache->put(key(100), jpeg(20'000, 1));
  EXPECT_EQ(cache->stats().files, 10u) << "one that is larger than all of it is not kept";
  cache = open(3000);
  EXPECT_EQ(files_on_disk(), 3u) << "a smaller limit counts from the next start";
  EXPECT_TRUE(cache->find(key(49)));
  cache = open(0);
  EXPECT_EQ(files_on_disk(), 0u);
  cache->put(key(1), jpeg(100, 1));
  EXPECT_EQ(files_on_disk(), 0u);
}

TEST_F(Thumbnails, that_are_torn_or_gone_are_made_again) {
  auto cache = open(1 << 20);
  cache->put(key(1), jpeg(1000, 7));
  cache->put(key(2), jpeg(1000, 7));
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.path().string().find("001000000") != std::string::npos) fs::resize_file(entry.path(), 500);
    if (entry.is_regular_file() && entry.path().string().find("002000000") != std::string::npos) fs::remove(entry.path());
  }
  EXPECT_FALSE(cache->find(key(1)));
  EXPECT_FALSE(cache->find(key(2)));
  cache->put(key(1), jpeg(900, 9));
  EXPECT_EQ(cache->find(key(1)), jpeg(900, 9));
  EXPECT_EQ(cache->stats().bytes, 900u);
}

TEST_F(Thumbnails, of_footage_that_is_gone_are_forgotten) {
  auto cache = open(1 << 20);
  for (int i = 0; i < 10; ++i) {
    cache->put(key(i), jpeg(100, 1));
    cache->put(key(i, "cam02"), jpeg(100, 1));
  }
  cache->forget("cam01", "main", key(6).at);
  EXPECT_FALSE(cache->find(key(5)));
  EXPECT_TRUE(cache->find(key(6)));
  EXPECT_TRUE(cache->find(key(0, "cam02")));
  EXPECT_EQ(files_on_disk(), 14u);
  const auto oldest = cache->oldest();
  EXPECT_EQ(oldest.at({"cam01", "main"}), key(6).at);
  EXPECT_EQ(oldest.at({"cam02", "main"}), key(0).at);
}

TEST_F(Thumbnails, leave_alone_what_is_not_theirs) {
  fs::create_directories(folder / "cam01/main");
  for (const char* name : {"cam01/main/notes.txt", "cam01/main/12-x.jpg", "cam01/main/-5-320.jpg", "readme"})
    std::ofstream(folder / name) << "mine";
  open(0);
  EXPECT_EQ(files_on_disk(), 4u);
}

}  // namespace
}  // namespace ccoc::vision
