#include "ccoc/archive/identified_disk.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <mutex>
#include <optional>

#include "ccoc/base/log.h"

namespace ccoc::archive {
namespace {

constexpr Duration look_again = std::chrono::seconds{5};
constexpr std::size_t longest_identity = 128;

/// Which folder of which file system a path leads to.
struct Place {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const Place&, const Place&) = default;
};
std::optional<Place> place_of(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return Place{info.st_dev, info.st_ino};
}

/// 128 random bits in hexadecimal digits.
std::string new_identity() {
  std::array<unsigned char, 16> bytes{};
  while (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
  }
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const auto byte : bytes) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

/// The first line of a file; empty when there is none.
std::string read_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line.size() > longest_identity ? std::string{} : line;
}

/// Written, and on the platter, before anyone relies on it.
Status write_line(const std::string& path, const std::string& line) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fd < 0) return std::unexpected(errno_error(errno, "cannot make '" + path + "'"));
  const std::string text = line + "\n";
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const int reason = errno;
  ::close(fd);
  if (written) return {};
  ::unlink(path.c_str());
  return std::unexpected(errno_error(reason, "cannot write '" + path + "'"));
}

class IdentifiedDisk final : public Disk {
 public:
  IdentifiedDisk(std::string name, std::string root, std::string identity, const Clock& clock)
      : name_(std::move(name)), root_(std::move(root)), identity_(std::move(identity)), clock_(clock) {}

  Result<std::unique_ptr<DiskFile>> create(const std::string& path) override {
    auto disk = present(true);
    if (!disk) return std::unexpected(disk.error());
    return (*disk)->create(path);
  }
  Result<std::unique_ptr<DiskFile>> open_read(const std::string& path) override {
    auto disk = present(false);
    if (!disk) return std::unexpected(disk.error());
    return (*disk)->open_read(path);
  }
  Result<std::unique_ptr<DiskFile>> open_write(const std::string& path) override {
    auto disk = present(false);
    if (!disk) return std::unexpected(disk.error());
    return (*disk)->open_write(path);
  }
  Result<std::vector<DiskEntry>> list(const std::string& folder) override {
    auto disk = present(false);
    if (!disk) return std::unexpected(disk.error());
    return (*disk)->list(folder);
  }
  Status remove(const std::string& path) override {
    auto disk = present(false);
    if (!disk) return std::unexpected(disk.error());
    return (*disk)->remove(path);
  }
  Status rename(const std::string& from, const std::string& to) override {
    auto disk = present(true);
    if (!disk) return std::unexpected(disk.error());
    return (*disk)->rename(from, to);
  }
  Result<DiskSpace> space() override {
    auto disk = present(false);
    if (!disk) return std::unexpected(disk.error());
    return (*disk)->space();
  }
  Status sync_all() override {
    auto disk = present(false);
    if (!disk) return std::unexpected(disk.error());
    return (*disk)->sync_all();
  }

 private:
  /// The disk, when it is there. `look`: whether the path still leads to it is asked now.
  Result<std::shared_ptr<Disk>> present(bool look) {
    const std::lock_guard lock(mutex_);
    if (disk_ && look && place_of(root_) != place_) {
      log::error("archive", "volume {}: {} is no longer the folder it was", name_, root_);
      disk_.reset();
      looked_at_.reset();
    }
    if (disk_) return disk_;
    const auto now = clock_.now();
    if (!looked_at_ || now - *looked_at_ >= look_again) {
      looked_at_ = now;
      find();
    }
    if (disk_) return disk_;
    return fail(ErrorCode::unavailable, reason_);
  }

  void find() {
    const auto place = place_of(root_);
    const auto is = place ? read_line(root_ + "/" + identity_file) : std::string{};
    if (is != identity_) {
      reason_ = !place       ? "the volume '" + name_ + "' is not there: there is no folder " + root_
                : is.empty() ? "the volume '" + name_ + "' is not mounted: " + root_ + " has no " + identity_file
                             : "another volume is mounted at " + root_ + " than '" + name_ + "'";
      return;
    }
    auto opened = open_disk(root_);
    if (!opened) {
      reason_ = opened.error().message;
      return;
    }
    if (!reason_.empty()) log::info("archive", "volume {}: it is there again", name_);
    disk_ = std::shared_ptr<Disk>(std::move(*opened));
    place_ = place;
    reason_.clear();
  }

  const std::string name_;
  const std::string root_;
  const std::string identity_;
  const Clock& clock_;
  std::mutex mutex_;
  std::shared_ptr<Disk> disk_;
  std::optional<Place> place_;
  std::optional<MonoTime> looked_at_;
  std::string reason_;
};

}  // namespace

Result<std::shared_ptr<Disk>> open_identified_disk(const std::string& name, const std::string& root, const std::string& note,
                                                   const Clock& clock) {
  auto known = read_line(note);
  if (known.empty()) {
    // Never seen here: a new folder, one from before volumes had identities, or a disk of another hub.
    if (auto made = open_disk(root); !made) return std::unexpected(made.error());
    known = read_line(root + "/" + identity_file);
    if (known.empty()) {
      known = new_identity();
      if (auto written = write_line(root + "/" + identity_file, known); !written) return std::unexpected(written.error());
    }
    if (auto written = write_line(note, known); !written) return std::unexpected(written.error());
  }
  return std::make_shared<IdentifiedDisk>(name, root, std::move(known), clock);
}

}  // namespace ccoc::archive
