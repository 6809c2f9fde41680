// The files of the private server: which PostgreSQL programs to use, where the cluster and its socket lie, who owns
// them, and making the cluster when there is none.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "ccoc/base/result.h"
#include "child_process.h"

namespace ccoc::db {

struct Cluster {
  std::filesystem::path bin;        ///< holds postgres and initdb
  std::filesystem::path directory;  ///< as we see it
  bool handed_over = false;         ///< the server's user cannot reach `directory` by its name
  std::filesystem::path socket_dir;
  bool own_socket_dir = false;  ///< made for this run, removed at stop
  std::filesystem::path log;
  std::optional<RunAs> user;

  /// What the server and initdb call the directory.
  std::string argument() const;
  /// For ChildOptions::directory.
  std::filesystem::path handed() const { return handed_over ? directory : std::filesystem::path{}; }
};

/// Finds or makes everything; the server is not running afterwards.
Result<Cluster> prepare_cluster(const std::filesystem::path& data_dir);

/// Ends a server that a killed hub left behind in this cluster, and removes its lock files when it is gone. Only for
/// the one who holds the lock of the data directory.
Status end_leftover(const Cluster& cluster);

/// The last lines of the log, for an error message.
std::string tail_of(const std::filesystem::path& log);

}  // namespace ccoc::db
