#include "ccoc/ingest/bridge_process.h"

#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <thread>
#include <vector>

#include "ccoc/base/child_process.h"

namespace ccoc::ingest {
namespace {

/// A process that hangs in the kernel is not awaited on a media thread: other streams live there.
void kill_and_collect(int pid) {
  ::kill(-pid, SIGKILL);
  std::thread([pid] {
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }).detach();
}

/// What GStreamer needs; nothing of the hub's environment. GLib is told to leave the user's desktop alone: no settings, no
/// proxies, no session bus.
std::vector<std::string> environment_for(const std::string& cache) {
  std::vector<std::string> out{"LANG=C.UTF-8", "MALLOC_ARENA_MAX=2", "GSETTINGS_BACKEND=memory", "GIO_USE_PROXY_RESOLVER=dummy",
                               "GIO_USE_VFS=local"};
  out.push_back(cache.empty() ? "GST_REGISTRY_DISABLE=yes" : "GST_REGISTRY=" + cache);
  return out;
}

}  // namespace

Result<std::unique_ptr<BridgeProcess>> BridgeProcess::start(Reactor& reactor, const std::string& program, const std::string& cache,
                                                            const bridge::Start& order, ConnectionHandler& handler) {
  if (program.empty()) return fail(ErrorCode::unavailable, "this needs the program ccoc-bridge (GStreamer), which is not installed here");
  const auto child = start_child(program, environment_for(cache));
  if (!child) return std::unexpected(child.error());
  auto connection = reactor.adopt(child->socket, handler);
  if (!connection) {
    kill_and_collect(child->pid);
    return std::unexpected(connection.error());
  }
  std::unique_ptr<BridgeProcess> out(new BridgeProcess(child->pid, *std::move(connection)));
  out->connection_->send(bridge::encode(order));
  return out;
}

BridgeProcess::~BridgeProcess() {
  connection_.reset();
  kill_and_collect(pid_);
}

}  // namespace ccoc::ingest
