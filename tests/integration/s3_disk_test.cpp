// An S3-compatible store as a disk: s3rver, which was not written here (it checks no signatures). With CCOC_TEST_S3_URL,
// CCOC_TEST_S3_ACCESS_KEY and CCOC_TEST_S3_SECRET_KEY in the environment the same is asked of any other store.
#include "ccoc/archive/s3_disk.h"

#include <filesystem>
#include <fstream>

#include "ccoc/archive/archive.h"
#include "ccoc/archive/encrypted_disk.h"
#include "support/footage.h"
#include "support/postgres.h"
#include "support/process.h"

namespace ccoc::archive {
namespace {

using namespace ccoc::test;

class S3Disk : public testing::Test {
 protected:
  void SetUp() override {
    if (const char* url = std::getenv("CCOC_TEST_S3_URL")) {
      options.url = std::string(url) + "/test-" + std::to_string(::getpid()) + "-" + std::to_string(free_port());
      options.access_key = std::getenv("CCOC_TEST_S3_ACCESS_KEY");
      options.secret_key = std::getenv("CCOC_TEST_S3_SECRET_KEY");
    } else {
      const std::string program = CCOC_SOURCE_DIR "/web/node_modules/s3rver/bin/s3rver.js";
      if (!std::filesystem::exists(program)) GTEST_SKIP() << "s3rver is not installed (npm --prefix web install)";
      const auto port = std::to_string(free_port());
      server =
          std::make_unique<Process>(std::vector<std::string>{"node", program, "--directory", folder.path().string(), "--address",
                                                             "127.0.0.1", "--port", port, "--silent", "--configure-bucket", "footage"});
      options.url = "http://127.0.0.1:" + port + "/footage/ccoc";
      options.access_key = "S3RVER";
      options.secret_key = "S3RVER";
    }
    options.region = "us-east-1";
    disk = open_s3_disk(options, system_clock).value();
    ASSERT_TRUE(eventually([&] {
      disk = open_s3_disk(options, system_clock).value();
      return disk->space().has_value();
    })) << disk->space().error().message;
  }
  static Bytes some(std::size_t size, unsigned seed) {
    Bytes bytes(size);
    std::mt19937 random{seed};
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    return bytes;
  }
  Status put(const std::string& path, const Bytes& content, std::size_t piece = 1u << 20) {
    auto file = disk->create(path);
    if (!file) return std::unexpected(file.error());
    for (std::size_t at = 0; at < content.size(); at += piece) {
      const auto part = ByteView(content).subspan(at, std::min(piece, content.size() - at));
      if (auto done = (*file)->append(std::span(&part, 1)); !done) return done;
    }
    return (*file)->sync();
  }
  static Bytes read(DiskFile& file, std::uint64_t offset, std::size_t count) {
    Bytes into(count);
    into.resize(file.read_at(offset, into).value());
    return into;
  }

  TemporaryFolder folder;
  SystemClock system_clock;
  S3Options options;
  std::unique_ptr<Process> server;
  std::shared_ptr<Disk> disk;
};

TEST_F(S3Disk, gives_back_what_was_put_at_any_offset) {
  const auto content = some(9'000'000, 1);
  const auto done = put("cam01/main/2026-11-24/052400Z.mp4", content);
  ASSERT_TRUE(done) << done.error().message;
  const auto file = disk->open_read("cam01/main/2026-11-24/052400Z.mp4").value();
  EXPECT_EQ(file->size().value(), content.size());
  for (const std::size_t offset : {0u, 1u, 300'000u, 4'194'303u, 8'999'990u, 5u}) {
    const auto wanted = std::min<std::size_t>(700'000, content.size() - offset);
    EXPECT_EQ(read(*file, offset, 700'000),
              Bytes(content.begin() + static_cast<std::ptrdiff_t>(offset), content.begin() + static_cast<std::ptrdiff_t>(offset + wanted)))
        << offset;
  }
  EXPECT_TRUE(read(*file, content.size(), 10).empty());
}

TEST_F(S3Disk, large_objects_go_in_parts) {
  const auto content = some(70'000'000, 2);
  const auto done = put("cam01/main/2026-11-24/052500Z.mp4", content, 3'333'333);
  ASSERT_TRUE(done) << done.error().message;
  const auto file = disk->open_read("cam01/main/2026-11-24/052500Z.mp4").value();
  ASSERT_EQ(file->size().value(), content.size());
  EXPECT_EQ(read(*file, 0, content.size()), content);
}

TEST_F(S3Disk, is_not_there_before_it_is_whole_and_is_never_written_over) {
  const auto path = std::string("cam01/main/2026-11-24/052600Z.mp4");
  {
    auto file = disk->create(path).value();
    const auto content = some(100, 3);
    const ByteView piece(content);
    ASSERT_TRUE(file->append(std::span(&piece, 1)));
    EXPECT_EQ(disk->open_read(path).error().code, ErrorCode::not_found);
  }
  EXPECT_EQ(disk->open_read(path).error().code, ErrorCode::not_found) << "given up before it was whole";
  ASSERT_TRUE(put(path, some(100, 3)));
  EXPECT_EQ(disk->create(path).error().code, ErrorCode::conflict);
}

TEST_F(S3Disk, lists_folders_and_files_and_forgets_what_is_removed) {
  for (const auto* path : {"cam01/main/2026-11-24/052400Z.mp4", "cam01/main/2026-11-25/000000Z.mp4", "cam02/main/2026-11-24/052400Z.mp4"}) {
    ASSERT_TRUE(put(path, some(10, 4)));
  }
  const auto names = [&](const std::string& folder_name) {
    std::vector<std::string> out;
    const auto listed = disk->list(folder_name).value();
    for (const auto& entry : listed) out.push_back((entry.directory ? "d " : "f ") + entry.name);
    return out;
  };
  if (!server) {
    // s3rver tells of no folder that holds nothing but folders.
    EXPECT_EQ(names(""), (std::vector<std::string>{"d cam01", "d cam02"}));
  }
  EXPECT_EQ(names("cam01/main"), (std::vector<std::string>{"d 2026-11-24", "d 2026-11-25"}));
  EXPECT_EQ(names("cam01/main/2026-11-24"), (std::vector<std::string>{"f 052400Z.mp4"}));
  ASSERT_TRUE(disk->remove("cam01/main/2026-11-24/052400Z.mp4"));
  EXPECT_EQ(disk->list("cam01/main/2026-11-24").error().code, ErrorCode::not_found);
  EXPECT_EQ(disk->open_read("cam01/main/2026-11-24/052400Z.mp4").error().code, ErrorCode::not_found);
}

TEST_F(S3Disk, a_store_that_is_away_is_unavailable_and_found_again) {
  if (!server) GTEST_SKIP() << "not of a store that others use";
  ASSERT_TRUE(put("cam01/main/2026-11-24/052400Z.mp4", some(10, 5)));
  server.reset();
  EXPECT_EQ(disk->open_read("cam01/main/2026-11-24/052400Z.mp4").error().code, ErrorCode::unavailable);
  EXPECT_EQ(put("cam01/main/2026-11-24/052500Z.mp4", some(10, 5)).error().code, ErrorCode::unavailable);
}

TEST_F(S3Disk, what_is_cancelled_ends_at_once) {
  options.cancelled = std::make_shared<std::atomic<bool>>(true);
  const auto cancelled = open_s3_disk(options, system_clock).value();
  EXPECT_EQ(cancelled->open_read("cam01/x.mp4").error().code, ErrorCode::unavailable);
}

TEST_F(S3Disk, a_wrong_secret_is_refused_by_a_store_that_looks) {
  if (server) GTEST_SKIP() << "s3rver does not look";
  options.secret_key += "x";
  EXPECT_EQ(open_s3_disk(options, system_clock).value()->open_read("cam01/x.mp4").error().code, ErrorCode::permission_denied);
}

/// Recorded to a disk, moved to the store, encrypted on the way, played from there.
TEST_F(S3Disk, footage_moves_there_and_plays_from_there) {
  const auto database = fresh_database();
  FootageClock clock{at("2026-11-24T05:20:00.000Z")};
  const auto hot = std::make_shared<sim::SimDisk>();
  FootageKey key;
  key.fill(9);
  VolumeSpec far{"far", make_encrypted_disk(disk, key, true)};
  far.weight = 0;
  far.far = true;
  const auto archive = Archive::open({{"main", hot}, far}, *database, clock, {}).value();
  auto recorder = archive->record(cam01).value();
  Camera camera(clock.utc_now());
  camera.run_until(clock.utc_now() + minutes{3}, *recorder);
  clock.advance(minutes{3});
  archive->step();
  recorder.reset();
  archive->step();
  const auto original = hot->content(hot->files()[0]);
  clock.advance(hours{2});
  MovePolicy policy;
  policy.rules.push_back({"far", hours{1}, {}});
  const auto report = archive->move_footage(policy).value();
  ASSERT_EQ(report.files_moved, 3u) << report.problem;
  EXPECT_TRUE(hot->files().empty());
  const auto segments = archive->catalog().find(cam01, at("2026-11-24T05:20:00.000Z"), clock.utc_now()).value();
  ASSERT_EQ(segments.size(), 3u);
  for (const auto& segment : segments) {
    EXPECT_EQ(segment.volume, "far");
    const auto reader = archive->catalog().open(segment).value();
    for (const auto& fragment : reader->table()->fragments) EXPECT_TRUE(reader->verify(fragment));
  }
  const auto stored = disk->open_read(segments[0].path).value();
  EXPECT_NE(read(*stored, 32, original.size()), original) << "the store sees nothing of it";
  RetentionPolicy retention;
  retention.days_of = [](const std::string&) { return 1u; };
  clock.advance(hours{48});
  EXPECT_EQ(archive->enforce_retention(retention).value().files_removed, 3u);
  for (const auto& segment : segments) EXPECT_EQ(disk->open_read(segment.path).error().code, ErrorCode::not_found);
}

TEST(S3Options, needs_a_bucket) {
  static const SystemClock clock;
  for (const auto* url : {"", "bucket", "https://host", "https://host/"}) {
    S3Options options;
    options.url = url;
    EXPECT_FALSE(open_s3_disk(options, clock)) << url;
  }
}

}  // namespace
}  // namespace ccoc::archive
