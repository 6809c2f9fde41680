#include "session_store.h"

#include <sstream>

#include "user_store.h"

namespace ccoc::access {
namespace {

constexpr std::string_view insert_sql =
    "insert into sessions (cookie_hash, user_id, csrf_token, address, created_at, last_seen_at)"
    " values ($1, $2::uuid, $3, $4, $5, $5) returning id";
const std::string find_sql = "select s.id, s.csrf_token, s.created_at, s.last_seen_at, " + std::string(user_columns) +
                             " from sessions s join users u on u.id = s.user_id where s.cookie_hash = $1";
constexpr std::string_view seen_sql = "update sessions set last_seen_at = $2 where cookie_hash = $1";
constexpr std::string_view remove_sql = "delete from sessions where cookie_hash = $1";
constexpr std::string_view remove_of_user_sql = "delete from sessions where user_id::text = $1 and id::text <> $2 returning id";
constexpr std::string_view remove_expired_sql = "delete from sessions where last_seen_at < $1 or created_at < $2";

constexpr std::string_view key_columns = "k.id, k.name, k.user_id as owner_id, k.rights, k.created_at, k.expires_at, k.last_used_at";
constexpr std::string_view insert_key_sql =
    "insert into api_keys (id, name, user_id, secret_hash, rights, created_at, expires_at)"
    " values ($1, $2, $3::uuid, $4, $5, $6, $7)";
const std::string find_key_sql = "select " + std::string(key_columns) + ", k.secret_hash, " + std::string(user_columns) +
                                 " from api_keys k join users u on u.id = k.user_id where k.id = $1";
const std::string list_keys_sql = "select " + std::string(key_columns) + " from api_keys k order by k.created_at, k.id";
constexpr std::string_view key_used_sql = "update api_keys set last_used_at = $2 where id = $1";
constexpr std::string_view remove_key_sql = "delete from api_keys where id = $1";

Status done(const Result<std::int64_t>& outcome) {
  if (!outcome) return std::unexpected(outcome.error());
  return {};
}

Rights parse_rights(const std::string& names) {
  Rights out;
  std::istringstream in(names);
  for (std::string name; in >> name;) {
    if (const auto right = parse_right(name)) out = out | Rights{*right};
  }
  return out;
}

ApiKey read_key(const db::Row& row) {
  ApiKey out;
  out.id = row.text("id");
  out.name = row.text("name");
  out.user_id = row.text("owner_id");
  out.rights = parse_rights(row.text("rights"));
  out.created_at = row.utc("created_at");
  out.expires_at = row.maybe_utc("expires_at");
  out.last_used_at = row.maybe_utc("last_used_at");
  return out;
}

/// A time of use that a crash forgets does no harm.
Status without_waiting(db::Database& database, std::string_view sql, const db::Params& params) {
  return database.transaction([&](db::Transaction& transaction) { return done(transaction.execute(sql, params)); },
                              {.durability = db::Durability::fast});
}

}  // namespace

Result<std::string> SessionStore::insert(const Hash& cookie, std::string_view user_id, std::string_view csrf_token,
                                         std::string_view address, UtcTime now) {
  const auto rows = database_.query(insert_sql, {ByteView(cookie), user_id, csrf_token, address, now});
  if (!rows) return std::unexpected(rows.error());
  return (*rows)[0].text(0);
}

Result<std::optional<StoredSession>> SessionStore::find(const Hash& cookie) {
  const auto rows = database_.query(find_sql, {ByteView(cookie)});
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  const auto& row = (*rows)[0];
  StoredSession out;
  out.session.id = row.text("id");
  out.session.user = read_user(row);
  out.session.rights = rights_of(out.session.user.role);
  out.session.csrf_token = row.text("csrf_token");
  out.session.created_at = row.utc("created_at");
  out.last_seen_at = row.utc("last_seen_at");
  return out;
}

Status SessionStore::seen(const Hash& cookie, UtcTime now) { return without_waiting(database_, seen_sql, {ByteView(cookie), now}); }

Status SessionStore::remove(const Hash& cookie) { return done(database_.execute(remove_sql, {ByteView(cookie)})); }

Result<std::vector<std::string>> SessionStore::remove_of_user(std::string_view user_id, std::string_view keep) {
  const auto rows = database_.query(remove_of_user_sql, {user_id, keep});
  if (!rows) return std::unexpected(rows.error());
  std::vector<std::string> out;
  for (const auto& row : *rows) out.push_back(row.text(0));
  return out;
}

Status SessionStore::remove_expired(UtcTime seen_before, UtcTime created_before) {
  return done(database_.execute(remove_expired_sql, {seen_before, created_before}));
}

Status SessionStore::insert_key(const ApiKey& key, const Hash& secret) {
  std::string rights;
  for (const auto& name : key.rights.names()) rights += (rights.empty() ? "" : " ") + name;
  return done(database_.execute(insert_key_sql, {key.id, key.name, key.user_id, ByteView(secret), rights, key.created_at, key.expires_at}));
}

Result<std::optional<StoredKey>> SessionStore::find_key(std::string_view id) {
  const auto rows = database_.query(find_key_sql, {id});
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  const auto& row = (*rows)[0];
  return StoredKey{read_key(row), read_user(row), row.bytes("secret_hash")};
}

Result<std::vector<ApiKey>> SessionStore::list_keys() {
  const auto rows = database_.query(list_keys_sql);
  if (!rows) return std::unexpected(rows.error());
  std::vector<ApiKey> out;
  for (const auto& row : *rows) out.push_back(read_key(row));
  return out;
}

Status SessionStore::key_used(std::string_view id, UtcTime now) { return without_waiting(database_, key_used_sql, {id, now}); }

Status SessionStore::remove_key(std::string_view id) {
  const auto removed = database_.execute(remove_key_sql, {id});
  if (!removed) return std::unexpected(removed.error());
  if (*removed == 0) return fail(ErrorCode::not_found, "there is no such key");
  return {};
}

}  // namespace ccoc::access
