#include "user_store.h"

namespace ccoc::access {
namespace {

const std::string select_users = "select " + std::string(user_columns) + ", u.password_hash from users u ";
const std::string list_sql = select_users + "order by u.username";
const std::string by_id_sql = select_users + "where u.id::text = $1";
const std::string by_name_sql = select_users + "where u.username = $1";

constexpr std::string_view insert_sql =
    "insert into users (username, name, role, password_hash, must_change_password, created_at, updated_at)"
    " values ($1, $2, $3, $4, $5, $6, $6) returning id";
constexpr std::string_view insert_first_sql =
    "insert into users (username, name, role, password_hash, must_change_password, created_at, updated_at)"
    " select $1, $2, $3, $4, $5::boolean, $6::timestamptz, $6::timestamptz where not exists (select 1 from users)";
constexpr std::string_view update_sql =
    "update users set name = coalesce($2, name), role = coalesce($3, role), disabled = coalesce($4::boolean, disabled),"
    " password_hash = coalesce($5, password_hash), must_change_password = must_change_password or $5 is not null,"
    " updated_at = $6 where id::text = $1";
constexpr std::string_view set_password_sql =
    "update users set password_hash = $2, must_change_password = false, updated_at = $3 where id::text = $1";
constexpr std::string_view logged_in_sql = "update users set last_login_at = $2 where id::text = $1";
constexpr std::string_view lock_administrators_sql =
    "select id from users where role = 'administrator' and not disabled order by id for update";

std::unexpected<Error> no_such_user() { return fail(ErrorCode::not_found, "there is no such user"); }

}  // namespace

User read_user(const db::Row& row) {
  User out;
  out.id = row.text("user_id");
  out.username = row.text("username");
  out.name = row.text("user_name");
  out.role = parse_role(row.text("role")).value_or(Role::viewer);
  out.disabled = row.boolean("disabled");
  out.must_change_password = row.boolean("must_change_password");
  out.created_at = row.utc("user_created_at");
  out.updated_at = row.utc("user_updated_at");
  out.last_login_at = row.maybe_utc("last_login_at");
  return out;
}

Result<std::vector<User>> UserStore::list() {
  const auto rows = database_.query(list_sql);
  if (!rows) return std::unexpected(rows.error());
  std::vector<User> out;
  for (const auto& row : *rows) out.push_back(read_user(row));
  return out;
}

Result<User> UserStore::by_id(std::string_view id) {
  const auto rows = database_.query(by_id_sql, {id});
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return no_such_user();
  return read_user((*rows)[0]);
}

Result<std::optional<UserWithHash>> UserStore::by_name(std::string_view username) {
  const auto rows = database_.query(by_name_sql, {username});
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  return UserWithHash{read_user((*rows)[0]), (*rows)[0].text("password_hash")};
}

Result<std::string> UserStore::password_hash(std::string_view id) {
  const auto rows = database_.query(by_id_sql, {id});
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return no_such_user();
  return (*rows)[0].text("password_hash");
}

Result<User> UserStore::insert(const NewUser& user, std::string_view password_hash, UtcTime now) {
  const auto rows =
      database_.query(insert_sql, {user.username, user.name, to_string(user.role), password_hash, user.must_change_password, now});
  if (!rows) {
    if (rows.error().code == ErrorCode::conflict) {
      return fail(ErrorCode::conflict, "there is a user called " + user.username + " already", "username");
    }
    return std::unexpected(rows.error());
  }
  return by_id((*rows)[0].text(0));
}

Result<bool> UserStore::insert_first(const NewUser& user, std::string_view password_hash, UtcTime now) {
  const auto rows =
      database_.execute(insert_first_sql, {user.username, user.name, to_string(user.role), password_hash, user.must_change_password, now});
  if (!rows) return std::unexpected(rows.error());
  return *rows == 1;
}

Result<User> UserStore::update(std::string_view id, const UserPatch& patch, const std::optional<std::string>& password_hash, UtcTime now) {
  const auto role = patch.role ? std::optional<std::string>(to_string(*patch.role)) : std::nullopt;
  const auto done = database_.transaction([&](db::Transaction& transaction) -> Status {
    // Locked, so that two administrators cannot disable each other at the same moment.
    if (const auto locked = transaction.query(lock_administrators_sql); !locked) return std::unexpected(locked.error());
    const auto changed = transaction.execute(update_sql, {id, patch.name, role, patch.disabled, password_hash, now});
    if (!changed) return std::unexpected(changed.error());
    if (*changed == 0) return no_such_user();
    const auto left = transaction.query(lock_administrators_sql);
    if (!left) return std::unexpected(left.error());
    if (left->empty()) {
      return fail(ErrorCode::conflict, "this is the last administrator; make another one first",
                  patch.disabled.value_or(false) ? "disabled" : "role");
    }
    return {};
  });
  if (!done) return std::unexpected(done.error());
  return by_id(id);
}

Status UserStore::set_password(std::string_view id, std::string_view password_hash, UtcTime now) {
  const auto changed = database_.execute(set_password_sql, {id, password_hash, now});
  if (!changed) return std::unexpected(changed.error());
  if (*changed == 0) return no_such_user();
  return {};
}

Status UserStore::logged_in(std::string_view id, UtcTime now) {
  const auto changed = database_.execute(logged_in_sql, {id, now});
  if (!changed) return std::unexpected(changed.error());
  return {};
}

}  // namespace ccoc::access
