#include "ccoc/db/migrations.h"

namespace ccoc::db {
namespace {

/// Any number, the same in every version of the program: "ccoc" in ASCII.
constexpr std::int64_t advisory_lock = 0x63636f63;
constexpr TransactionOptions patient{.statement_timeout = std::chrono::minutes(10)};

constexpr std::string_view create_history_sql =
    "create table if not exists schema_migrations ("
    " version integer primary key, name text not null, checksum text not null,"
    " applied_at timestamptz not null default now())";

constexpr std::string_view read_history_sql = "select version, name, checksum from schema_migrations order by version";

constexpr std::string_view remember_sql =
    "insert into schema_migrations (version, name, checksum)"
    " values ($1, $2, encode(sha256(convert_to($3, 'UTF8')), 'hex'))";

constexpr std::string_view same_text_sql = "select encode(sha256(convert_to($1, 'UTF8')), 'hex') = $2";

/// Newest version applied, after checking that history and program agree.
Result<int> check_history(Transaction& transaction, std::span<const Migration> migrations) {
  const auto history = transaction.query(read_history_sql);
  if (!history) return std::unexpected(history.error());
  int newest = 0;
  for (const auto& row : *history) {
    newest = static_cast<int>(row.i64("version"));
    if (newest < 1 || static_cast<std::size_t>(newest) > migrations.size()) {
      return fail(ErrorCode::unsupported, "the database has migration " + row.text("name") + ", and this program knows only " +
                                              std::to_string(migrations.size()) +
                                              " migrations: it is older than the database. Start the newer ccoc, or use another database");
    }
    const auto& known = migrations[static_cast<std::size_t>(newest) - 1];
    const auto same = transaction.query(same_text_sql, {known.sql, row.text("checksum")});
    if (!same) return std::unexpected(same.error());
    if (!(*same)[0].boolean(0)) {
      return fail(ErrorCode::conflict, "migration " + row.text("name") + " was applied with another text than " + std::string(known.name) +
                                           " has in this program; applied migrations must not be edited");
    }
  }
  return newest;
}

Status apply(Transaction& transaction, const Migration& migration) {
  if (const auto done = transaction.script(migration.sql); !done) {
    return std::unexpected(done.error().within("migration " + std::string(migration.name)));
  }
  const auto remembered = transaction.execute(remember_sql, {migration.version, migration.name, migration.sql});
  if (!remembered) return std::unexpected(remembered.error());
  return {};
}

}  // namespace

Result<MigrationReport> migrate(Database& database, std::span<const Migration> migrations) {
  MigrationReport report;
  bool first = true;
  for (bool more = true; more;) {
    const auto step = database.transaction(
        [&](Transaction& transaction) -> Status {
          if (const auto locked = transaction.query("select pg_advisory_xact_lock($1)", {advisory_lock}); !locked) {
            return std::unexpected(locked.error());
          }
          if (const auto made = transaction.script(create_history_sql); !made) return made;
          const auto newest = check_history(transaction, migrations);
          if (!newest) return std::unexpected(newest.error());
          if (first) report.version_before = *newest;
          report.version_after = *newest;
          more = static_cast<std::size_t>(*newest) < migrations.size();
          if (!more) return {};
          const auto& next = migrations[static_cast<std::size_t>(*newest)];
          if (const auto applied = apply(transaction, next); !applied) return applied;
          report.version_after = next.version;
          return {};
        },
        patient);
    if (!step) return std::unexpected(step.error());
    first = false;
  }
  return report;
}

}  // namespace ccoc::db
