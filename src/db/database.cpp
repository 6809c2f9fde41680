#include "ccoc/db/database.h"

#include <sys/socket.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

#include "pq.h"

namespace ccoc::db {
namespace {

using Steady = std::chrono::steady_clock;

constexpr int attempts = 5;
/// After a failed connect the next callers are told at once, instead of each waiting for the same refusal.
constexpr auto refusal_memory = std::chrono::milliseconds(200);
constexpr auto watchdog_grace = std::chrono::seconds(1);

std::int64_t milliseconds(Duration d) { return std::chrono::duration_cast<std::chrono::milliseconds>(d).count(); }

/// The URL with limits on how long a dead peer may stay unnoticed, where it does not set its own.
std::string bounded_conninfo(const std::string& url) {
  const bool uri = url.starts_with("postgres://") || url.starts_with("postgresql://");
  std::string out = url;
  const auto add = [&](std::string_view key, std::int64_t value) {
    if (url.find(key) != std::string::npos) return;
    out += uri ? (out.find('?') == std::string::npos ? "?" : "&") : " ";
    out += std::string(key) + "=" + std::to_string(value);
  };
  add("keepalives_idle", 5);
  add("keepalives_interval", 2);
  add("keepalives_count", 3);
  add("tcp_user_timeout", 10000);
  if (url.find("application_name") == std::string::npos) {
    out += uri ? "&application_name=ccoc" : " application_name=ccoc";
  }
  return out;
}

}  // namespace

class Database::Impl {
 public:
  explicit Impl(DatabaseOptions options)
      : options_(std::move(options)), conninfo_(bounded_conninfo(options_.url)), watchdog_([this](std::stop_token stop) { watch(stop); }) {}

  ~Impl() {
    watchdog_.request_stop();
    watchdog_.join();
  }

  /// One connection taken out of the pool; goes back when it is destroyed, unless lost.
  struct Lease {
    Impl* pool = nullptr;
    std::unique_ptr<PqConnection> connection;
    std::size_t watched = 0;
    bool lost = false;

    Lease(Impl& from, std::unique_ptr<PqConnection> got, Steady::time_point deadline)
        : pool(&from), connection(std::move(got)), watched(from.start_watching(*connection, deadline)) {}
    Lease(Lease&& other) noexcept
        : pool(std::exchange(other.pool, nullptr)), connection(std::move(other.connection)), watched(other.watched), lost(other.lost) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (pool) pool->give_back(std::move(connection), watched, lost);
    }
  };

  Result<Lease> take(Duration statement_timeout) {
    const auto now = Steady::now();
    const auto deadline = now + options_.connect_timeout;
    std::unique_lock lock(mutex_);
    while (idle_.empty() && open_ >= options_.max_connections) {
      if (freed_.wait_until(lock, deadline) == std::cv_status::timeout && idle_.empty() && open_ >= options_.max_connections) {
        return fail(ErrorCode::unavailable,
                    "all " + std::to_string(options_.max_connections) + " database connections are busy; try again in a moment");
      }
    }
    const auto limit = [&] { return Steady::now() + statement_timeout + watchdog_grace; };
    while (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      if (connection->still_there()) {
        lock.unlock();
        return Lease(*this, std::move(connection), limit());
      }
      --open_;
    }
    if (refused_until_ > now) return std::unexpected(refusal_);
    ++open_;
    lock.unlock();
    auto opened = connect();
    if (!opened) {
      lock.lock();
      --open_;
      refused_until_ = Steady::now() + refusal_memory;
      refusal_ = opened.error();
      freed_.notify_one();
      return std::unexpected(opened.error());
    }
    return Lease(*this, std::move(*opened), limit());
  }

  const DatabaseOptions& options() const { return options_; }

  std::size_t open_connections() const {
    const std::lock_guard lock(mutex_);
    return open_;
  }

 private:
  Result<std::unique_ptr<PqConnection>> connect() {
    auto opened = PqConnection::open(conninfo_, options_.connect_timeout);
    if (!opened) return std::unexpected(opened.error());
    const auto watched = start_watching(**opened, Steady::now() + options_.connect_timeout);
    const auto set = (*opened)->script(
        "set timezone = 'UTC'; set datestyle = 'ISO'; set client_min_messages = error; set bytea_output = hex;"
        "set standard_conforming_strings = on; set client_encoding = 'UTF8'; set statement_timeout = " +
        std::to_string(milliseconds(options_.statement_timeout)) + "; set idle_in_transaction_session_timeout = 60000");
    stop_watching(watched);
    if (!set) return std::unexpected(set.error().error);
    return std::move(*opened);
  }

  void give_back(std::unique_ptr<PqConnection> connection, std::size_t watched, bool lost) {
    stop_watching(watched);
    if (lost) connection.reset();
    const std::lock_guard lock(mutex_);
    if (connection) {
      idle_.push_back(std::move(connection));
    } else {
      --open_;
    }
    freed_.notify_one();
  }

  std::size_t start_watching(const PqConnection& connection, Steady::time_point deadline) {
    const std::lock_guard lock(watch_mutex_);
    const std::size_t number = ++last_watched_;
    watched_.push_back({number, connection.socket(), deadline});
    watch_changed_.notify_one();
    return number;
  }

  void stop_watching(std::size_t number) {
    const std::lock_guard lock(watch_mutex_);
    std::erase_if(watched_, [&](const Watched& one) { return one.number == number; });
  }

  // A server that is stopped, or hangs in its disk, cannot cancel its own statement: hang up on it.
  void watch(const std::stop_token& stop) {
    std::unique_lock lock(watch_mutex_);
    while (!stop.stop_requested()) {
      auto next = Steady::now() + std::chrono::hours(1);
      for (auto& one : watched_) {
        if (one.deadline <= Steady::now()) {
          ::shutdown(one.socket, SHUT_RDWR);
          one.deadline = Steady::time_point::max();
        }
        next = std::min(next, one.deadline);
      }
      watch_changed_.wait_until(lock, stop, next, [&] {
        for (const auto& one : watched_) {
          if (one.deadline < next) return true;
        }
        return false;
      });
    }
  }

  struct Watched {
    std::size_t number;
    int socket;
    Steady::time_point deadline;
  };

  const DatabaseOptions options_;
  const std::string conninfo_;

  mutable std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<PqConnection>> idle_;
  std::size_t open_ = 0;
  Steady::time_point refused_until_{};
  Error refusal_;

  std::mutex watch_mutex_;
  std::condition_variable_any watch_changed_;
  std::vector<Watched> watched_;
  std::size_t last_watched_ = 0;
  std::jthread watchdog_;
};

namespace {

class PqTransaction final : public Transaction {
 public:
  explicit PqTransaction(PqConnection& connection) : connection_(connection) {}

  Result<Rows> query(std::string_view sql, const Params& params) override {
    if (failure_) return std::unexpected(failure_->error);
    auto rows = connection_.query(std::string(sql), params);
    if (rows) return std::move(*rows);
    failure_ = rows.error();
    return std::unexpected(failure_->error);
  }

  Status script(std::string_view sql) override {
    if (failure_) return std::unexpected(failure_->error);
    const auto done = connection_.script(std::string(sql));
    if (done) return {};
    failure_ = done.error();
    return std::unexpected(failure_->error);
  }

  const std::optional<SqlFailure>& failure() const { return failure_; }

 private:
  PqConnection& connection_;
  std::optional<SqlFailure> failure_;
};

std::string begin_statement(const TransactionOptions& options) {
  std::string sql = options.serializable ? "begin isolation level serializable" : "begin";
  if (options.durability == Durability::fast) sql += "; set local synchronous_commit = off";
  if (options.statement_timeout.count() > 0) {
    sql += "; set local statement_timeout = " + std::to_string(milliseconds(options.statement_timeout));
  }
  return sql;
}

}  // namespace

Result<std::int64_t> Transaction::execute(std::string_view sql, const Params& params) {
  const auto rows = query(sql, params);
  if (!rows) return std::unexpected(rows.error());
  return rows->affected;
}

Database::Database(DatabaseOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Database::~Database() = default;

Result<Rows> Database::query(std::string_view sql, const Params& params, RowFormat format) {
  auto lease = impl_->take(impl_->options().statement_timeout);
  if (!lease) return std::unexpected(lease.error());
  auto rows = lease->connection->query(std::string(sql), params, format);
  if (rows) return std::move(*rows);
  lease->lost = rows.error().connection_lost;
  return std::unexpected(rows.error().error);
}

Result<std::int64_t> Database::execute(std::string_view sql, const Params& params) {
  const auto rows = query(sql, params);
  if (!rows) return std::unexpected(rows.error());
  return rows->affected;
}

Status Database::transaction(const std::function<Status(Transaction&)>& work, TransactionOptions options) {
  const Duration timeout = options.statement_timeout.count() > 0 ? options.statement_timeout : impl_->options().statement_timeout;
  SqlFailure last;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    // The whole transaction has a statement's time several times over; each statement is bounded by the server.
    auto lease = impl_->take(timeout * 3);
    if (!lease) return std::unexpected(lease.error());
    auto& connection = *lease->connection;
    const auto begun = connection.script(begin_statement(options));
    if (!begun) {
      lease->lost = true;
      last = begun.error();
      if (last.connection_lost) continue;
      return std::unexpected(last.error);
    }
    PqTransaction transaction(connection);
    const Status outcome = work(transaction);
    if (transaction.failure()) {
      last = *transaction.failure();
    } else if (outcome) {
      const auto committed = connection.script("commit");
      if (committed) return {};
      last = committed.error();
      lease->lost = true;
      // Nobody knows whether a commit took place whose answer was lost: not repeated.
      if (!last.worth_repeating) return std::unexpected(last.error);
      continue;
    }
    if (last.connection_lost) {
      lease->lost = true;
    } else if (!connection.script("rollback")) {
      lease->lost = true;
    }
    if (!transaction.failure()) return outcome;
    if (last.connection_lost || last.worth_repeating) continue;
    return outcome ? Status(std::unexpected(last.error)) : outcome;
  }
  return std::unexpected(last.error);
}

Status Database::ping() {
  const auto rows = query("select 1");
  if (!rows) return std::unexpected(rows.error());
  return {};
}

std::size_t Database::open_connections() const { return impl_->open_connections(); }

}  // namespace ccoc::db
