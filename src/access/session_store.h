// The sessions' and API keys' rows. Cookies and secrets come and go as hashes only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ccoc/access/model.h"
#include "ccoc/db/database.h"
#include "crypto.h"

namespace ccoc::access {

struct StoredSession {
  Session session;  ///< without `expires_at`
  UtcTime last_seen_at;
};

struct StoredKey {
  ApiKey key;
  User owner;
  Bytes secret_hash;
};

class SessionStore {
 public:
  explicit SessionStore(db::Database& database) : database_(database) {}

  /// The session's public id.
  Result<std::string> insert(const Hash& cookie, std::string_view user_id, std::string_view csrf_token, std::string_view address,
                             UtcTime now);
  Result<std::optional<StoredSession>> find(const Hash& cookie);
  /// Worth no wait for the disk.
  Status seen(const Hash& cookie, UtcTime now);
  Status remove(const Hash& cookie);
  /// All of a user, but not `keep`; their public ids.
  Result<std::vector<std::string>> remove_of_user(std::string_view user_id, std::string_view keep);
  Status remove_expired(UtcTime seen_before, UtcTime created_before);

  Status insert_key(const ApiKey& key, const Hash& secret);
  Result<std::optional<StoredKey>> find_key(std::string_view id);
  Result<std::vector<ApiKey>> list_keys();
  Status key_used(std::string_view id, UtcTime now);
  Status remove_key(std::string_view id);

 private:
  db::Database& database_;
};

}  // namespace ccoc::access
