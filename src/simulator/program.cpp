#include "program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>

namespace ccoc::simulator {
namespace {

std::string last_line(const std::string& file) {
  std::ifstream in(file);
  std::string line, last;
  while (std::getline(in, line)) {
    if (!line.empty()) last = line;
  }
  return last.substr(0, 300);
}

/// False when it was cancelled first.
bool wait_for_exit(pid_t pid, const std::function<bool()>& cancelled) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return true;  // an old kernel: waitpid() waits, and nothing cancels
  pollfd watched{fd, POLLIN, 0};
  bool running = true, wanted = true;
  while (running && wanted) {
    running = ::poll(&watched, 1, 100) <= 0;
    wanted = !(running && cancelled && cancelled());
  }
  ::close(fd);
  return wanted;
}

}  // namespace

Status run_program(const std::vector<std::string>& arguments, const std::string& log_file, const std::function<bool()>& cancelled) {
  std::vector<char*> argv;
  for (const auto& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, argv[0], &files, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error == ENOENT) return fail(ErrorCode::not_found, arguments[0] + " is not installed (apt-get install " + arguments[0] + ")");
  if (error != 0) return std::unexpected(errno_error(error, arguments[0]));
  const bool stopped = !wait_for_exit(pid, cancelled);
  if (stopped) ::kill(pid, SIGTERM);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return std::unexpected(errno_error(errno, "waiting for " + arguments[0]));
  }
  if (stopped) return fail(ErrorCode::cancelled, "stopped");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(ErrorCode::unavailable, arguments[0] + " failed: " + last_line(log_file));
}

}  // namespace ccoc::simulator
