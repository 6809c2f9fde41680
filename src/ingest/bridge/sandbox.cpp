#include "sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <iterator>
#include <memory>
#include <vector>

namespace ccoc::ingest::bridge {
namespace {

constexpr rlim_t max_memory = 1024ull * 1024 * 1024;

/// Where programs, libraries, plug-ins, certificates and the resolver's settings stand. The hub's data is not among them.
constexpr const char* readable[] = {"/usr", "/lib", "/lib64", "/opt", "/etc", "/proc", "/sys", "/dev", "/run/systemd/resolve"};
constexpr std::uint64_t reading = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
/// The rights of the first version, which every kernel with Landlock knows.
constexpr std::uint64_t all_rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

/// Everything else stays possible: GStreamer's plug-ins are many. These reach beyond the process.
constexpr int forbidden[] = {
    // clang-format off
    SCMP_SYS(execve),      SCMP_SYS(execveat),          SCMP_SYS(ptrace),           SCMP_SYS(process_vm_readv),
    SCMP_SYS(pidfd_open),  SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd),      SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(kill),        SCMP_SYS(tkill),             SCMP_SYS(rt_sigqueueinfo),  SCMP_SYS(rt_tgsigqueueinfo),
    SCMP_SYS(bpf),         SCMP_SYS(keyctl),            SCMP_SYS(add_key),          SCMP_SYS(request_key),
    SCMP_SYS(mount),       SCMP_SYS(unshare),           SCMP_SYS(setns),            SCMP_SYS(userfaultfd),
    SCMP_SYS(shmat),       SCMP_SYS(io_uring_setup),    SCMP_SYS(perf_event_open),  SCMP_SYS(fork),
    // clang-format on
    SCMP_SYS(vfork),
};

void set_limits() {
  const auto limit = [](auto resource, rlim_t value) {
    const rlimit both{value, value};
    setrlimit(resource, &both);
  };
  limit(RLIMIT_CORE, 0);  // no core file may hold what a camera saw
  limit(RLIMIT_FSIZE, 0);
  std::signal(SIGXFSZ, SIG_IGN);  // a write to a file fails, and that is all
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  limit(RLIMIT_DATA, max_memory);  // the sanitizers' shadow memory needs terabytes
#endif
}

/// False when this kernel has no Landlock.
bool restrict_files(const std::string& files) {
  landlock_ruleset_attr wanted{};  // newer headers have more members
  wanted.handled_access_fs = all_rights;
  const int rules = static_cast<int>(syscall(SYS_landlock_create_ruleset, &wanted, sizeof wanted, 0));
  if (rules < 0) return false;
  std::vector<std::string> folders(std::begin(readable), std::end(readable));
  if (!files.empty()) folders.push_back(files);
  for (const auto& path : folders) {
    const int folder = open(path.c_str(), O_PATH | O_CLOEXEC);
    if (folder < 0) continue;
    const landlock_path_beneath_attr rule{.allowed_access = reading, .parent_fd = folder};
    syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(folder);
  }
  const bool done = syscall(SYS_landlock_restrict_self, rules, 0) == 0;
  close(rules);
  return done;
}

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};

Status restrict_calls() {
  const std::unique_ptr<void, Release> filter(seccomp_init(SCMP_ACT_ALLOW));
  int failed = filter ? 0 : -ENOMEM;
  const auto add = [&](int added) { failed = failed != 0 ? failed : added; };
  for (const int call : forbidden) {
    if (failed == 0) add(seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), call, 0));
  }
  if (failed == 0) add(seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX)));
  // Threads, but no processes; clone3's arguments cannot be seen, so the C library is told to use clone.
  if (failed == 0)
    add(seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)));
  if (failed == 0) add(seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0));
  const auto self = static_cast<scmp_datum_t>(getpid());
  if (failed == 0) add(seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_NE, self)));
  if (failed == 0) failed = seccomp_load(filter.get());
  if (failed == 0) return {};
  return fail(ErrorCode::unsupported, std::string("ccoc-bridge cannot lock itself in (seccomp): ") + std::strerror(-failed));
}

}  // namespace

Status lock_down(const std::string& files) {
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  set_limits();
  restrict_files(files);
  return restrict_calls();
}

Status check_locked_down() {
  const auto possible = [](const char* what) { return fail(ErrorCode::internal, std::string("the sandbox lets through: ") + what); };
  if (fork() != -1 || errno != EPERM) return possible("a process");
  if (execl("/bin/true", "true", nullptr) != -1 || errno != EPERM) return possible("a program");
  if (socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || errno != EPERM) return possible("a local socket");
  if (::kill(getppid(), 0) == 0 || errno != EPERM) return possible("a signal to another process");
  if (open("/tmp", O_RDONLY | O_DIRECTORY) >= 0 || errno != EACCES) return possible("reading elsewhere");
  if (open("/tmp/ccoc-bridge-check", O_WRONLY | O_CREAT, 0600) >= 0 || errno != EACCES) return possible("writing a file");
  if (open("/etc/hosts", O_RDONLY) < 0) return fail(ErrorCode::internal, "the sandbox forbids what the resolver needs");
  return {};
}

}  // namespace ccoc::ingest::bridge
