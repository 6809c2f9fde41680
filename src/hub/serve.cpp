#include "serve.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstdlib>

#include "ccoc/base/log.h"
#include "ccoc/hub/hub.h"
#include "commands.h"

namespace ccoc::hub {
namespace {

void prepare_process() {
  // Pictures come and go by the hundred a second, up to a few hundred KiB each: keep them in few arenas, on the
  // heap instead of in mappings of their own, and give memory back when much of it is free.
  ::mallopt(M_ARENA_MAX, 2);
  ::mallopt(M_MMAP_THRESHOLD, 4 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 16 << 20);
  // Camera passwords are in memory: no core dumps unless the machine's owner asks for them.
  ::prctl(PR_SET_DUMPABLE, 0);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
}

}  // namespace

int serve(const Config& config) {
  prepare_process();
  // All threads inherit the mask: the signals come to sigtimedwait below and nowhere else.
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGHUP);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  HubOptions options;
  if (const char* password = std::getenv("CCOC_ADMIN_PASSWORD")) options.admin_password = password;
  auto hub = Hub::start(config, options);
  if (!hub) return report_failure(hub.error()), 1;
  // The watch over what others do is kept here, where nothing else is done: whatever hangs, it does not.
  constexpr timespec watch_interval{.tv_sec = 2, .tv_nsec = 0};
  for (int signal = 0; signal != SIGTERM && signal != SIGINT;) {
    signal = ::sigtimedwait(&signals, nullptr, &watch_interval);
    if (signal < 0 && errno == EAGAIN) (*hub)->look_after();
  }
  log::info("hub", "stopping");
  (*hub)->stop();
  log::info("hub", "stopped");
  return 0;
}

}  // namespace ccoc::hub
