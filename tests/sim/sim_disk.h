// A disk in memory that can be told to fill, refuse, tear and stall, and that forgets at a crash what was not synced:
// all of it, a random part, or random blocks of it. Thread-safe.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ccoc/base/disk.h"

namespace ccoc::sim {

class SimDisk final : public Disk {
 public:
  SimDisk();
  ~SimDisk() override;

  // Disk
  Result<std::unique_ptr<DiskFile>> create(const std::string& path) override;
  Result<std::unique_ptr<DiskFile>> open_read(const std::string& path) override;
  Result<std::unique_ptr<DiskFile>> open_write(const std::string& path) override;
  Result<std::vector<DiskEntry>> list(const std::string& folder) override;
  Status remove(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Result<DiskSpace> space() override;
  Status sync_all() override;

  // Faults
  /// Room for all files together; what goes beyond it is torn and fails with `no_space`.
  void set_capacity(std::uint64_t bytes);
  /// As space() tells it; disks with the same say that they share their room.
  void set_file_system(std::uint64_t id);
  /// Every append fails after writing `torn` bytes of it; nullopt: works again.
  void fail_writes(std::optional<Error> error, std::size_t torn = 0);
  /// Also cutting fails (a disk that went read-only).
  void fail_truncation(bool fail);
  /// Appends wait until released.
  void hold_writes(bool hold);
  /// Appends that wait now.
  std::size_t held_writes() const;

  /// How much a power cut takes of what was not synced. Names that were removed or changed since the last sync_all() may, each by
  /// itself, be back.
  enum class Loss {
    nothing,  ///< the process was killed, the kernel lives
    tail,     ///< of each file a random end
    blocks,   ///< of each file random blocks of 4 KiB, and perhaps the end
    all,
  };
  void crash(Loss loss, std::mt19937_64& random);

  // For tests to look and meddle.
  std::vector<std::string> files() const;  ///< sorted
  Bytes content(const std::string& path) const;
  void put(const std::string& path, Bytes content);  ///< synced
  std::uint64_t used_bytes() const;
  std::uint64_t syncs() const;

 private:
  struct Node {
    Bytes data;
    std::size_t synced = 0;  ///< files only grow, or are cut: what is synced is a beginning
    bool exists_after_crash = false;
  };
  class File;

  std::uint64_t used() const;

  mutable std::mutex mutex_;
  std::condition_variable released_;
  std::map<std::string, std::shared_ptr<Node>> nodes_;
  std::set<std::string> folders_;
  std::map<std::string, std::shared_ptr<Node>> removed_;      ///< since the last sync_all()
  std::vector<std::pair<std::string, std::string>> renamed_;  ///< likewise: from, to
  std::uint64_t capacity_ = ~std::uint64_t{0};
  std::uint64_t file_system_ = 0;
  std::optional<Error> write_error_;
  std::size_t torn_ = 0;
  bool truncation_fails_ = false;
  bool held_ = false;
  std::size_t waiting_ = 0;
  std::uint64_t syncs_ = 0;
};

}  // namespace ccoc::sim
