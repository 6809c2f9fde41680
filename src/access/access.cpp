#include "ccoc/access/access.h"

#include <algorithm>
#include <boost/json.hpp>

#include "access_impl.h"
#include "ccoc/access/password.h"
#include "text.h"
#include "token.h"

namespace ccoc::access {
namespace {

constexpr std::size_t secret_length = 43;       // 32 bytes in base64url
constexpr std::size_t longest_password = 1024;  // bytes; more is not even hashed
constexpr auto note_use_every = std::chrono::minutes(1);

Hash random_hash() {
  Hash out;
  std::ranges::copy(random_bytes(out.size()), out.begin());
  return out;
}

std::unexpected<Error> not_logged_in() { return fail(ErrorCode::unauthenticated, "log in first"); }

/// The database cannot say: what was known before may stand in.
bool database_is_away(const Error& error) { return error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout; }

std::unexpected<LogInRefused> refused(Error error, std::chrono::seconds retry_after = {}) {
  return std::unexpected(LogInRefused{std::move(error), retry_after});
}

}  // namespace

Principal Session::principal() const {
  return {.kind = Principal::Kind::user,
          .id = user.id,
          .name = user.username,
          .rights = rights,
          .session_id = id,
          .token_camera = {},
          .token_from = {},
          .token_to = {}};
}

Access::Impl::Impl(db::Database& database, const Clock& clock_in, AccessOptions options_in)
    : clock(clock_in),
      options(options_in),
      users(database),
      sessions(database),
      trail(database),
      known_sessions(options_in.cache_life),
      known_keys(options_in.cache_life),
      token_key(random_hash()) {}

Status Access::Impl::audit(const Actor& actor, std::string_view action, std::string_view object, std::string_view details) {
  AuditEntry entry;
  entry.at = clock.utc_now();
  entry.actor = tame(actor.name, 100);
  entry.action = tame(action, 100);
  entry.object = tame(object, 200);
  entry.address = tame(actor.address, 100);
  entry.details = details.empty() ? "{}" : tame(details, 10'000);
  return trail.append(std::move(entry));
}

Status Access::Impl::audit_fields(const Actor& actor, std::string_view action, std::string_view object,
                                  const std::vector<std::string>& fields) {
  boost::json::array names;
  for (const auto& field : fields) names.emplace_back(field);
  return audit(actor, action, object, boost::json::serialize(boost::json::object{{"fields", std::move(names)}}));
}

Status Access::Impl::end_sessions(std::string_view user_id, std::string_view keep) {
  const auto ended = sessions.remove_of_user(user_id, keep);
  if (!ended) return std::unexpected(ended.error());
  known_sessions.forget_if([&](const StoredSession& one) { return one.session.user.id == user_id; });
  known_keys.forget_if([&](const StoredKey& one) { return one.owner.id == user_id; });
  for (const auto& id : *ended) tell_ended(id);
  return {};
}

void Access::Impl::tell_ended(const std::string& session_id) {
  std::function<void(const std::string&)> call;
  {
    const std::lock_guard lock(listener_mutex);
    call = listener;
  }
  if (call) call(session_id);
}

Access::Access(db::Database& database, const Clock& clock, AccessOptions options)
    : impl_(std::make_unique<Impl>(database, clock, options)) {}
Access::~Access() = default;

std::expected<LogIn, LogInRefused> Access::log_in(std::string_view username, std::string_view password, std::string_view address,
                                                  std::string_view old_cookie) {
  auto& in = *impl_;
  const std::string name = lower(username);
  const Actor actor{tame(username, 100), std::string(address)};
  if (const auto wait = in.throttle.begin(name, address, in.clock.now()); wait.count() > 0) {
    return refused({ErrorCode::limit_exceeded, "too many failed attempts; try again in " + std::to_string(wait.count()) + " s", {}}, wait);
  }
  std::optional<UserWithHash> found;
  if (is_username(name)) {
    auto looked_up = in.users.by_name(name);
    if (!looked_up) {
      in.throttle.succeeded(name, address);  // nothing was guessed
      return refused(looked_up.error());
    }
    found = std::move(*looked_up);
  }
  // An unknown name costs what a known one does.
  const bool right = password.size() > longest_password ? verify_nobody({})
                     : found                            ? verify_password(found->password_hash, password)
                                                        : verify_nobody(password);
  if (!right || found->user.disabled) {
    if (const auto noted = in.audit(actor, "session.refused", name, {}); !noted) return refused(noted.error());
    return refused({ErrorCode::unauthenticated, "the user name or the password is wrong", {}});
  }
  in.throttle.succeeded(name, address);

  const UtcTime now = in.clock.utc_now();
  LogIn out;
  out.cookie = random_secret();
  auto& session = out.session;
  session.user = std::move(found->user);
  session.rights = rights_of(session.user.role);
  session.csrf_token = random_secret();
  session.created_at = now;
  session.expires_at = now + std::min(in.options.session_idle, in.options.session_absolute);
  if (const auto noted = in.audit({session.user.username, std::string(address)}, "session.created", session.user.username, {}); !noted) {
    return refused(noted.error());
  }
  const auto id = in.sessions.insert(sha256(out.cookie), session.user.id, session.csrf_token, tame(address, 100), now);
  if (!id) return refused(id.error());
  session.id = *id;
  session.user.last_login_at = now;
  (void)in.users.logged_in(session.user.id, now);
  if (old_cookie.size() == secret_length) {
    in.known_sessions.forget(sha256(old_cookie));
    (void)in.sessions.remove(sha256(old_cookie));
  }
  return out;
}

Result<Session> Access::session(std::string_view cookie) {
  auto& in = *impl_;
  if (cookie.size() != secret_length) return not_logged_in();
  const Hash hash = sha256(cookie);
  const MonoTime mono = in.clock.now();
  auto known = in.known_sessions.fresh(hash, mono);
  if (!known) {
    auto found = in.sessions.find(hash);
    if (!found) {
      known = in.known_sessions.stale(hash, mono);
      if (!database_is_away(found.error()) || !known) return std::unexpected(found.error());
    } else if (!*found) {
      in.known_sessions.forget(hash);
      return not_logged_in();
    } else {
      known = std::move(**found);
      in.known_sessions.put(hash, *known, mono);
    }
  }
  const UtcTime now = in.clock.utc_now();
  auto& session = known->session;
  const UtcTime last = session.created_at + in.options.session_absolute;
  if (session.user.disabled) return not_logged_in();
  if (now >= last || now >= known->last_seen_at + in.options.session_idle) {
    in.known_sessions.forget(hash);
    (void)in.sessions.remove(hash);
    return fail(ErrorCode::unauthenticated, "the session has expired; log in again");
  }
  if (now - known->last_seen_at > note_use_every) {
    known->last_seen_at = now;
    if (in.sessions.seen(hash, now)) in.known_sessions.put(hash, *known, mono);
  }
  session.expires_at = std::min(now + in.options.session_idle, last);
  return std::move(session);
}

Status Access::log_out(std::string_view cookie, const Actor& actor) {
  auto& in = *impl_;
  const auto ended = session(cookie);
  if (!ended) return std::unexpected(ended.error());
  const Hash hash = sha256(cookie);
  if (const auto removed = in.sessions.remove(hash); !removed) return removed;
  in.known_sessions.forget(hash);
  in.tell_ended(ended->id);
  return in.audit(actor, "session.ended", ended->user.username, {});
}

bool Access::csrf_matches(const Session& session, std::string_view presented) {
  return same(as_bytes(session.csrf_token), as_bytes(presented));
}

Result<Principal> Access::key(std::string_view id_and_secret) {
  auto& in = *impl_;
  const auto refuse = [] { return fail(ErrorCode::unauthenticated, "this key is not known here, or no longer valid"); };
  const auto dot = id_and_secret.find('.');
  if (dot == std::string_view::npos || id_and_secret.size() > 100) return refuse();
  const auto id = id_and_secret.substr(0, dot);
  if (id.empty() || id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") != std::string_view::npos) return refuse();
  const Hash presented = sha256(id_and_secret.substr(dot + 1));
  const Hash slot = sha256(id);
  const MonoTime mono = in.clock.now();
  auto known = in.known_keys.fresh(slot, mono);
  if (!known) {
    auto found = in.sessions.find_key(id);
    if (!found) {
      known = in.known_keys.stale(slot, mono);
      if (!database_is_away(found.error()) || !known) return std::unexpected(found.error());
    } else if (!*found) {
      in.known_keys.forget(slot);
      return refuse();
    } else {
      known = std::move(**found);
      in.known_keys.put(slot, *known, mono);
    }
  }
  const UtcTime now = in.clock.utc_now();
  const bool expired = known->key.expires_at && now >= *known->key.expires_at;
  if (!same(known->secret_hash, presented) || expired || known->owner.disabled) return refuse();
  if (!known->key.last_used_at || now - *known->key.last_used_at > note_use_every) {
    known->key.last_used_at = now;
    if (in.sessions.key_used(id, now)) in.known_keys.put(slot, *known, mono);
  }
  Principal out;
  out.kind = Principal::Kind::key;
  out.id = known->key.id;
  out.name = known->key.name;
  out.rights = known->key.rights & rights_of(known->owner.role);
  return out;
}

std::string Access::create_token(const StreamToken& token) const { return write_token(token, impl_->token_key); }

Result<Principal> Access::token(std::string_view text) const {
  const auto token = read_token(text, impl_->token_key, impl_->clock.utc_now());
  if (!token) return std::unexpected(token.error());
  Principal out;
  out.kind = Principal::Kind::token;
  out.name = token->issued_to;
  out.rights = token->rights;
  out.token_camera = token->camera;
  out.token_from = token->from;
  out.token_to = token->to;
  return out;
}

UtcTime Access::token_expiry() const { return impl_->clock.utc_now() + impl_->options.token_life; }

Status Access::audit(const Actor& actor, std::string_view action, std::string_view object, std::string_view details) {
  return impl_->audit(actor, action, object, details);
}

Result<std::vector<AuditEntry>> Access::audit_entries(const AuditFilter& filter) { return impl_->trail.list(filter); }

Result<AuditCheck> Access::check_audit() { return impl_->trail.check(); }

void Access::on_session_ended(std::function<void(const std::string&)> listener) {
  const std::lock_guard lock(impl_->listener_mutex);
  impl_->listener = std::move(listener);
}

Status Access::tidy() {
  const UtcTime now = impl_->clock.utc_now();
  return impl_->sessions.remove_expired(now - impl_->options.session_idle, now - impl_->options.session_absolute);
}

}  // namespace ccoc::access
