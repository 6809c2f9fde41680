// The inside of Access, shared by its .cpp files: log-in and credentials in access.cpp, people and keys in people.cpp.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "audit_store.h"
#include "ccoc/access/access.h"
#include "credential_cache.h"
#include "session_store.h"
#include "throttle.h"
#include "user_store.h"

namespace ccoc::access {

class Access::Impl {
 public:
  Impl(db::Database& database, const Clock& clock_in, AccessOptions options_in);

  Status audit(const Actor& actor, std::string_view action, std::string_view object, std::string_view details);
  /// `{"fields":["role"]}` and the like.
  Status audit_fields(const Actor& actor, std::string_view action, std::string_view object, const std::vector<std::string>& fields);
  /// Ends a user's sessions but `keep`, here and in the database.
  Status end_sessions(std::string_view user_id, std::string_view keep);
  void tell_ended(const std::string& session_id);

  const Clock& clock;
  const AccessOptions options;
  UserStore users;
  SessionStore sessions;
  AuditStore trail;
  Throttle throttle;
  CredentialCache<StoredSession> known_sessions;
  CredentialCache<StoredKey> known_keys;
  const Hash token_key;

  std::mutex listener_mutex;
  std::function<void(const std::string&)> listener;
};

}  // namespace ccoc::access
