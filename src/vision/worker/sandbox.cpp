#include "sandbox.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace ccoc::vision {
namespace {

constexpr rlim_t max_address_space = 1024ull * 1024 * 1024;
constexpr rlim_t max_cpu_seconds = 3600;

Status set_limits() {
  const auto set = [](auto resource, rlim_t value) {
    const rlimit limit{value, value};
    return setrlimit(resource, &limit) == 0;
  };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  const bool memory = true;  // the sanitizers' shadow memory needs terabytes of addresses
#else
  const bool memory = set(RLIMIT_AS, max_address_space);
#endif
  // No core file may hold what a camera saw.
  if (!memory || !set(RLIMIT_CPU, max_cpu_seconds) || !set(RLIMIT_CORE, 0) || !set(RLIMIT_FSIZE, 0))
    return fail(ErrorCode::internal, std::string("cannot limit the picture decoder: ") + std::strerror(errno));
  return {};
}

/// What a decoder, an allocator and a clean end need. All else fails with EPERM.
constexpr int allowed[] = {
    SCMP_SYS(read),          SCMP_SYS(write),           SCMP_SYS(writev),       SCMP_SYS(munmap),
    SCMP_SYS(mremap),        SCMP_SYS(madvise),         SCMP_SYS(brk),          SCMP_SYS(futex),
    SCMP_SYS(exit),          SCMP_SYS(exit_group),      SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),  SCMP_SYS(sigaltstack),     SCMP_SYS(getpid),       SCMP_SYS(gettid),
    SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),    SCMP_SYS(getrandom),    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield),   SCMP_SYS(restart_syscall), SCMP_SYS(alarm),        SCMP_SYS(setitimer),
};

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};

}  // namespace

Status lock_down() {
  if (const auto limited = set_limits(); !limited) return limited;
  const std::unique_ptr<void, Release> filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  int failed = filter ? 0 : -ENOMEM;
  const auto add = [&](int added) { failed = failed != 0 ? failed : added; };
  for (const int call : allowed) {
    if (failed == 0) add(seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0));
  }
  if (failed == 0) {
    // Memory, but none that can be executed; signals, but only to itself (abort).
    for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)})
      add(seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)));
    const auto self = static_cast<scmp_datum_t>(getpid());
    add(seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, self)));
  }
  if (failed == 0) failed = seccomp_load(filter.get());
  if (failed != 0)
    return fail(ErrorCode::unsupported,
                std::string("this kernel does not let the picture decoder lock itself in (seccomp): ") + std::strerror(-failed));
  return {};
}

Status check_locked_down() {
  const auto possible = [](const char* what) { return fail(ErrorCode::internal, std::string("the sandbox lets through: ") + what); };
  if (open("/etc/hostname", O_RDONLY) >= 0 || errno != EPERM) return possible("opening a file");
  if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM) return possible("a socket");
  if (fork() != -1 || errno != EPERM) return possible("a process");
  char* const none[] = {nullptr};
  if (execve("/bin/true", none, none) != -1 || errno != EPERM) return possible("a program");
  if (mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) return possible("executable memory");
  if (unlink("/nowhere") == 0 || errno != EPERM) return possible("removing a file");
  return {};
}

}  // namespace ccoc::vision
