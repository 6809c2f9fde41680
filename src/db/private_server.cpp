#include "ccoc/db/private_server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <thread>

#include "ccoc/base/log.h"
#include "ccoc/db/database.h"
#include "cluster.h"

namespace ccoc::db {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

/// A crashed server replays its log before it answers.
constexpr auto ready_limit = 60s;

/// Little memory and few processes: it serves one hub.
std::vector<std::string> server_arguments(const Cluster& cluster, int max_connections) {
  std::vector<std::string> argv{(cluster.bin / "postgres").string(), "-D", cluster.argument()};
  for (const std::string& setting : {
           std::string("listen_addresses="),
           "unix_socket_directories=" + cluster.socket_dir.string(),
           std::string("unix_socket_permissions=0700"),
           "max_connections=" + std::to_string(max_connections),
           std::string("shared_buffers=32MB"),
           std::string("work_mem=4MB"),
           std::string("maintenance_work_mem=32MB"),
           std::string("effective_cache_size=256MB"),
           // What is asked is asked by key, and lies in the kernel's memory or on a disk without heads.
           std::string("random_page_cost=1.1"),
           std::string("huge_pages=off"),
           std::string("jit=off"),
           std::string("wal_level=minimal"),
           std::string("max_wal_senders=0"),
           std::string("max_wal_size=256MB"),
           std::string("min_wal_size=64MB"),
           std::string("wal_buffers=2MB"),
           std::string("max_worker_processes=2"),
           std::string("max_parallel_workers=0"),
           std::string("max_parallel_workers_per_gather=0"),
           std::string("max_logical_replication_workers=0"),
           std::string("autovacuum_max_workers=1"),
           std::string("timezone=UTC"),
           std::string("log_timezone=UTC"),
           std::string("log_destination=stderr"),
           std::string("logging_collector=off"),
           std::string("log_min_messages=warning"),
           std::string("log_min_error_statement=panic"),
           std::string("log_checkpoints=off"),
           std::string("log_line_prefix=%m [%p] "),
       }) {
    argv.push_back("-c");
    argv.push_back(setting);
  }
  return argv;
}

/// An exclusive lock for as long as the descriptor is open.
Result<int> lock_data(const std::filesystem::path& data_dir) {
  std::error_code error;
  std::filesystem::create_directories(data_dir, error);
  const auto path = data_dir / "postgres.lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return std::unexpected(errno_error(errno, "opening " + path.string()));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    return fail(ErrorCode::conflict,
                "another ccoc uses the data in " + data_dir.string() + "; stop it first, or give this one a folder of its own with --data");
  }
  return fd;
}

/// The server writes its state into line 8 of postmaster.pid.
bool says_ready(const Cluster& cluster, pid_t pid) {
  std::ifstream in(cluster.directory / "postmaster.pid");
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (number == 1 && line != std::to_string(pid)) return false;
    if (number == 8) return line.starts_with("ready");
  }
  return false;
}

}  // namespace

class PrivateServer::Impl {
 public:
  Impl(Cluster cluster, int max_connections, int lock) : cluster_(std::move(cluster)), max_connections_(max_connections), lock_(lock) {}

  ~Impl() {
    stop();
    ::close(lock_);
  }

  Status start() {
    if (const auto ended = end_leftover(cluster_); !ended) return ended;
    supervisor_ = std::jthread([this] { supervise(); });
    if (const auto ready = wait_until_ready(); !ready) return ready;
    return make_database();
  }

  std::string url(std::string_view database) const {
    // libpq's quoting: a path may hold blanks.
    std::string host;
    for (const char c : cluster_.socket_dir.string()) {
      if (c == '\'' || c == '\\') host += '\\';
      host += c;
    }
    return "host='" + host + "' port=5432 user=ccoc dbname=" + std::string(database);
  }

  pid_t pid() const {
    const std::lock_guard lock(mutex_);
    return pid_;
  }

  int restarts() const {
    const std::lock_guard lock(mutex_);
    return restarts_;
  }

  void stop() {
    std::unique_lock lock(mutex_);
    if (!supervisor_.joinable()) return;
    stopping_ = true;
    changed_.notify_all();
    for (const auto& [signal, patience] : {std::pair(SIGINT, 1500ms), {SIGQUIT, 500ms}, {SIGKILL, 5000ms}}) {
      if (pid_ == 0) break;
      ::kill(pid_, signal);
      if (changed_.wait_for(lock, patience, [&] { return pid_ == 0; })) break;
    }
    lock.unlock();
    supervisor_.join();
    if (cluster_.own_socket_dir) {
      std::error_code ignored;
      std::filesystem::remove_all(cluster_.socket_dir, ignored);
    }
  }

 private:
  /// The child's death signal is tied to the thread that started it: this one lives as long as the server.
  void supervise() {
    auto pause = 100ms;
    while (true) {
      const auto started_at = Steady::now();
      const auto started = start_child({.argv = server_arguments(cluster_, max_connections_),
                                        .user = cluster_.user,
                                        .output = cluster_.log,
                                        .signal_when_orphaned = SIGINT,
                                        .directory = cluster_.handed()});
      if (started) {
        wait_for_end(*started);
      } else {
        log::error("db", "PostgreSQL could not be started: {}", started.error().message);
      }
      std::unique_lock lock(mutex_);
      ++endings_;
      changed_.notify_all();
      if (stopping_) return;
      pause = Steady::now() - started_at > 10s ? 100ms : std::min<std::chrono::milliseconds>(pause * 2, 5000ms);
      if (changed_.wait_for(lock, pause, [&] { return stopping_; })) return;
      lock.unlock();
      if (const auto ended = end_leftover(cluster_); !ended) log::error("db", "{}", ended.error().message);
      lock.lock();
      ++restarts_;
      log::warn("db", "PostgreSQL ended by itself and is started again; its last words are in {}", cluster_.log.string());
    }
  }

  void wait_for_end(pid_t pid) {
    {
      const std::lock_guard lock(mutex_);
      pid_ = pid;
      changed_.notify_all();
      if (stopping_) ::kill(pid, SIGINT);
    }
    siginfo_t info{};
    // Waits without reaping, so that stop() never signals a number that belongs to someone else by then.
    while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
    }
    const std::lock_guard lock(mutex_);
    ::waitpid(pid, nullptr, 0);
    pid_ = 0;
  }

  Status wait_until_ready() {
    const auto deadline = Steady::now() + ready_limit;
    std::unique_lock lock(mutex_);
    while (Steady::now() < deadline) {
      if (pid_ != 0) {
        const pid_t pid = pid_;
        lock.unlock();
        const bool ready = says_ready(cluster_, pid);
        lock.lock();
        if (ready) return {};
      }
      // Remains of a killed server may hold its memory for a moment: a few attempts.
      if (endings_ >= 4) {
        return fail(ErrorCode::unavailable,
                    "PostgreSQL does not start. The end of " + cluster_.log.string() + ":\n" + tail_of(cluster_.log));
      }
      changed_.wait_for(lock, 10ms);
    }
    return fail(ErrorCode::timeout, "PostgreSQL did not become ready within a minute; see " + cluster_.log.string());
  }

  Status make_database() {
    Database server(DatabaseOptions{.url = url("postgres"), .max_connections = 1});
    const auto known = server.query("select 1 from pg_database where datname = 'ccoc'");
    if (!known) return std::unexpected(known.error());
    if (!known->empty()) return {};
    const auto made = server.query("create database ccoc");
    if (!made) return std::unexpected(made.error());
    return {};
  }

  const Cluster cluster_;
  const int max_connections_;
  const int lock_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  pid_t pid_ = 0;
  int restarts_ = 0;
  int endings_ = 0;
  bool stopping_ = false;
  std::jthread supervisor_;
};

PrivateServer::PrivateServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PrivateServer::~PrivateServer() = default;

Result<std::unique_ptr<PrivateServer>> PrivateServer::start(const PrivateServerOptions& options) {
  const auto lock = lock_data(options.data_dir);
  if (!lock) return std::unexpected(lock.error());
  auto cluster = prepare_cluster(options.data_dir);
  if (!cluster) {
    ::close(*lock);
    return std::unexpected(cluster.error());
  }
  auto impl = std::make_unique<Impl>(std::move(*cluster), options.max_connections, *lock);
  if (const auto started = impl->start(); !started) return std::unexpected(started.error());
  return std::unique_ptr<PrivateServer>(new PrivateServer(std::move(impl)));
}

Result<std::unique_ptr<PrivateServer>> PrivateServer::start(const std::filesystem::path& data_dir) {
  return start(PrivateServerOptions{.data_dir = data_dir});
}

std::string PrivateServer::url() const { return impl_->url("ccoc"); }
pid_t PrivateServer::pid() const { return impl_->pid(); }
int PrivateServer::restarts() const { return impl_->restarts(); }
void PrivateServer::stop() { impl_->stop(); }

}  // namespace ccoc::db
