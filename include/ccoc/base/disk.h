// The disk as the archive sees it. Production: the kernel beneath one root directory; tests: a
// model that stalls, fills, tears and forgets what was not synced.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ccoc/base/bytes.h"
#include "ccoc/base/result.h"

namespace ccoc {

/// One open file. Used by one thread at a time.
class DiskFile {
 public:
  virtual ~DiskFile() = default;
  /// Appends all pieces in order, or fails; after a failure the tail may be torn and `truncate` mends it.
  virtual Status append(std::span<const ByteView> pieces) = 0;
  /// Bytes read at `offset`; fewer than asked only at the end of the file.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) = 0;
  virtual Status truncate(std::uint64_t size) = 0;
  virtual Result<std::uint64_t> size() = 0;
  /// Returns when data and size are on the platter (fdatasync).
  virtual Status sync() = 0;
  /// What was read need not be kept in memory (posix_fadvise).
  virtual void drop_cache() {}
};

struct DiskEntry {
  std::string name;
  bool directory = false;
  std::uint64_t size = 0;
};

struct DiskSpace {
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;   ///< what an unprivileged process may use
  std::uint64_t file_system = 0;  ///< disks with the same share this room (st_dev); 0: it shares with none
};

/// A directory tree. Paths are relative, '/'-separated, and resolved beneath the root: a path that
/// leaves it (.., absolute, symbolic link out) fails with `permission_denied`. Thread-safe; calls block.
class Disk {
 public:
  virtual ~Disk() = default;
  /// Creates the file (and missing folders); `conflict` when it exists.
  virtual Result<std::unique_ptr<DiskFile>> create(const std::string& path) = 0;
  virtual Result<std::unique_ptr<DiskFile>> open_read(const std::string& path) = 0;
  /// Opens an existing file for truncating and appending.
  virtual Result<std::unique_ptr<DiskFile>> open_write(const std::string& path) = 0;
  /// Sorted by name; `not_found` when the folder is not there.
  virtual Result<std::vector<DiskEntry>> list(const std::string& folder) = 0;
  /// Removes a file, or an empty folder.
  virtual Status remove(const std::string& path) = 0;
  /// Gives a file another name (missing folders are made); `conflict` when there is one of that name, `unsupported` where names
  /// are for ever.
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  virtual Result<DiskSpace> space() = 0;
  /// Everything written so far is on the platter when it returns (syncfs).
  virtual Status sync_all() = 0;
};

/// The kernel's file system beneath `root` (openat2 with RESOLVE_BENEATH); creates `root` if missing.
Result<std::unique_ptr<Disk>> open_disk(const std::string& root);

}  // namespace ccoc
