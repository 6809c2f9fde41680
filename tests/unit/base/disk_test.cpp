#include "ccoc/base/disk.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

namespace ccoc {
namespace {

namespace fs = std::filesystem;

class KernelDisk : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "ccoc-disk-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    auto disk = open_disk((folder_ / "deep" / "footage").string());
    ASSERT_TRUE(disk) << disk.error().message;
    disk_ = std::move(*disk);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path root() const { return folder_ / "deep" / "footage"; }

  static Bytes read_all(DiskFile& file) {
    Bytes bytes(file.size().value());
    EXPECT_EQ(file.read_at(0, bytes).value(), bytes.size());
    return bytes;
  }

  fs::path folder_;
  std::unique_ptr<Disk> disk_;
};

TEST_F(KernelDisk, makes_missing_folders_and_appends_pieces_in_order) {
  auto file = disk_->create("cam01/main/2026-11-24/052357Z.mp4");
  ASSERT_TRUE(file) << file.error().message;
  const Bytes one{1, 2, 3}, none{}, two{4, 5};
  const std::array<ByteView, 3> pieces{one, none, two};
  ASSERT_TRUE((*file)->append(pieces));
  ASSERT_TRUE((*file)->append(std::array<ByteView, 1>{one}));
  EXPECT_EQ(read_all(**file), (Bytes{1, 2, 3, 4, 5, 1, 2, 3}));
  EXPECT_TRUE((*file)->sync());
  EXPECT_TRUE(disk_->sync_all());
}

TEST_F(KernelDisk, appends_more_pieces_than_one_system_call_takes) {
  auto file = disk_->create("many");
  ASSERT_TRUE(file);
  std::vector<Bytes> parts(3000, Bytes(7));
  std::vector<ByteView> pieces;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i].assign(1 + i % 7, static_cast<std::uint8_t>(i));
    pieces.emplace_back(parts[i]);
  }
  ASSERT_TRUE((*file)->append(pieces));
  Bytes expected;
  for (const auto& part : parts) expected.insert(expected.end(), part.begin(), part.end());
  EXPECT_EQ(read_all(**file), expected);
}

TEST_F(KernelDisk, goes_on_appending_behind_a_cut) {
  const Bytes bytes{1, 2, 3, 4};
  {
    auto file = disk_->create("a/b");
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->append(std::array<ByteView, 1>{bytes}));
  }
  auto file = disk_->open_write("a/b");
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->truncate(2));
  ASSERT_TRUE((*file)->append(std::array<ByteView, 1>{bytes}));
  EXPECT_EQ(read_all(**file), (Bytes{1, 2, 1, 2, 3, 4}));
}

TEST_F(KernelDisk, refuses_a_file_that_exists) {
  ASSERT_TRUE(disk_->create("x"));
  const auto again = disk_->create("x");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::conflict);
}

TEST_F(KernelDisk, reads_fewer_bytes_only_at_the_end) {
  auto file = disk_->create("x");
  ASSERT_TRUE(file);
  const Bytes bytes{1, 2, 3};
  ASSERT_TRUE((*file)->append(std::array<ByteView, 1>{bytes}));
  Bytes into(10);
  EXPECT_EQ((*file)->read_at(1, into).value(), 2u);
  EXPECT_EQ((*file)->read_at(9, into).value(), 0u);
}

TEST_F(KernelDisk, never_leaves_its_root) {
  std::ofstream(folder_ / "secret") << "x";
  fs::create_symlink(folder_ / "secret", root() / "absolute-link");
  fs::create_symlink("../../secret", root() / "relative-link");
  fs::create_directory_symlink(folder_, root() / "folder-link");
  for (const char* path :
       {"../secret", "/etc/passwd", "a/../../../secret", "./x", "a//b", "", "absolute-link", "relative-link", "folder-link/secret"}) {
    const auto read = disk_->open_read(path);
    ASSERT_FALSE(read) << path;
    EXPECT_EQ(read.error().code, ErrorCode::permission_denied) << path;
    EXPECT_FALSE(disk_->open_write(path)) << path;
  }
  const auto made = disk_->create("folder-link/new");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::permission_denied);
  EXPECT_FALSE(disk_->create("folder-link/deep/new"));
  EXPECT_FALSE(disk_->remove("folder-link/secret"));
  EXPECT_FALSE(disk_->list("folder-link"));
  EXPECT_TRUE(fs::exists(folder_ / "secret"));
  EXPECT_FALSE(fs::exists(folder_ / "deep" / "new"));
}

TEST_F(KernelDisk, does_not_hang_on_what_is_no_file) {
  ASSERT_EQ(::mkfifo((root() / "pipe").c_str(), 0600), 0);
  EXPECT_FALSE(disk_->open_read("pipe"));
  fs::create_directory(root() / "folder");
  EXPECT_FALSE(disk_->open_read("folder"));
}

TEST_F(KernelDisk, lists_by_name_and_removes_files_and_empty_folders) {
  ASSERT_TRUE(disk_->create("cam02/x"));
  ASSERT_TRUE(disk_->create("cam01/x"));
  ASSERT_TRUE(disk_->create("cam01/a"));
  const auto all = disk_->list("");
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].name, "cam01");
  EXPECT_TRUE((*all)[0].directory);
  EXPECT_EQ(disk_->list("cam01")->front().name, "a");
  EXPECT_FALSE(disk_->remove("cam01")) << "it is not empty";
  EXPECT_TRUE(disk_->remove("cam01/a"));
  EXPECT_TRUE(disk_->remove("cam01/x"));
  EXPECT_TRUE(disk_->remove("cam01"));
  const auto gone = disk_->list("cam01");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::not_found);
  EXPECT_EQ(disk_->remove("cam01/x").error().code, ErrorCode::not_found);
}

TEST_F(KernelDisk, knows_its_free_space) {
  const auto space = disk_->space();
  ASSERT_TRUE(space);
  EXPECT_GT(space->total_bytes, 0u);
  EXPECT_LE(space->free_bytes, space->total_bytes);
}

TEST_F(KernelDisk, knows_what_shares_it) {
  const auto beside = open_disk((folder_ / "beside").string()).value();
  const auto file_system = disk_->space().value().file_system;
  EXPECT_NE(file_system, 0u);
  EXPECT_EQ(beside->space().value().file_system, file_system);
}

}  // namespace
}  // namespace ccoc
