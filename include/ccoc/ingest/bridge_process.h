// One running ccoc-bridge: started with its order, spoken to over a socket pair, killed with this object. What it says goes
// through a bridge::MessageReader, for nothing of it is believed. Lives on one reactor's thread.
#pragma once

#include <memory>
#include <string>

#include "ccoc/base/reactor.h"
#include "ccoc/ingest/bridge_wire.h"

namespace ccoc::ingest {

class BridgeProcess {
 public:
  /// `program`: path of ccoc-bridge; `cache`: file in which GStreamer remembers its plug-ins, empty: none. `handler` is given
  /// what the process sends. `unavailable` when it cannot be started.
  static Result<std::unique_ptr<BridgeProcess>> start(Reactor& reactor, const std::string& program, const std::string& cache,
                                                      const bridge::Start& order, ConnectionHandler& handler);
  ~BridgeProcess();
  BridgeProcess(const BridgeProcess&) = delete;
  BridgeProcess& operator=(const BridgeProcess&) = delete;

  int pid() const { return pid_; }
  Connection& connection() { return *connection_; }

 private:
  BridgeProcess(int pid, std::unique_ptr<Connection> connection) : pid_(pid), connection_(std::move(connection)) {}

  const int pid_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace ccoc::ingest
