#include "child_process.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace ccoc::db {
namespace {

/// Exit codes of a child that did not come as far as its program.
constexpr int no_program = 127;
constexpr int no_user = 126;
constexpr int closed = 1;
constexpr int handed_descriptor = 3;  // as in handed_directory

/// Only system calls: between fork and exec of a process with threads nothing else is safe.
bool become(const RunAs& user) {
  return ::syscall(SYS_setgroups, 0, nullptr) == 0 && ::syscall(SYS_setresgid, user.gid, user.gid, user.gid) == 0 &&
         ::syscall(SYS_setresuid, user.uid, user.uid, user.uid) == 0;
}

}  // namespace

std::string user_name(uid_t uid) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16384);
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found) return found->pw_name;
  return std::to_string(uid);
}

Result<std::optional<RunAs>> unprivileged_user() {
  if (::geteuid() != 0) return std::nullopt;
  for (const char* name : {"ccoc", "postgres", "nobody"}) {
    passwd entry{};
    passwd* found = nullptr;
    std::vector<char> buffer(16384);
    if (::getpwnam_r(name, &entry, buffer.data(), buffer.size(), &found) == 0 && found && found->pw_uid != 0) {
      return RunAs{found->pw_uid, found->pw_gid, name};
    }
  }
  return fail(ErrorCode::unavailable,
              "PostgreSQL refuses to run as root, and this machine has none of the users ccoc, postgres and nobody; make "
              "one with: useradd --system ccoc");
}

Result<pid_t> start_child(const ChildOptions& options) {
  std::vector<char*> argv;
  for (const auto& argument : options.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const int output = ::open(options.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (output < 0) return std::unexpected(errno_error(errno, "opening " + options.output.string()));
  const int input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  int directory = -1;
  if (!options.directory.empty()) {
    directory = ::open(options.directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
      const auto error = errno_error(errno, "opening " + options.directory.string());
      ::close(output);
      if (input >= 0) ::close(input);
      return std::unexpected(error);
    }
  }
  const pid_t parent = ::getpid();

  const pid_t pid = ::fork();
  if (pid == 0) {
    ::setsid();
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (const int signal : {SIGINT, SIGTERM, SIGPIPE, SIGHUP, SIGCHLD, SIGQUIT}) ::signal(signal, SIG_DFL);
    ::dup2(input, 0);
    ::dup2(output, 1);
    ::dup2(output, 2);
    if (directory == handed_descriptor) ::fcntl(directory, F_SETFD, 0);
    if (directory >= 0 && directory != handed_descriptor) ::dup2(directory, handed_descriptor);
    ::syscall(SYS_close_range, static_cast<unsigned>(handed_descriptor + (directory >= 0 ? 1 : 0)), ~0u, 0u);
    ::umask(077);
    if (options.user && !become(*options.user)) ::_exit(no_user);
    if (options.signal_when_orphaned != 0) {
      ::prctl(PR_SET_PDEATHSIG, options.signal_when_orphaned);
      if (::getppid() != parent) ::_exit(0);
    }
    // A directory that the user may not be in would worry initdb.
    if (::chdir("/") != 0) ::_exit(no_program);
    ::execv(argv[0], argv.data());
    ::_exit(no_program);
  }
  const int error = errno;
  ::close(output);
  if (input >= 0) ::close(input);
  if (directory >= 0) ::close(directory);
  if (pid < 0) return std::unexpected(errno_error(error, "starting " + options.argv[0]));
  return pid;
}

Result<int> run_child(const ChildOptions& options) {
  const auto pid = start_child(options);
  if (!pid) return std::unexpected(pid.error());
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0) {
    if (errno != EINTR) return std::unexpected(errno_error(errno, "waiting for " + options.argv[0]));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::filesystem::path first_closed_directory(const std::filesystem::path& path, const RunAs& user) {
  std::vector<std::filesystem::path> prefixes;
  std::filesystem::path prefix;
  for (const auto& part : path) {
    prefix /= part;
    prefixes.push_back(prefix);
  }
  for (const auto& one : prefixes) {
    const char* text = one.c_str();
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(become(user) && ::access(text, X_OK) == 0 ? 0 : closed);
    int status = 0;
    if (pid < 0 || ::waitpid(pid, &status, 0) < 0) return one;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return one;
  }
  return {};
}

bool works_in(pid_t pid, const std::filesystem::path& directory) {
  struct stat theirs{};
  struct stat ours{};
  const std::string link = "/proc/" + std::to_string(pid) + "/cwd";
  return ::stat(link.c_str(), &theirs) == 0 && ::stat(directory.c_str(), &ours) == 0 && theirs.st_dev == ours.st_dev &&
         theirs.st_ino == ours.st_ino;
}

}  // namespace ccoc::db
