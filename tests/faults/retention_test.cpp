// Retention that hangs, and recording that does not care.
#include <condition_variable>
#include <mutex>
#include <thread>

#include "support/footage.h"
#include "support/postgres.h"
#include "support/process.h"

namespace ccoc::faults {
namespace {

using namespace ccoc::test;
using archive::Archive;
using archive::RetentionPolicy;

/// A disk on which removing a file does not come back while it is stuck.
class StuckDisk final : public Disk {
 public:
  explicit StuckDisk(std::unique_ptr<Disk> disk) : disk_(std::move(disk)) {}
  ~StuckDisk() override { set_stuck(false); }

  void set_stuck(bool stuck) {
    const std::lock_guard lock(mutex_);
    stuck_ = stuck;
    changed_.notify_all();
  }
  bool someone_waits() const {
    const std::lock_guard lock(mutex_);
    return waiting_;
  }
  std::size_t removed() const {
    const std::lock_guard lock(mutex_);
    return removed_;
  }

  Result<std::unique_ptr<DiskFile>> create(const std::string& path) override { return disk_->create(path); }
  Result<std::unique_ptr<DiskFile>> open_read(const std::string& path) override { return disk_->open_read(path); }
  Result<std::unique_ptr<DiskFile>> open_write(const std::string& path) override { return disk_->open_write(path); }
  Result<std::vector<DiskEntry>> list(const std::string& folder) override { return disk_->list(folder); }
  Status rename(const std::string& from, const std::string& to) override { return disk_->rename(from, to); }
  Status remove(const std::string& path) override {
    std::unique_lock lock(mutex_);
    waiting_ = stuck_;
    changed_.wait(lock, [this] { return !stuck_; });
    waiting_ = false;
    removed_ += path.ends_with(".mp4");
    return disk_->remove(path);
  }
  Result<DiskSpace> space() override { return disk_->space(); }
  Status sync_all() override { return disk_->sync_all(); }

 private:
  const std::unique_ptr<Disk> disk_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stuck_ = false, waiting_ = false;
  std::size_t removed_ = 0;
};

/// An archive on a real disk, with an hour of footage that is too old.
class RetentionFault : public testing::Test {
 protected:
  void SetUp() override {
    auto real = open_disk((folder.path() / "footage").string());
    ASSERT_TRUE(real);
    disk = std::make_shared<StuckDisk>(std::move(*real));
    archive = Archive::open({{"main", disk}}, std::make_unique<sim::MemorySegmentStore>(tables), clock, {}).value();
    archive->recover();
    archive->step();
    auto recorder = archive->record(cam01).value();
    Camera camera(clock.utc_now(), milliseconds{500});
    for (int second = 0; second < 3600; ++second) {
      camera.run_until(clock.utc_now() + seconds{1}, *recorder);
      clock.advance(seconds{1});
      if (second % 10 == 9) archive->step();
    }
    recorder.reset();
    archive->step();
    clock.advance(hours{48});
    archive->step();
    policy.days_of = [](const std::string&) { return 1u; };
  }

  TemporaryFolder folder;
  FootageClock clock{at("2026-11-24T05:00:00.000Z")};
  std::shared_ptr<StuckDisk> disk;
  std::shared_ptr<sim::IndexTables> tables = std::make_shared<sim::IndexTables>();
  std::unique_ptr<Archive> archive;
  RetentionPolicy policy;
};

TEST_F(RetentionFault, fault_D3_that_hangs_is_told_and_recording_goes_on) {
  ASSERT_TRUE(archive->enforce_retention(policy, 5));
  EXPECT_FALSE(archive->retention_problem());
  disk->set_stuck(true);
  std::thread retention([this] { EXPECT_TRUE(archive->enforce_retention(policy, 5)); });
  EXPECT_TRUE(eventually([&] { return disk->someone_waits(); }));
  EXPECT_FALSE(archive->retention_problem()) << "a moment is nothing";
  const auto since = clock.utc_now();
  auto recorder = archive->record({"cam02", "main"}).value();
  Camera camera(clock.utc_now());
  for (int second = 0; second < 310; ++second) {
    camera.run_until(clock.utc_now() + seconds{1}, *recorder);
    clock.advance(seconds{1});
    archive->step();
    archive->watch();
  }
  const auto problem = archive->retention_problem();
  EXPECT_TRUE(problem && problem->since == since && problem->reason.contains("hangs"));
  EXPECT_TRUE(archive->problems().empty()) << "what comes is written";
  EXPECT_EQ(recorder->status().frames_dropped, 0u);
  EXPECT_GE(*recorder->status().last_written_at, clock.utc_now() - seconds{2});
  disk->set_stuck(false);
  retention.join();
  EXPECT_FALSE(archive->retention_problem());
}

TEST_F(RetentionFault, fault_D3_that_never_runs_or_always_fails_is_told) {
  clock.advance(minutes{3});
  const auto forgotten = archive->retention_problem();
  ASSERT_TRUE(forgotten);
  EXPECT_TRUE(forgotten->reason.contains("does not run")) << forgotten->reason;
  ASSERT_TRUE(archive->enforce_retention(policy, 5));
  EXPECT_FALSE(archive->retention_problem());
  tables->away = true;
  for (int i = 0; i < 30; ++i) {
    EXPECT_FALSE(archive->retention_problem()) << i;
    clock.advance(seconds{20});
    EXPECT_FALSE(archive->enforce_retention(policy, 5));
  }
  const auto failing = archive->retention_problem();
  ASSERT_TRUE(failing);
  EXPECT_TRUE(failing->reason.contains("fails: ")) << failing->reason;
  tables->away = false;
  ASSERT_TRUE(archive->enforce_retention(policy, 5));
  EXPECT_FALSE(archive->retention_problem());
}

TEST_F(RetentionFault, fault_D3_deletes_in_small_batches_and_smaller_ones_while_much_waits_to_be_written) {
  auto report = archive->enforce_retention(policy, 20).value();
  EXPECT_EQ(report.files_removed, 20u);
  EXPECT_TRUE(report.more);
  auto recorder = archive->record({"cam02", "main"}).value();
  Camera camera(clock.utc_now());
  while (archive->volumes().at(0).queued_bytes <= (8u << 20)) camera.run_until(camera.time() + seconds{10}, *recorder);
  report = archive->enforce_retention(policy, 20).value();
  EXPECT_EQ(report.files_removed, 2u);
  EXPECT_TRUE(report.more);
  EXPECT_EQ(disk->removed(), 22u);
  archive->step();
  EXPECT_EQ(archive->enforce_retention(policy, 20).value().files_removed, 20u) << "what waited is written";
}

}  // namespace
}  // namespace ccoc::faults
