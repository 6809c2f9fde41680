// One PostgreSQL connection over libpq, with its failures as values. Why not libpqxx: docs/decisions.
#pragma once

#include <memory>
#include <string>

#include "ccoc/base/result.h"
#include "ccoc/db/row.h"

struct pg_conn;

namespace ccoc::db {

/// Why a statement failed, beyond its Error.
struct SqlFailure {
  Error error{};
  bool connection_lost = false;
  bool worth_repeating = false;  ///< serialization failure or deadlock: the transaction may succeed next time
};

template <class T>
using SqlResult = std::expected<T, SqlFailure>;

/// Used by one thread at a time.
class PqConnection {
 public:
  /// `unavailable` when it does not stand within `limit`.
  static Result<std::unique_ptr<PqConnection>> open(const std::string& conninfo, Duration limit);
  ~PqConnection();
  PqConnection(const PqConnection&) = delete;
  PqConnection& operator=(const PqConnection&) = delete;

  SqlResult<Rows> query(const std::string& sql, const Params& params, RowFormat format = RowFormat::text);
  /// Several statements, no parameters.
  SqlResult<void> script(const std::string& sql);
  int socket() const;
  /// False when the server hung up while nobody used the connection.
  bool still_there() const;

 private:
  explicit PqConnection(pg_conn* connection) : connection_(connection) {}
  pg_conn* connection_;
};

}  // namespace ccoc::db
