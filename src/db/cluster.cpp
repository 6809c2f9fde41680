#include "cluster.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>
#include <vector>

namespace ccoc::db {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t longest_socket_path = 107;  // sizeof sockaddr_un::sun_path - 1
constexpr std::string_view socket_name = "/.s.PGSQL.5432";
constexpr auto log_limit = 10u << 20;

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

int number_in(std::string_view text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

struct Programs {
  int major;
  fs::path bin;
};

bool has_programs(const fs::path& bin) {
  return ::access((bin / "postgres").c_str(), X_OK) == 0 && ::access((bin / "initdb").c_str(), X_OK) == 0;
}

/// The major version that `postgres --version` tells, 0 when it tells none.
int version_of(const fs::path& bin, const fs::path& scratch) {
  std::error_code ignored;
  fs::remove(scratch, ignored);
  (void)run_child({.argv = {(bin / "postgres").string(), "--version"}, .user = {}, .output = scratch});
  const auto line = first_line(scratch);
  fs::remove(scratch, ignored);
  const auto digits = line.find_first_of("0123456789");
  return digits == std::string::npos ? 0 : number_in(std::string_view(line).substr(digits));
}

/// Newest first: those in Debian's place, then those found by PATH.
std::vector<Programs> installed_programs(const fs::path& scratch) {
  std::vector<Programs> out;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    if (has_programs(entry.path() / "bin")) {
      out.push_back({number_in(entry.path().filename().string()), entry.path() / "bin"});
    }
  }
  std::ranges::sort(out, std::greater{}, &Programs::major);
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (!folder.empty() && folder.front() == '/' && has_programs(folder)) {
      out.push_back({version_of(folder, scratch), folder});
    }
  }
  return out;
}

/// While this file exists, the cluster's making was interrupted and it holds nothing worth keeping.
fs::path unfinished_mark(const fs::path& cluster) { return cluster.parent_path() / "postgres.unfinished"; }

/// The programs that fit the cluster, or the newest when there is no cluster yet.
Result<fs::path> choose_programs(const fs::path& cluster) {
  const auto programs = installed_programs(cluster.parent_path() / "postgres.version");
  if (programs.empty()) {
    return fail(ErrorCode::unavailable,
                "no PostgreSQL programs were found (looked for initdb and postgres in /usr/lib/postgresql/*/bin and PATH). "
                "Install them (Debian: apt install postgresql), or configure database.url");
  }
  const auto version = fs::exists(unfinished_mark(cluster)) ? std::string() : first_line(cluster / "PG_VERSION");
  if (version.empty()) return programs.front().bin;
  for (const auto& one : programs) {
    if (one.major == number_in(version)) return one.bin;
  }
  return fail(ErrorCode::unsupported,
              "the database in " + cluster.string() + " belongs to PostgreSQL " + version + ", and only PostgreSQL " +
                  std::to_string(programs.front().major) + " is installed. Install postgresql-" + version +
                  ", or move the database over with pg_upgrade, or move the folder away and run 'ccoc archive reindex'");
}

/// Whom to run as: whoever owns the cluster already, when we are root.
Result<std::optional<RunAs>> server_user(const fs::path& cluster) {
  struct stat is{};
  if (::geteuid() == 0 && ::lstat(cluster.c_str(), &is) == 0 && S_ISDIR(is.st_mode) && is.st_uid != 0) {
    return RunAs{is.st_uid, is.st_gid, user_name(is.st_uid)};
  }
  return unprivileged_user();
}

Status make_directory(const fs::path& path, const std::optional<RunAs>& owner) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return std::unexpected(errno_error(errno, "making " + path.string()));
  }
  struct stat is{};
  if (::lstat(path.c_str(), &is) != 0 || !S_ISDIR(is.st_mode)) {
    return fail(ErrorCode::io, path.string() + " is not a directory");
  }
  if (owner && is.st_uid != owner->uid) {
    if (is.st_uid != 0) {
      return fail(ErrorCode::permission_denied, path.string() + " belongs to another user than " + owner->name);
    }
    if (::lchown(path.c_str(), owner->uid, owner->gid) != 0) {
      return std::unexpected(errno_error(errno, "giving " + path.string() + " to " + owner->name));
    }
  }
  if (!owner && is.st_uid != ::geteuid()) {
    return fail(ErrorCode::permission_denied,
                path.string() +
                    " belongs to another user. It was made by a hub that ran as root: start it as root again, or "
                    "give it to yourself with chown -R");
  }
  if (::chmod(path.c_str(), 0700) != 0) return std::unexpected(errno_error(errno, "closing " + path.string()));
  return {};
}

/// A directory of our own in /run or /tmp with a name that depends on the cluster only.
Result<fs::path> socket_directory(const fs::path& cluster, const std::optional<RunAs>& owner) {
  const auto mark = std::hash<std::string>{}(cluster.string()) % 0xffffffff;
  const std::string name = "ccoc-socket-" + std::to_string(mark);
  std::string problem;
  for (const char* base : {"/run", "/tmp"}) {
    const auto path = fs::path(base) / name;
    if (!owner && std::string_view(base) == "/run") continue;
    if (owner && !first_closed_directory(base, *owner).empty()) continue;
    const auto made = make_directory(path, owner);
    if (made) return path;
    problem = made.error().message;
  }
  return fail(ErrorCode::io, "no place for the database's socket: " + problem);
}

Status make_cluster(const Cluster& cluster) {
  const auto unfinished = unfinished_mark(cluster.directory);
  std::error_code error;
  if (fs::exists(unfinished)) {
    for (const auto& entry : fs::directory_iterator(cluster.directory, error)) fs::remove_all(entry.path(), error);
  }
  if (!first_line(cluster.directory / "PG_VERSION").empty()) return {};
  std::ofstream(unfinished) << "initdb has not come to its end\n";
  const auto status = run_child({.argv = {(cluster.bin / "initdb").string(), "-D", cluster.argument(), "-U", "ccoc", "--auth=trust",
                                          "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-instructions"},
                                 .user = cluster.user,
                                 .output = cluster.log,
                                 .directory = cluster.handed()});
  if (!status) return std::unexpected(status.error());
  if (*status != 0) {
    return fail(ErrorCode::unavailable, "PostgreSQL's initdb failed in " + cluster.directory.string() + ":\n" + tail_of(cluster.log));
  }
  fs::remove(unfinished, error);
  return {};
}

/// A lock file whose process number went to some other program would stop the server from starting.
void remove_if_misleading(const fs::path& lock_file, const fs::path& directory) {
  const pid_t pid = number_in(first_line(lock_file));
  if (pid <= 1 || works_in(pid, directory) || ::kill(pid, 0) != 0) return;
  std::error_code ignored;
  fs::remove(lock_file, ignored);
}

bool wait_until_gone(pid_t pid, const fs::path& directory, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (works_in(pid, directory)) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace

std::string Cluster::argument() const { return handed_over ? std::string(handed_directory) : directory.string(); }

std::string tail_of(const fs::path& log) {
  std::ifstream in(log, std::ios::ate);
  const auto size = static_cast<std::streamoff>(in.tellg());
  in.seekg(std::max<std::streamoff>(0, size - 600));
  std::string out((std::istreambuf_iterator<char>(in)), {});
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

Result<Cluster> prepare_cluster(const fs::path& data_dir) {
  Cluster cluster;
  std::error_code error;
  fs::create_directories(data_dir, error);
  const auto data = fs::canonical(data_dir, error);
  if (error) return std::unexpected(errno_error(error.value(), "making " + data_dir.string()));
  cluster.directory = data / "postgres";
  cluster.log = data / "postgres.log";
  if (fs::file_size(cluster.log, error) > log_limit && !error) {
    fs::rename(cluster.log, data / "postgres.log.1", error);
  }
  const auto user = server_user(cluster.directory);
  if (!user) return std::unexpected(user.error());
  cluster.user = *user;
  const auto bin = choose_programs(cluster.directory);
  if (!bin) return std::unexpected(bin.error());
  cluster.bin = *bin;
  if (const auto made = make_directory(cluster.directory, cluster.user); !made) return std::unexpected(made.error());
  cluster.handed_over = cluster.user && !first_closed_directory(cluster.directory, *cluster.user).empty();
  if (const auto made = make_cluster(cluster); !made) return std::unexpected(made.error());

  const bool short_enough = cluster.directory.string().size() + socket_name.size() <= longest_socket_path;
  if (short_enough && !cluster.handed_over) {
    cluster.socket_dir = cluster.directory;
  } else {
    const auto made = socket_directory(cluster.directory, cluster.user);
    if (!made) return std::unexpected(made.error());
    cluster.socket_dir = *made;
    cluster.own_socket_dir = true;
  }
  return cluster;
}

Status end_leftover(const Cluster& cluster) {
  const auto lock_file = cluster.directory / "postmaster.pid";
  const pid_t pid = number_in(first_line(lock_file));
  if (pid > 1 && works_in(pid, cluster.directory)) {
    using std::chrono::milliseconds;
    // It may be on its way out already; each signal is a harder one.
    bool gone = false;
    for (const auto& [signal, patience] :
         {std::pair(SIGINT, milliseconds(3000)), {SIGQUIT, milliseconds(2000)}, {SIGKILL, milliseconds(2000)}}) {
      ::kill(pid, signal);
      gone = wait_until_gone(pid, cluster.directory, patience);
      if (gone) break;
    }
    if (!gone) {
      return fail(ErrorCode::unavailable, "an earlier PostgreSQL (process " + std::to_string(pid) + ") still runs in " +
                                              cluster.directory.string() + " and does not end; end it, then start again");
    }
  }
  remove_if_misleading(lock_file, cluster.directory);
  remove_if_misleading(cluster.socket_dir / ".s.PGSQL.5432.lock", cluster.directory);
  return {};
}

}  // namespace ccoc::db
