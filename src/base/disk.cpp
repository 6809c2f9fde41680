#include "ccoc/base/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>

namespace ccoc {
namespace {

/// A file descriptor that closes itself.
class Handle {
 public:
  explicit Handle(int fd = -1) : fd_(fd) {}
  Handle(Handle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Handle() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::unexpected<Error> failed(int errno_value, std::string_view what, const std::string& path) {
  if (errno_value == EXDEV || errno_value == ELOOP) {
    return fail(ErrorCode::permission_denied, std::string(what) + " '" + path + "': it leads out of the footage folder");
  }
  return std::unexpected(errno_error(errno_value, std::string(what) + " '" + path + "'"));
}

bool lexically_beneath(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.find('\0') != std::string_view::npos) return false;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const auto part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  }
  return true;
}

/// openat2 beneath `root` (Linux 5.6); errno is set on failure.
int open_beneath(int root, const char* path, int flags, mode_t mode = 0) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  int fd = -1;
  do {
    fd = static_cast<int>(::syscall(SYS_openat2, root, path, &how, sizeof how));
  } while (fd < 0 && (errno == EINTR || errno == EAGAIN));
  return fd;
}

class KernelFile final : public DiskFile {
 public:
  KernelFile(Handle handle, std::string path, std::uint64_t end) : handle_(std::move(handle)), path_(std::move(path)), end_(end) {}

  Status append(std::span<const ByteView> pieces) override {
    constexpr std::size_t most = 1024;  // IOV_MAX
    std::array<iovec, most> vectors;
    std::size_t next = 0;  // piece
    std::size_t skip = 0;  // bytes of it already written
    while (next < pieces.size()) {
      std::size_t count = 0;
      for (std::size_t i = next; i < pieces.size() && count < most; ++i) {
        const auto piece = pieces[i].subspan(i == next ? skip : 0);
        vectors[count++] = {const_cast<std::uint8_t*>(piece.data()), piece.size()};
      }
      const auto written = ::pwritev(handle_.get(), vectors.data(), static_cast<int>(count), static_cast<off_t>(end_));
      if (written < 0) {
        if (errno == EINTR) continue;
        return failed(errno, "cannot write", path_);
      }
      end_ += static_cast<std::uint64_t>(written);
      auto left = static_cast<std::size_t>(written);
      while (next < pieces.size() && left >= pieces[next].size() - skip) {
        left -= pieces[next].size() - skip;
        skip = 0;
        ++next;
      }
      skip += left;
    }
    return {};
  }

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    std::size_t got = 0;
    while (got < into.size()) {
      const auto count = ::pread(handle_.get(), into.data() + got, into.size() - got, static_cast<off_t>(offset + got));
      if (count < 0) {
        if (errno == EINTR) continue;
        return failed(errno, "cannot read", path_);
      }
      if (count == 0) break;
      got += static_cast<std::size_t>(count);
    }
    return got;
  }

  Status truncate(std::uint64_t size) override {
    if (::ftruncate(handle_.get(), static_cast<off_t>(size)) != 0) return failed(errno, "cannot cut", path_);
    end_ = size;
    return {};
  }

  Result<std::uint64_t> size() override {
    struct stat info{};
    if (::fstat(handle_.get(), &info) != 0) return failed(errno, "cannot look at", path_);
    return static_cast<std::uint64_t>(info.st_size);
  }

  Status sync() override {
    if (::fdatasync(handle_.get()) != 0) return failed(errno, "cannot sync", path_);
    return {};
  }

  void drop_cache() override { (void)::posix_fadvise(handle_.get(), 0, 0, POSIX_FADV_DONTNEED); }

 private:
  Handle handle_;
  std::string path_;
  std::uint64_t end_;
};

class KernelDisk final : public Disk {
 public:
  explicit KernelDisk(Handle root, std::string name) : root_(std::move(root)), name_(std::move(name)) {}

  Result<std::unique_ptr<DiskFile>> create(const std::string& path) override {
    constexpr int flags = O_RDWR | O_CREAT | O_EXCL;
    if (auto ok = beneath("cannot create", path); !ok) return std::unexpected(ok.error());
    int fd = open_beneath(root_.get(), path.c_str(), flags, 0640);
    if (fd < 0 && errno == ENOENT) {
      if (auto made = make_folders(path); !made) return std::unexpected(made.error());
      fd = open_beneath(root_.get(), path.c_str(), flags, 0640);
    }
    if (fd < 0) return failed(errno, "cannot create", path);
    return std::make_unique<KernelFile>(Handle(fd), path, 0);
  }

  Result<std::unique_ptr<DiskFile>> open_read(const std::string& path) override { return open(path, O_RDONLY); }
  Result<std::unique_ptr<DiskFile>> open_write(const std::string& path) override { return open(path, O_RDWR); }

  Result<std::vector<DiskEntry>> list(const std::string& folder) override {
    const bool whole = folder.empty() || folder == ".";
    if (!whole) {
      if (auto ok = beneath("cannot list", folder); !ok) return std::unexpected(ok.error());
    }
    Handle handle(open_beneath(root_.get(), whole ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY));
    if (handle.get() < 0) return failed(errno, "cannot list", folder);
    DIR* directory = ::fdopendir(handle.get());
    if (directory == nullptr) return failed(errno, "cannot list", folder);
    const int fd = handle.release();  // closedir closes it
    std::vector<DiskEntry> entries;
    errno = 0;
    while (const dirent* entry = ::readdir(directory)) {
      const std::string_view name = entry->d_name;
      struct stat info{};
      if (name != "." && name != ".." && ::fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
        entries.push_back({std::string(name), S_ISDIR(info.st_mode), static_cast<std::uint64_t>(info.st_size)});
      }
      errno = 0;
    }
    const int error = errno;
    ::closedir(directory);
    if (error != 0) return failed(error, "cannot list", folder);
    std::ranges::sort(entries, {}, &DiskEntry::name);
    return entries;
  }

  Status remove(const std::string& path) override {
    if (auto ok = beneath("cannot remove", path); !ok) return ok;
    const auto slash = path.rfind('/');
    const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash);
    const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    const Handle folder(open_beneath(root_.get(), parent.c_str(), O_PATH | O_DIRECTORY));
    if (folder.get() < 0) return failed(errno, "cannot remove", path);
    if (::unlinkat(folder.get(), name.c_str(), 0) == 0) return {};
    if (errno != EISDIR && errno != EPERM) return failed(errno, "cannot remove", path);
    if (::unlinkat(folder.get(), name.c_str(), AT_REMOVEDIR) == 0) return {};
    return failed(errno, "cannot remove", path);
  }

  Status rename(const std::string& from, const std::string& to) override {
    for (const auto* path : {&from, &to}) {
      if (auto ok = beneath("cannot rename", *path); !ok) return ok;
    }
    const auto parts = [](const std::string& path) {
      const auto slash = path.rfind('/');
      if (slash == std::string::npos) return std::pair<std::string, std::string>{".", path};
      return std::pair{path.substr(0, slash), path.substr(slash + 1)};
    };
    const auto [from_folder, from_name] = parts(from);
    const auto [to_folder, to_name] = parts(to);
    if (auto made = make_folders(to); !made) return made;
    const Handle source(open_beneath(root_.get(), from_folder.c_str(), O_PATH | O_DIRECTORY));
    if (source.get() < 0) return failed(errno, "cannot rename", from);
    const Handle target(open_beneath(root_.get(), to_folder.c_str(), O_PATH | O_DIRECTORY));
    if (target.get() < 0) return failed(errno, "cannot rename to", to);
    if (::renameat2(source.get(), from_name.c_str(), target.get(), to_name.c_str(), RENAME_NOREPLACE) == 0) return {};
    return failed(errno, "cannot rename", from);
  }

  Result<DiskSpace> space() override {
    struct statvfs info{};
    if (::fstatvfs(root_.get(), &info) != 0) return failed(errno, "cannot ask for free space of", name_);
    struct stat root{};
    if (::fstat(root_.get(), &root) != 0) return failed(errno, "cannot ask for the file system of", name_);
    return DiskSpace{std::uint64_t{info.f_blocks} * info.f_frsize, std::uint64_t{info.f_bavail} * info.f_frsize, root.st_dev};
  }

  Status sync_all() override {
    if (::syncfs(root_.get()) != 0) return failed(errno, "cannot sync", name_);
    return {};
  }

 private:
  static Status beneath(std::string_view what, const std::string& path) {
    if (lexically_beneath(path)) return {};
    return fail(ErrorCode::permission_denied, std::string(what) + " '" + path + "': the path must be relative and may not contain '..'");
  }

  Result<std::unique_ptr<DiskFile>> open(const std::string& path, int mode) {
    if (auto ok = beneath("cannot open", path); !ok) return std::unexpected(ok.error());
    Handle handle(open_beneath(root_.get(), path.c_str(), mode | O_NONBLOCK | O_NOCTTY));
    if (handle.get() < 0) return failed(errno, "cannot open", path);
    struct stat info{};
    if (::fstat(handle.get(), &info) != 0) return failed(errno, "cannot look at", path);
    if (!S_ISREG(info.st_mode)) return fail(ErrorCode::io, "cannot open '" + path + "': it is not a regular file");
    return std::make_unique<KernelFile>(std::move(handle), path, static_cast<std::uint64_t>(info.st_size));
  }

  /// Every folder above `path`, each opened beneath the root before the next is made in it.
  Status make_folders(const std::string& path) {
    std::string parent = ".";
    for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
      const Handle folder(open_beneath(root_.get(), parent.c_str(), O_PATH | O_DIRECTORY));
      if (folder.get() < 0) return failed(errno, "cannot make folder", parent);
      const auto first = parent == "." ? 0 : parent.size() + 1;
      const std::string name = path.substr(first, slash - first);
      if (::mkdirat(folder.get(), name.c_str(), 0750) != 0 && errno != EEXIST) {
        return failed(errno, "cannot make folder", path.substr(0, slash));
      }
      parent = path.substr(0, slash);
    }
    return {};
  }

  Handle root_;
  std::string name_;
};

Status make_root(const std::string& root) {
  for (std::size_t at = 1; at != std::string::npos;) {
    at = root.find('/', at);
    const std::string part = root.substr(0, at);
    if (::mkdir(part.c_str(), 0750) != 0 && errno != EEXIST) return failed(errno, "cannot make folder", part);
    if (at != std::string::npos) ++at;
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Disk>> open_disk(const std::string& root) {
  if (root.empty()) return fail(ErrorCode::invalid_argument, "the footage folder has no name");
  Handle handle(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (handle.get() < 0 && errno == ENOENT) {
    if (auto made = make_root(root); !made) return std::unexpected(made.error());
  }
  // syncfs and fstatvfs want a descriptor that is really open.
  handle = Handle(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (handle.get() < 0) return failed(errno, "cannot open folder", root);
  const Handle probe(open_beneath(handle.get(), ".", O_PATH | O_DIRECTORY));
  if (probe.get() < 0) {
    if (errno == ENOSYS || errno == EPERM) {
      return fail(ErrorCode::unsupported, "this kernel has no openat2 (Linux 5.6 or newer, allowed by the container's seccomp profile)");
    }
    return failed(errno, "cannot open folder", root);
  }
  return std::make_unique<KernelDisk>(std::move(handle), root);
}

}  // namespace ccoc
