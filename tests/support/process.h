// Other programs that a test starts and surely stops, and free ports for them.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace ccoc::test {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Waits for a condition, looking at it every few milliseconds; false when it did not come true within `limit`.
inline bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit = seconds{60}) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return condition();
    std::this_thread::sleep_for(milliseconds{10});
  }
  return true;
}

/// A TCP port on loopback that nobody listens on now.
inline std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  ::close(fd);
  return ntohs(address.sin_port);
}

/// A child process; its standard output can be read. Killed and reaped with the object.
class Process {
 public:
  /// `environment`: entries "NAME=value" on top of this program's. `with_errors`: standard error is read, too.
  explicit Process(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {}, bool with_errors = false) {
    // Nothing is allocated after the fork: another thread of this program may hold the allocator's lock just then.
    std::vector<char*> argv, envp;
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const auto is_replaced = [&](const char* inherited) {
      const std::string_view name(inherited, std::string_view(inherited).find('=') + 1);
      return std::ranges::any_of(environment, [&](const std::string& entry) { return entry.starts_with(name); });
    };
    for (const auto& entry : environment) envp.push_back(const_cast<char*>(entry.c_str()));
    for (char** entry = environ; *entry != nullptr; ++entry) {
      if (!is_replaced(*entry)) envp.push_back(*entry);
    }
    envp.push_back(nullptr);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::dup2(ends[1], STDOUT_FILENO);
      if (with_errors) ::dup2(ends[1], STDERR_FILENO);
      ::execvpe(argv[0], argv.data(), envp.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    output_ = ends[0];
  }
  ~Process() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    if (output_ >= 0) ::close(output_);
  }
  Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)), output_(std::exchange(other.output_, -1)) {}
  Process& operator=(Process&&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const { ::kill(pid_, number); }

  /// Reads standard output until `text` came; false at its end or after `limit`.
  bool wait_for_output(const std::string& text, std::chrono::milliseconds limit = seconds{20}) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (seen_.find(text) == std::string::npos) {
      const auto left = std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now()).count();
      pollfd waiting{output_, POLLIN, 0};
      if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) <= 0) return false;
      char buffer[4096];
      const auto count = ::read(output_, buffer, sizeof buffer);
      if (count <= 0) return false;
      seen_.append(buffer, static_cast<std::size_t>(count));
    }
    return true;
  }
  const std::string& output() const { return seen_; }
  /// Reads the rest of standard output, then the exit code (-signal when killed). Give it a process that ends.
  int wait(std::string* output = nullptr) {
    char buffer[4096];
    for (ssize_t count; (count = ::read(output_, buffer, sizeof buffer)) > 0;) {
      seen_.append(buffer, static_cast<std::size_t>(count));
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    if (output != nullptr) *output = seen_;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  std::string seen_;
};

}  // namespace ccoc::test
