// Access: users, their passwords, and API keys.
#include "access_impl.h"
#include "ccoc/access/password.h"
#include "text.h"

namespace ccoc::access {
namespace {

constexpr std::size_t longest_name = 400;  // bytes; 100 characters of Thai are 300

Status check_name(std::string_view name) {
  if (name.empty() || name.size() > longest_name || tame(name, longest_name) != name) {
    return fail(ErrorCode::invalid_argument, "the name must have 1 to 100 characters, none of them a control character", "name");
  }
  return {};
}

std::string random_key_id() {
  static constexpr std::string_view alphabet = "abcdefghijkmnpqrstuvwxyz23456789";
  std::string out = "k";
  for (const std::uint8_t byte : random_bytes(12)) out += alphabet[byte % alphabet.size()];
  return out;
}

std::vector<std::string> changed_fields(const UserPatch& patch) {
  std::vector<std::string> out;
  if (patch.name) out.emplace_back("name");
  if (patch.role) out.emplace_back("role");
  if (patch.disabled) out.emplace_back("disabled");
  if (patch.password) out.emplace_back("password");
  return out;
}

}  // namespace

Result<std::optional<std::string>> Access::ensure_first_administrator(std::string_view password) {
  auto& in = *impl_;
  const auto users = in.users.list();
  if (!users) return std::unexpected(users.error());
  if (!users->empty()) return std::nullopt;
  NewUser admin{.username = "admin", .name = "Administrator", .role = Role::administrator, .password = std::string(password)};
  if (password.empty()) admin.password = random_password();
  // The password of an installation script is its author's choice; a weak one has to be changed soon.
  admin.must_change_password = password.empty() || !check_password(password, admin.username);
  const auto hash = hash_password(admin.password);
  if (!hash) return std::unexpected(hash.error());
  const auto made = in.users.insert_first(admin, *hash, in.clock.utc_now());
  if (!made) return std::unexpected(made.error());
  if (!*made) return std::nullopt;
  if (const auto noted = in.audit({}, "user.created", admin.username, {}); !noted) return std::unexpected(noted.error());
  return password.empty() ? std::optional(admin.password) : std::nullopt;
}

Status Access::change_password(const Session& session, std::string_view current, std::string_view replacement, const Actor& actor) {
  auto& in = *impl_;
  const auto& user = session.user;
  if (const auto wait = in.throttle.begin(user.username, actor.address, in.clock.now()); wait.count() > 0) {
    return fail(ErrorCode::limit_exceeded, "too many failed attempts; try again in " + std::to_string(wait.count()) + " s");
  }
  const auto hash = in.users.password_hash(user.id);
  if (!hash) return std::unexpected(hash.error());
  if (!verify_password(*hash, current)) return fail(ErrorCode::invalid_argument, "this is not your password", "current");
  in.throttle.succeeded(user.username, actor.address);
  if (const auto good = check_password(replacement, user.username); !good) {
    return fail(ErrorCode::invalid_argument, good.error().message, "new");
  }
  if (replacement == current) return fail(ErrorCode::invalid_argument, "the new password is the old one", "new");
  const auto new_hash = hash_password(replacement);
  if (!new_hash) return std::unexpected(new_hash.error());
  if (const auto set = in.users.set_password(user.id, *new_hash, in.clock.utc_now()); !set) return set;
  if (const auto ended = in.end_sessions(user.id, session.id); !ended) return ended;
  return in.audit(actor, "user.password_changed", user.username, {});
}

Result<std::vector<User>> Access::list_users() { return impl_->users.list(); }

Result<User> Access::user(std::string_view id) { return impl_->users.by_id(id); }

Result<User> Access::user_by_name(std::string_view username) {
  const std::string name = lower(username);
  auto found = impl_->users.by_name(name);
  if (!found) return std::unexpected(found.error());
  if (!*found) return fail(ErrorCode::not_found, "there is no user called " + tame(name, 40));
  return (*found)->user;
}

Result<User> Access::create_user(const NewUser& user, const Actor& actor) {
  auto& in = *impl_;
  NewUser made = user;
  made.username = lower(user.username);
  if (made.name.empty()) made.name = made.username;
  if (!is_username(made.username)) {
    return fail(ErrorCode::invalid_argument, "a user name has 2 to 40 of the characters a-z, 0-9, '.', '_' and '-'", "username");
  }
  if (const auto good = check_name(made.name); !good) return std::unexpected(good.error());
  if (const auto good = check_password(made.password, made.username); !good) return std::unexpected(good.error());
  const auto hash = hash_password(made.password);
  if (!hash) return std::unexpected(hash.error());
  auto inserted = in.users.insert(made, *hash, in.clock.utc_now());
  if (!inserted) return inserted;
  if (const auto noted = in.audit(actor, "user.created", made.username, {}); !noted) return std::unexpected(noted.error());
  return inserted;
}

Result<User> Access::update_user(std::string_view id, const UserPatch& patch, const Actor& actor) {
  auto& in = *impl_;
  if (patch.name) {
    if (const auto good = check_name(*patch.name); !good) return std::unexpected(good.error());
  }
  std::optional<std::string> hash;
  if (patch.password) {
    const auto before = in.users.by_id(id);
    if (!before) return before;
    if (const auto good = check_password(*patch.password, before->username); !good) return std::unexpected(good.error());
    auto made = hash_password(*patch.password);
    if (!made) return std::unexpected(made.error());
    hash = std::move(*made);
  }
  auto changed = in.users.update(id, patch, hash, in.clock.utc_now());
  if (!changed) return changed;
  if (patch.role || patch.disabled.value_or(false) || patch.password) {
    if (const auto ended = in.end_sessions(id, {}); !ended) return std::unexpected(ended.error());
  }
  if (const auto noted = in.audit_fields(actor, "user.changed", changed->username, changed_fields(patch)); !noted) {
    return std::unexpected(noted.error());
  }
  return changed;
}

Result<NewApiKey> Access::create_key(const User& owner, std::string_view name, Rights rights, std::optional<UtcTime> expires_at,
                                     const Actor& actor) {
  auto& in = *impl_;
  if (const auto good = check_name(name); !good) return std::unexpected(good.error());
  const UtcTime now = in.clock.utc_now();
  if (expires_at && *expires_at <= now) {
    return fail(ErrorCode::invalid_argument, "the key would have expired already", "expires_at");
  }
  NewApiKey out;
  out.secret = random_secret();
  out.key.id = random_key_id();
  out.key.name = name;
  out.key.user_id = owner.id;
  out.key.rights = rights & rights_of(owner.role);
  out.key.created_at = now;
  out.key.expires_at = expires_at;
  if (out.key.rights.empty()) {
    return fail(ErrorCode::invalid_argument, "a key needs at least one right that its owner has", "rights");
  }
  if (const auto stored = in.sessions.insert_key(out.key, sha256(out.secret)); !stored) return std::unexpected(stored.error());
  if (const auto noted = in.audit(actor, "key.created", out.key.id, {}); !noted) return std::unexpected(noted.error());
  return out;
}

Result<std::vector<ApiKey>> Access::list_keys() { return impl_->sessions.list_keys(); }

Status Access::remove_key(std::string_view id, const Actor& actor) {
  auto& in = *impl_;
  if (const auto removed = in.sessions.remove_key(id); !removed) return removed;
  in.known_keys.forget(sha256(id));
  return in.audit(actor, "key.removed", id, {});
}

}  // namespace ccoc::access
