#include "opened_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ccoc::ingest::bridge {
namespace {

std::unexpected<Error> cannot_open(int reason) {
  if (reason == ENOENT || reason == ENOTDIR) return fail(ErrorCode::not_found, "there is no such file");
  if (reason == EXDEV || reason == ELOOP)
    return fail(ErrorCode::permission_denied, "the file is outside the folder ingest.files, or behind a symbolic link");
  return fail(ErrorCode::io, std::string("the file cannot be opened: ") + std::strerror(reason));
}

}  // namespace

Result<int> open_beneath(const std::string& folder, const std::string& path) {
  if (folder.empty())
    return fail(ErrorCode::permission_denied, "files are refused: the administrator has set no folder for them (ingest.files)");
  auto base = folder;
  while (base.ends_with('/')) base.pop_back();
  if (!path.starts_with(base + "/"))
    return fail(ErrorCode::permission_denied, "the file is outside the folder ingest.files (" + folder + ")");
  const int root = open((base + "/").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return fail(ErrorCode::io, "the folder ingest.files cannot be opened: " + std::string(std::strerror(errno)));
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const auto relative = path.substr(base.size() + 1);
  const int file = static_cast<int>(syscall(SYS_openat2, root, relative.c_str(), &how, sizeof how));
  const int reason = errno;
  close(root);
  if (file < 0) return cannot_open(reason);
  struct stat about{};
  if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) {
    close(file);
    return fail(ErrorCode::permission_denied, "that is no file");
  }
  return file;
}

}  // namespace ccoc::ingest::bridge
