// The schema's history: numbered plain SQL files of migrations/, built into the program. Each is
// applied once, in a transaction of its own, and remembered with its checksum in `schema_migrations`.
#pragma once

#include <span>
#include <string_view>

#include "ccoc/db/database.h"

namespace ccoc::db {

struct Migration {
  int version = 0;        ///< 1, 2, 3 … without holes
  std::string_view name;  ///< "0001_access"
  std::string_view sql;
};

struct MigrationReport {
  int version_before = 0;
  int version_after = 0;
};

/// The files of migrations/ this program was built with, in order.
std::span<const Migration> embedded_migrations();

/// Brings the schema to the newest of `migrations`; several programs may do so at once (advisory lock).
/// Refuses, changing nothing: a schema newer than the program (`unsupported`), a migration that was
/// edited after it had been applied (`conflict`).
Result<MigrationReport> migrate(Database& database, std::span<const Migration> migrations = embedded_migrations());

}  // namespace ccoc::db
