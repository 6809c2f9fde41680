// PostgreSQL, reached through a small pool of connections. Statements are plain SQL with $1, $2 …
// and bound values. Every call blocks its thread, is bounded in time, and may be made from any thread.
//
// Error codes: `unavailable` (server away, restarting or full; nothing is known to be done),
// `timeout` (statement took too long), `conflict` (unique or exclusion constraint; `field` is the
// constraint's name), `invalid_argument` (check, foreign key, not-null or malformed value; `field` is
// the constraint or column), `no_space`, `internal` (anything else, with the SQLSTATE).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "ccoc/base/result.h"
#include "ccoc/db/row.h"

namespace ccoc::db {

struct DatabaseOptions {
  /// `postgresql://user@host/name` or libpq's `host=… dbname=…`.
  std::string url{};
  std::size_t max_connections = 6;
  /// How long a call waits for a free connection, and for the server to take a new one.
  Duration connect_timeout = std::chrono::seconds(2);
  /// A statement that runs longer is cancelled by the server; a server that answers nothing for a
  /// second more is hung up on.
  Duration statement_timeout = std::chrono::seconds(15);
};

/// What must hold when a transaction's commit returns.
enum class Durability {
  durable,  ///< on the platter
  fast,     ///< a crash may forget the last moments' commits, never part of one (synchronous_commit off)
};

struct TransactionOptions {
  Durability durability = Durability::durable;
  bool serializable = false;
  /// Zero: the pool's statement_timeout. Longer for migrations and rebuilding an index.
  Duration statement_timeout{0};
};

/// An open transaction; valid inside the function that `Database::transaction` calls. After a failed
/// statement every further one fails.
class Transaction {
 public:
  virtual ~Transaction() = default;
  virtual Result<Rows> query(std::string_view sql, const Params& params = {}) = 0;
  /// Rows touched.
  Result<std::int64_t> execute(std::string_view sql, const Params& params = {});
  /// Several statements separated by ';', without parameters or answer.
  virtual Status script(std::string_view sql) = 0;
};

class Database {
 public:
  /// Connects when first asked, so that a hub may start while its database is away.
  explicit Database(DatabaseOptions options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// One statement, committed by itself.
  Result<Rows> query(std::string_view sql, const Params& params = {}, RowFormat format = RowFormat::text);
  /// The same, for its number of touched rows.
  Result<std::int64_t> execute(std::string_view sql, const Params& params = {});

  /// Runs `work` in a transaction: committed when it returns success, else rolled back and its error
  /// returned. `work` may run up to five times (serialization failure, deadlock, connection lost before the
  /// commit), so it must have no other effect than through its Transaction.
  Status transaction(const std::function<Status(Transaction&)>& work, TransactionOptions options = {});

  /// Success when the server answers.
  Status ping();

  /// Connections open now, in use or idle.
  std::size_t open_connections() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ccoc::db
