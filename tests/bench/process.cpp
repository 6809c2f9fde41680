#include "process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>
#include <utility>

namespace ccoc::bench {
namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

Result<Child> Child::start(const std::vector<std::string>& arguments, const std::string& log, const std::vector<std::string>& environment) {
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (out < 0) return std::unexpected(errno_error(errno, "open " + log));
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    const int null = ::open("/dev/null", O_RDONLY);
    ::dup2(null, STDIN_FILENO);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    for (const auto& entry : environment) ::putenv(const_cast<char*>(entry.c_str()));
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  const int error = errno;
  ::close(out);
  if (pid < 0) return std::unexpected(errno_error(error, "fork"));
  return Child{pid, log};
}

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), log_(std::move(other.log_)) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(log_, other.log_);
  return *this;
}

Child::~Child() {
  if (pid_ > 0) (void)stop();
}

bool Child::running() {
  if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
  return pid_ > 0;
}

void Child::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

Result<milliseconds> Child::stop(milliseconds limit) {
  const auto begin = steady_clock::now();
  const auto taken = [&] { return std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin); };
  if (pid_ <= 0) return milliseconds{0};
  ::kill(pid_, SIGTERM);
  while (running()) {
    if (taken() > limit) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      pid_ = -1;
      return fail(ErrorCode::timeout, "a program did not stop and was killed; its log is " + log_);
    }
    std::this_thread::sleep_for(milliseconds{2});
  }
  return taken();
}

namespace {

struct Stat {
  pid_t parent = 0;
  std::string name;
  double cpu_s = 0;
  int threads = 0;
};

bool read_stat(const fs::path& folder, Stat& out) {
  std::ifstream file(folder / "stat");
  std::string line;
  if (!std::getline(file, line)) return false;
  const auto open = line.find('(');
  const auto close = line.rfind(')');
  if (open == std::string::npos || close == std::string::npos) return false;
  out.name = line.substr(open + 1, close - open - 1);
  std::istringstream rest(line.substr(close + 2));
  std::vector<std::string> fields;  // from field 3 of proc(5), "state"
  for (std::string field; rest >> field;) fields.push_back(field);
  if (fields.size() < 18) return false;
  out.parent = static_cast<pid_t>(std::stol(fields[1]));
  const double ticks = std::stod(fields[11]) + std::stod(fields[12]) + std::stod(fields[13]) + std::stod(fields[14]);
  out.cpu_s = ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
  out.threads = std::stoi(fields[17]);
  return true;
}

/// The number behind "key:" in a /proc file; `scale` 1024 where it counts kB.
std::uint64_t read_number(const fs::path& path, const std::string& key, std::uint64_t scale) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key + ":")) return std::strtoull(line.c_str() + key.size() + 1, nullptr, 10) * scale;
  }
  return 0;
}

}  // namespace

TreeUsage measure(const std::vector<pid_t>& roots) {
  std::map<pid_t, Stat> all;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const auto name = entry.path().filename().string();
    Stat stat;
    if (name.find_first_not_of("0123456789") != std::string::npos || !read_stat(entry.path(), stat)) continue;
    all.emplace(static_cast<pid_t>(std::stol(name)), stat);
  }
  const std::set<pid_t> wanted(roots.begin(), roots.end());
  TreeUsage out;
  for (const auto& [pid, stat] : all) {
    auto at = pid;
    for (int depth = 0; depth < 16 && !wanted.contains(at) && all.contains(at); ++depth) at = all.at(at).parent;
    if (!wanted.contains(at)) continue;
    auto& usage = stat.name.starts_with("postgres") ? out.postgres : out.program;
    const auto folder = fs::path("/proc") / std::to_string(pid);
    usage.cpu_s += stat.cpu_s;
    usage.threads += stat.threads;
    usage.processes += 1;
    usage.rss_bytes += read_number(folder / "status", "VmRSS", 1024);
    usage.pss_bytes += read_number(folder / "smaps_rollup", "Pss", 1024);
    usage.written_bytes += read_number(folder / "io", "wchar", 1);
  }
  return out;
}

double machine_cpu_s() {
  std::ifstream file("/proc/stat");
  std::string cpu;
  double user = 0, nice = 0, system = 0, idle = 0, waiting = 0, irq = 0, softirq = 0;
  file >> cpu >> user >> nice >> system >> idle >> waiting >> irq >> softirq;
  return (user + nice + system + irq + softirq) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

Usage between(const Usage& begin, const Usage& end) {
  auto out = end;
  out.cpu_s = end.cpu_s - begin.cpu_s;
  out.written_bytes = end.written_bytes > begin.written_bytes ? end.written_bytes - begin.written_bytes : 0;
  return out;
}

}  // namespace ccoc::bench
