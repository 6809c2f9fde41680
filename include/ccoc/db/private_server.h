// The PostgreSQL the hub runs for itself when no database URL is configured: a cluster in DATA/postgres,
// reachable only through a unix socket in a directory of mode 0700, never by network. As root it runs as an
// unprivileged user (ccoc, else postgres, else nobody). A thread watches it and starts it again when it dies;
// it ends with the hub, even when the hub is killed.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>

#include "ccoc/base/result.h"

namespace ccoc::db {

struct PrivateServerOptions {
  /// The hub's DATA; the cluster is `postgres` and the log `postgres.log` beneath it.
  std::filesystem::path data_dir;
  int max_connections = 20;
};

class PrivateServer {
 public:
  /// Creates the cluster when missing (about half a second), starts the server and waits until it answers.
  /// `unavailable`: no PostgreSQL programs found, or it would not start (the message ends with its log's last
  /// lines); `conflict`: another hub uses this DATA; `unsupported`: the cluster belongs to another major version.
  static Result<std::unique_ptr<PrivateServer>> start(const PrivateServerOptions& options);
  static Result<std::unique_ptr<PrivateServer>> start(const std::filesystem::path& data_dir);
  /// stop().
  ~PrivateServer();
  PrivateServer(const PrivateServer&) = delete;
  PrivateServer& operator=(const PrivateServer&) = delete;

  /// For DatabaseOptions::url. The database `ccoc` exists.
  std::string url() const;
  /// The server's main process now; 0 while it is down. Its children are the rest of its cost.
  pid_t pid() const;
  /// How often it had to be started again.
  int restarts() const;
  /// Fast shutdown: within two seconds, then harder. Further calls do nothing.
  void stop();

 private:
  class Impl;
  explicit PrivateServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ccoc::db
