// The values `access` deals in. None of them holds a password, a session id or a key's secret, except where
// the field says that it is shown once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ccoc/access/rights.h"
#include "ccoc/base/time.h"

namespace ccoc::access {

/// A person with an account.
struct User {
  std::string id{};        ///< UUID
  std::string username{};  ///< [a-z0-9._-]{2,40}, compared without case
  std::string name{};      ///< as shown; any script, at most 100 characters
  Role role = Role::viewer;
  bool disabled = false;
  bool must_change_password = false;
  UtcTime created_at{};
  UtcTime updated_at{};
  std::optional<UtcTime> last_login_at{};
};

struct NewUser {
  std::string username{};
  std::string name{};
  Role role = Role::viewer;
  std::string password{};
  bool must_change_password = true;
};

/// What is set is changed.
struct UserPatch {
  std::optional<std::string> name{};
  std::optional<Role> role{};
  std::optional<bool> disabled{};
  std::optional<std::string> password{};  ///< set by an administrator: the user must change it at the next log-in
};

/// Who makes a request, and what he may do.
struct Principal {
  enum class Kind { user, key, token };
  Kind kind = Kind::user;
  std::string id{};    ///< user's UUID, key id, or "" for a token
  std::string name{};  ///< username, key's name, or "token"
  Rights rights{};
  std::string session_id{};  ///< kind user: names the session (not the cookie), for log-out and CSRF
  /// kind token: what it is good for.
  std::string token_camera{};
  std::optional<UtcTime> token_from{};
  std::optional<UtcTime> token_to{};
};

/// A session found by its cookie.
struct Session {
  std::string id{};  ///< public handle; the cookie cannot be derived from it
  User user{};
  Rights rights{};
  std::string csrf_token{};
  UtcTime created_at{};
  UtcTime expires_at{};  ///< the earlier of idle and absolute limit
  Principal principal() const;
};

/// A successful log-in.
struct LogIn {
  Session session{};
  std::string cookie{};  ///< the secret, shown once: 43 characters of base64url
};

/// A key for programs and players: `Authorization: Bearer ID.SECRET`, or ID and SECRET as RTSP Basic.
struct ApiKey {
  std::string id{};  ///< "k" and 12 letters or digits
  std::string name{};
  std::string user_id{};  ///< who made it; disabled with him
  Rights rights{};
  UtcTime created_at{};
  std::optional<UtcTime> expires_at{};
  std::optional<UtcTime> last_used_at{};
};

struct NewApiKey {
  ApiKey key{};
  std::string secret{};  ///< shown once
};

/// A right to one camera's footage of a range, for players that can send neither cookie nor header.
struct StreamToken {
  std::string camera{};
  std::optional<UtcTime> from{};  ///< unset: live
  std::optional<UtcTime> to{};
  UtcTime expires_at{};
  Rights rights{};
  std::string issued_to{};  ///< user's or key's name, for the audit trail
};

/// One line of the audit trail.
struct AuditEntry {
  std::int64_t number = 0;
  UtcTime at{};
  std::string actor{};    ///< username, key id, "system", or the name somebody tried
  std::string action{};   ///< "session.created", "session.refused", "camera.changed", …
  std::string object{};   ///< what it was done to, or ""
  std::string address{};  ///< where from, or ""
  std::string details{};  ///< JSON object
  std::string hash{};     ///< SHA-256 over this line and the hash before it, hex
};

struct AuditFilter {
  std::optional<UtcTime> from{};
  std::optional<UtcTime> to{};
  std::string actor{};
  std::string action{};
  std::string object{};
  std::optional<std::int64_t> before{};  ///< cursor: numbers below this one
  int limit = 100;                       ///< 1…500
};

/// Result of recomputing the chain.
struct AuditCheck {
  std::int64_t lines = 0;
  std::optional<std::int64_t> broken_at{};  ///< number of the first line that does not fit
};

}  // namespace ccoc::access
