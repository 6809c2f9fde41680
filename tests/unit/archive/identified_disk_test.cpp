#include "ccoc/archive/identified_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support/manual_clock.h"

namespace ccoc::archive {
namespace {

namespace fs = std::filesystem;

// faults.md D2. A mount that is missing is an empty folder.
class IdentifiedDiskTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "ccoc-test-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
    root = folder / "footage";
    note = folder / "volume-main";
  }
  void TearDown() override { fs::remove_all(folder); }

  std::shared_ptr<Disk> open() { return open_identified_disk("main", root.string(), note.string(), clock).value(); }
  void unmount() {
    fs::rename(root, folder / "elsewhere");
    fs::create_directory(root);
  }
  void mount() {
    fs::remove(root);
    fs::rename(folder / "elsewhere", root);
  }
  static bool writes(Disk& disk, const std::string& path) {
    const auto file = disk.create(path);
    return file && (*file)->append(std::vector<ByteView>{as_bytes("x")});
  }

  fs::path folder, root, note;
  test::ManualClock clock;
};

TEST_F(IdentifiedDiskTest, a_new_volume_gets_an_identity_and_keeps_it) {
  EXPECT_TRUE(writes(*open(), "cam01/a"));
  std::ifstream file(root / identity_file);
  std::string identity;
  std::getline(file, identity);
  EXPECT_EQ(identity.size(), 32u);
  const auto again = open();
  EXPECT_TRUE(writes(*again, "cam01/b"));
  EXPECT_TRUE(again->open_read("cam01/a"));
}

TEST_F(IdentifiedDiskTest, a_volume_from_another_hub_is_taken_as_it_is) {
  fs::create_directory(root);
  std::ofstream(root / identity_file) << "0123456789abcdef0123456789abcdef\n";
  EXPECT_TRUE(writes(*open(), "cam01/a"));
  std::ifstream file(note);
  std::string identity;
  std::getline(file, identity);
  EXPECT_EQ(identity, "0123456789abcdef0123456789abcdef");
}

TEST_F(IdentifiedDiskTest, fault_D2_nothing_is_written_where_the_mount_is_missing_at_the_start) {
  EXPECT_TRUE(writes(*open(), "cam01/a"));
  unmount();
  const auto disk = open();
  const auto refused = disk->create("cam01/b");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("is not mounted"));
  EXPECT_FALSE(disk->list(""));
  EXPECT_TRUE(fs::is_empty(root));
  mount();
  clock.advance(std::chrono::seconds{6});
  EXPECT_TRUE(writes(*disk, "cam01/b")) << "it came back";
}

TEST_F(IdentifiedDiskTest, fault_D2_nothing_is_written_where_the_mount_goes_in_mid_run) {
  const auto disk = open();
  EXPECT_TRUE(writes(*disk, "cam01/a"));
  unmount();
  EXPECT_FALSE(disk->create("cam01/b"));
  EXPECT_TRUE(fs::is_empty(root));
  EXPECT_FALSE(fs::exists(folder / "elsewhere/cam01/b")) << "nor into a folder that is elsewhere now";
  mount();
  clock.advance(std::chrono::seconds{6});
  EXPECT_TRUE(writes(*disk, "cam01/b"));
}

TEST_F(IdentifiedDiskTest, fault_D2_another_disk_at_its_place_is_refused) {
  EXPECT_TRUE(writes(*open(), "cam01/a"));
  unmount();
  std::ofstream(root / identity_file) << "fedcba9876543210fedcba9876543210\n";
  const auto refused = open()->create("cam01/b");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("another volume"));
}

}  // namespace
}  // namespace ccoc::archive
