// The door: log-in, sessions, API keys, tokens, users and the audit trail, kept in PostgreSQL. Thread-safe;
// calls block on the database (and log-in on argon2id, about 30 ms, one at a time). A session or key seen
// lately stays good for ten minutes while the database is away, so that a running wall is not put out by it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ccoc/access/model.h"
#include "ccoc/base/clock.h"
#include "ccoc/db/database.h"

namespace ccoc::access {

struct AccessOptions {
  Duration session_idle = std::chrono::hours(12);
  Duration session_absolute = std::chrono::hours(24 * 7);
  Duration token_life = std::chrono::minutes(10);
  /// How long a session or key may be answered from memory before the database is asked again.
  Duration cache_life = std::chrono::seconds(5);
};

/// Who acts, for the audit trail.
struct Actor {
  std::string name = "system";
  std::string address{};
};

/// A refused log-in. `error.code`: `unauthenticated` (name or password; which of them is not said),
/// `limit_exceeded` with `retry_after`, `unavailable`.
struct LogInRefused {
  Error error{};
  std::chrono::seconds retry_after{0};
};

class Access {
 public:
  Access(db::Database& database, const Clock& clock, AccessOptions options = {});
  ~Access();
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;

  /// Makes the administrator `admin` when there is no user at all. `password` empty: a random one is made. Returns
  /// the password when it made the user and chose it (the caller keeps it in a file), else nullopt.
  Result<std::optional<std::string>> ensure_first_administrator(std::string_view password);

  /// A fresh session for the right name and password. After five failures of an account, or twenty of an address (a
  /// whole police station may share one), each further one is answered `limit_exceeded` until 1, 2, 4 … 30 s have passed. `old_cookie` is
  /// ended (rotation).
  std::expected<LogIn, LogInRefused> log_in(std::string_view username, std::string_view password, std::string_view address,
                                            std::string_view old_cookie = {});
  /// `unauthenticated` when unknown, idle for too long, too old, or the user was disabled.
  Result<Session> session(std::string_view cookie);
  Status log_out(std::string_view cookie, const Actor& actor);
  /// True when `presented` is the session's token; takes the same time either way.
  static bool csrf_matches(const Session& session, std::string_view presented);
  /// Changes one's own password; ends the user's other sessions.
  Status change_password(const Session& session, std::string_view current, std::string_view replacement, const Actor& actor);

  /// `ID.SECRET` of an Authorization header; also the two parts of RTSP Basic, joined by '.'.
  Result<Principal> key(std::string_view id_and_secret);
  /// `rights` are cut down to those of the user.
  Result<NewApiKey> create_key(const User& owner, std::string_view name, Rights rights, std::optional<UtcTime> expires_at,
                               const Actor& actor);
  Result<std::vector<ApiKey>> list_keys();
  Status remove_key(std::string_view id, const Actor& actor);

  /// Signed with a key made at start: a token does not outlive the hub's process. No database involved.
  std::string create_token(const StreamToken& token) const;
  /// `unauthenticated` when forged or expired.
  Result<Principal> token(std::string_view text) const;
  /// `now` plus the configured life.
  UtcTime token_expiry() const;

  /// Sorted by username.
  Result<std::vector<User>> list_users();
  Result<User> user(std::string_view id);
  Result<User> user_by_name(std::string_view username);
  /// `conflict` when the name is taken; `invalid_argument` with `field` for a bad name or password.
  Result<User> create_user(const NewUser& user, const Actor& actor);
  /// Disabling, a new role and a new password end the user's sessions. The last enabled administrator stays
  /// one (`conflict`).
  Result<User> update_user(std::string_view id, const UserPatch& patch, const Actor& actor);

  /// Appends a line to the audit trail. `details` is a JSON object or "".
  Status audit(const Actor& actor, std::string_view action, std::string_view object, std::string_view details = {});
  /// Newest first.
  Result<std::vector<AuditEntry>> audit_entries(const AuditFilter& filter);
  /// Recomputes the whole chain.
  Result<AuditCheck> check_audit();

  /// Called (on the thread that did it) with a session's id when it ends early: log-out, disabled, new role.
  void on_session_ended(std::function<void(const std::string& session_id)> listener);
  /// Removes sessions and keys long expired; call now and then.
  Status tidy();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ccoc::access
