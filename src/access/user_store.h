// The users' rows.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ccoc/access/model.h"
#include "ccoc/db/database.h"

namespace ccoc::access {

/// The columns of a user in the order `read_user` expects them; `u` is the table.
inline constexpr std::string_view user_columns =
    "u.id as user_id, u.username, u.name as user_name, u.role, u.disabled, u.must_change_password,"
    " u.created_at as user_created_at, u.updated_at as user_updated_at, u.last_login_at";

User read_user(const db::Row& row);

struct UserWithHash {
  User user;
  std::string password_hash;
};

class UserStore {
 public:
  explicit UserStore(db::Database& database) : database_(database) {}

  Result<std::vector<User>> list();
  Result<User> by_id(std::string_view id);
  Result<std::optional<UserWithHash>> by_name(std::string_view username);
  Result<std::string> password_hash(std::string_view id);
  Result<User> insert(const NewUser& user, std::string_view password_hash, UtcTime now);
  /// Inserts only when there is no user at all; false when there was one.
  Result<bool> insert_first(const NewUser& user, std::string_view password_hash, UtcTime now);
  /// `conflict` when it would leave no enabled administrator.
  Result<User> update(std::string_view id, const UserPatch& patch, const std::optional<std::string>& password_hash, UtcTime now);
  Status set_password(std::string_view id, std::string_view password_hash, UtcTime now);
  Status logged_in(std::string_view id, UtcTime now);

 private:
  db::Database& database_;
};

}  // namespace ccoc::access
