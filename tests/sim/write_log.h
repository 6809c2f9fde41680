// A disk that remembers all that was done to it, and what a power cut after any of it can leave behind.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "ccoc/base/disk.h"

namespace ccoc::sim {

/// One thing that was done to the disk.
struct WriteOp {
  enum class Kind { create, append, truncate, remove, sync } kind;
  std::string path;        ///< empty: of everything (sync)
  Bytes bytes;             ///< append: what reached the file, of a torn write only its beginning
  std::uint64_t size = 0;  ///< truncate: to so many bytes
};

using Files = std::map<std::string, Bytes>;

/// Passes everything on to another disk and writes it down. As thread-safe as that one, but for the log.
class LoggedDisk final : public Disk {
 public:
  explicit LoggedDisk(std::shared_ptr<Disk> disk) : disk_(std::move(disk)) {}
  Result<std::unique_ptr<DiskFile>> create(const std::string& path) override;
  Result<std::unique_ptr<DiskFile>> open_read(const std::string& path) override { return disk_->open_read(path); }
  Result<std::unique_ptr<DiskFile>> open_write(const std::string& path) override;
  Result<std::vector<DiskEntry>> list(const std::string& folder) override { return disk_->list(folder); }
  Status remove(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;  ///< `unsupported`: not in the log
  Result<DiskSpace> space() override { return disk_->space(); }
  Status sync_all() override;

  const std::vector<WriteOp>& log() const { return log_; }

 private:
  class File;
  std::shared_ptr<Disk> disk_;
  std::vector<WriteOp> log_;
};

/// What is left when the power goes after the first `count` operations.
struct AfterCut {
  Files files;    ///< as the next start finds them
  Files synced;   ///< as they were at the last sync: these bytes must be there
  Files written;  ///< as the process saw them
};

/// What was not synced is there in part: of each file an end is missing or blocks of 4 KiB are zeros, files that were made may
/// be missing, removed ones be back, and cut ones have their tails again, each by itself (no order is kept between them).
AfterCut cut_power(const std::vector<WriteOp>& log, std::size_t count, std::mt19937_64& random);
/// All that was written is there: the process was killed, the kernel lives.
AfterCut kill_process(const std::vector<WriteOp>& log, std::size_t count);

}  // namespace ccoc::sim
