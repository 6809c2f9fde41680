// Starting programs as another user, for the private PostgreSQL server: nothing but fork, system calls and exec.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ccoc/base/result.h"

namespace ccoc::db {

/// Whom to become; only root can.
struct RunAs {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name{};
};

/// The name of a user, or his number.
std::string user_name(uid_t uid);

/// The unprivileged user for PostgreSQL when we are root (ccoc, postgres or nobody), else nullopt.
Result<std::optional<RunAs>> unprivileged_user();

/// A link of the kernel's to an open descriptor: following it asks for no right on the directories above.
inline constexpr std::string_view handed_directory = "/proc/self/fd/3";

struct ChildOptions {
  std::vector<std::string> argv{};
  std::optional<RunAs> user{};
  std::filesystem::path output{};  ///< stdout and stderr are appended here
  /// Delivered to the child when the thread that started it ends (PR_SET_PDEATHSIG); 0 for none.
  int signal_when_orphaned = 0;
  /// A directory that the program finds at `handed_directory`, also where its user may not go the way that leads there.
  std::filesystem::path directory{};
};

/// Starts the program in a session of its own, with stdin from /dev/null and no other open file but `directory`.
Result<pid_t> start_child(const ChildOptions& options);

/// Starts it and waits; its exit status, 128 + signal when killed.
Result<int> run_child(const ChildOptions& options);

/// The first of the directories leading to `path` (itself included) that `user` may not enter; empty when all are open.
std::filesystem::path first_closed_directory(const std::filesystem::path& path, const RunAs& user);

/// Whether `/proc/PID/cwd` is `directory`: a postgres's working directory is its cluster.
bool works_in(pid_t pid, const std::filesystem::path& directory);

}  // namespace ccoc::db
