// Log-in, sessions, keys, users and the audit trail on a real PostgreSQL.
#include "ccoc/access/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/manual_clock.h"
#include "support/postgres.h"

namespace ccoc::access {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view good = "a good password";

struct AccessTest : testing::Test {
  test::ManualClock clock;
  std::unique_ptr<db::Database> database = test::fresh_database();
  Access access{*database, clock};
  Actor actor{"test", "10.0.0.9"};

  User make(std::string username, Role role = Role::operator_) {
    auto user = access.create_user({.username = std::move(username), .name = "ทดสอบ", .role = role, .password = std::string(good)}, actor);
    EXPECT_TRUE(user) << (user ? "" : user.error().message);
    return user.value_or(User{});
  }
  LogIn log_in(std::string_view username) {
    auto done = access.log_in(username, good, "10.0.0.1");
    EXPECT_TRUE(done) << (done ? "" : done.error().error.message);
    return done.value_or(LogIn{});
  }
  ErrorCode session_error(std::string_view cookie) {
    const auto session = access.session(cookie);
    return session ? ErrorCode::internal : session.error().code;
  }
  std::string whole_database() {
    std::string out;
    for (const char* table : {"users", "sessions", "api_keys", "audit"}) {
      const auto rows = database->query(std::string("select t::text from ") + table + " t");
      for (const auto& row : *rows) out += row.text(0) + "\n";
    }
    return out;
  }
};

TEST_F(AccessTest, the_first_administrator_has_the_given_password_or_a_random_one) {
  const auto chosen = access.ensure_first_administrator("given by the installer");
  ASSERT_TRUE(chosen);
  EXPECT_EQ(*chosen, std::nullopt);
  const auto session = access.log_in("admin", "given by the installer", "10.0.0.1");
  ASSERT_TRUE(session);
  EXPECT_EQ(session->session.user.role, Role::administrator);
  EXPECT_FALSE(session->session.user.must_change_password);
  EXPECT_EQ(*access.ensure_first_administrator("again"), std::nullopt) << "only where there is nobody";

  const auto other_database = test::fresh_database();
  Access other(*other_database, clock);
  const auto random = other.ensure_first_administrator("");
  ASSERT_TRUE(random && *random);
  const auto other_session = other.log_in("ADMIN", **random, "10.0.0.1");
  ASSERT_TRUE(other_session);
  EXPECT_TRUE(other_session->session.user.must_change_password);
}

TEST_F(AccessTest, a_session_says_who_and_what_he_may) {
  make("somchai", Role::investigator);
  const auto login = log_in("Somchai");
  const auto session = access.session(login.cookie);
  ASSERT_TRUE(session) << session.error().message;
  EXPECT_EQ(session->user.username, "somchai");
  EXPECT_EQ(session->rights, rights_of(Role::investigator));
  EXPECT_EQ(session->id, login.session.id);
  EXPECT_TRUE(Access::csrf_matches(*session, login.session.csrf_token));
  EXPECT_FALSE(Access::csrf_matches(*session, ""));
  EXPECT_FALSE(Access::csrf_matches(*session, login.cookie));
}

TEST_F(AccessTest, wrong_names_and_wrong_passwords_are_refused_with_the_same_words) {
  make("somchai");
  const auto wrong_password = access.log_in("somchai", "another password", "10.0.0.1");
  const auto wrong_name = access.log_in("nobody-here", good, "10.0.0.1");
  const auto hostile_name = access.log_in("' or 1=1 --\n\xff", good, "10.0.0.1");
  ASSERT_FALSE(wrong_password);
  ASSERT_FALSE(wrong_name);
  ASSERT_FALSE(hostile_name);
  EXPECT_EQ(wrong_password.error().error.message, wrong_name.error().error.message);
  EXPECT_EQ(wrong_password.error().error.code, ErrorCode::unauthenticated);
  EXPECT_EQ(hostile_name.error().error.code, ErrorCode::unauthenticated);
}

TEST_F(AccessTest, guessing_is_slowed_and_waiting_helps) {
  make("somchai");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(access.log_in("somchai", "guess number " + std::to_string(i), "10.0.0.1").error().error.code, ErrorCode::unauthenticated);
  }
  const auto slowed = access.log_in("somchai", good, "10.0.0.1");
  ASSERT_FALSE(slowed);
  EXPECT_EQ(slowed.error().error.code, ErrorCode::limit_exceeded);
  EXPECT_EQ(slowed.error().retry_after, seconds(1));
  clock.advance(seconds(1));
  EXPECT_TRUE(access.log_in("somchai", good, "10.0.0.1"));
  EXPECT_TRUE(access.log_in("somchai", good, "10.0.0.1")) << "success forgets the account's failures";
}

TEST_F(AccessTest, logging_in_ends_the_session_of_the_cookie_that_came_along) {
  make("somchai");
  const auto old = log_in("somchai");
  const auto fresh = access.log_in("somchai", good, "10.0.0.1", old.cookie);
  ASSERT_TRUE(fresh);
  EXPECT_NE(fresh->cookie, old.cookie);
  EXPECT_EQ(session_error(old.cookie), ErrorCode::unauthenticated);
  EXPECT_TRUE(access.session(fresh->cookie));
}

TEST_F(AccessTest, a_session_ends_when_idle_and_at_its_age) {
  make("somchai");
  const auto idle = log_in("somchai");
  clock.advance(hours(12));
  EXPECT_EQ(session_error(idle.cookie), ErrorCode::unauthenticated);

  const auto busy = log_in("somchai");
  for (int passed = 0; passed < 7 * 24 - 6; passed += 6) {
    clock.advance(hours(6));
    ASSERT_TRUE(access.session(busy.cookie)) << passed;
  }
  clock.advance(hours(6));
  EXPECT_EQ(session_error(busy.cookie), ErrorCode::unauthenticated) << "seven days are the most";
}

TEST_F(AccessTest, logging_out_ends_the_session_at_once_and_says_so) {
  make("somchai");
  const auto login = log_in("somchai");
  ASSERT_TRUE(access.session(login.cookie));
  std::vector<std::string> ended;
  access.on_session_ended([&](const std::string& id) { ended.push_back(id); });
  ASSERT_TRUE(access.log_out(login.cookie, actor));
  EXPECT_EQ(session_error(login.cookie), ErrorCode::unauthenticated);
  EXPECT_THAT(ended, ElementsAre(login.session.id));
}

TEST_F(AccessTest, disabling_a_user_or_changing_his_role_ends_his_sessions_and_keys_follow) {
  const auto user = make("somchai", Role::operator_);
  make("boss", Role::administrator);
  const auto key = access.create_key(user, "wall", {Right::live_view, Right::playback_view}, std::nullopt, actor);
  ASSERT_TRUE(key) << key.error().message;
  const auto bearer = key->key.id + "." + key->secret;
  const auto login = log_in("somchai");
  ASSERT_TRUE(access.session(login.cookie));
  ASSERT_TRUE(access.key(bearer)->rights.has(Right::playback_view));

  ASSERT_TRUE(access.update_user(user.id, {.role = Role::viewer}, actor));
  EXPECT_EQ(session_error(login.cookie), ErrorCode::unauthenticated);
  EXPECT_FALSE(access.key(bearer)->rights.has(Right::playback_view)) << "a key has no right its owner lacks";

  const auto again = log_in("somchai");
  ASSERT_TRUE(access.update_user(user.id, {.disabled = true}, actor));
  EXPECT_EQ(session_error(again.cookie), ErrorCode::unauthenticated);
  EXPECT_FALSE(access.key(bearer));
  EXPECT_FALSE(access.log_in("somchai", good, "10.0.0.1"));
}

TEST_F(AccessTest, the_last_administrator_stays) {
  const auto boss = make("boss", Role::administrator);
  const auto refused = access.update_user(boss.id, {.disabled = true}, actor);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_EQ(access.update_user(boss.id, {.role = Role::viewer}, actor).error().field, "role");
  make("second", Role::administrator);
  EXPECT_TRUE(access.update_user(boss.id, {.disabled = true}, actor));
}

TEST_F(AccessTest, a_changed_password_ends_the_other_sessions_and_the_duty_to_change_it) {
  make("somchai");
  const auto here = log_in("somchai");
  const auto elsewhere = log_in("somchai");
  ASSERT_TRUE(here.session.user.must_change_password);
  const auto wrong = access.change_password(here.session, "not this one", "a better password", actor);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().field, "current");
  EXPECT_EQ(access.change_password(here.session, good, "short", actor).error().field, "new");
  ASSERT_TRUE(access.change_password(here.session, good, "a better password", actor));
  EXPECT_FALSE(access.session(here.cookie)->user.must_change_password);
  EXPECT_EQ(session_error(elsewhere.cookie), ErrorCode::unauthenticated);
  EXPECT_TRUE(access.log_in("somchai", "a better password", "10.0.0.1"));
}

TEST_F(AccessTest, users_have_proper_and_single_names) {
  make("somchai");
  const auto twice = access.create_user({.username = "SomChai", .name = "x", .password = std::string(good)}, actor);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, ErrorCode::conflict);
  EXPECT_EQ(twice.error().field, "username");
  for (const char* bad : {"", "a", "white space", "สมชาย", "semi;colon"}) {
    EXPECT_EQ(access.create_user({.username = bad, .name = "x", .password = std::string(good)}, actor).error().field, "username") << bad;
  }
  EXPECT_EQ(access.create_user({.username = "weak", .name = "x", .password = "short"}, actor).error().field, "password");
}

TEST_F(AccessTest, a_key_is_good_until_it_expires_or_is_removed) {
  const auto user = make("somchai");
  const auto key = access.create_key(user, "player", {Right::live_view}, clock.utc_now() + hours(1), actor);
  ASSERT_TRUE(key);
  const auto bearer = key->key.id + "." + key->secret;
  EXPECT_EQ(access.key(bearer)->name, "player");
  EXPECT_FALSE(access.key(key->key.id + "." + std::string(43, 'A')));
  EXPECT_FALSE(access.key("kxxxxxxxxxxxx." + key->secret));
  for (const char* junk : {"", ".", "k", "k.", "'.'"}) EXPECT_FALSE(access.key(junk)) << junk;
  clock.advance(hours(1));
  EXPECT_FALSE(access.key(bearer));

  const auto second = access.create_key(user, "player", {Right::live_view}, std::nullopt, actor);
  ASSERT_TRUE(access.key(second->key.id + "." + second->secret));
  ASSERT_TRUE(access.remove_key(second->key.id, actor));
  EXPECT_FALSE(access.key(second->key.id + "." + second->secret));
  EXPECT_EQ(access.remove_key(second->key.id, actor).error().code, ErrorCode::not_found);
}

TEST_F(AccessTest, nothing_secret_is_in_the_database) {
  const auto user = make("somchai");
  const auto login = log_in("somchai");
  const auto key = access.create_key(user, "player", {Right::live_view}, std::nullopt, actor);
  (void)access.log_in("somchai", "canary in a wrong password", "10.0.0.1");
  const auto everything = whole_database();
  EXPECT_THAT(everything, HasSubstr("somchai"));
  for (const std::string& secret : {std::string(good), login.cookie, key->secret, std::string("canary")}) {
    EXPECT_THAT(everything, Not(HasSubstr(secret)));
  }
}

TEST_F(AccessTest, the_audit_trail_tells_who_did_what_and_finds_a_changed_line) {
  make("somchai");
  log_in("somchai");
  (void)access.log_in("somchai", "wrong password", "10.0.0.7");
  ASSERT_TRUE(access.audit({"somchai", "10.0.0.1"}, "camera.changed", "cam01", R"({"fields":["zone"]})"));
  const auto all = access.audit_entries({});
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), 4u);
  EXPECT_EQ((*all)[0].object, "cam01");
  EXPECT_EQ((*all)[1].action, "session.refused");
  EXPECT_EQ((*all)[1].address, "10.0.0.7");
  EXPECT_EQ((*all)[3].action, "user.created");
  EXPECT_EQ(access.audit_entries({.actor = "test"})->size(), 1u);
  EXPECT_EQ(access.audit_entries({.before = 3, .limit = 1})->at(0).number, 2);

  EXPECT_EQ(access.check_audit()->lines, 4);
  EXPECT_EQ(access.check_audit()->broken_at, std::nullopt);
  EXPECT_FALSE(database->query("update audit set actor = 'someone else' where number = 2"));
  EXPECT_FALSE(database->query("delete from audit"));
  EXPECT_FALSE(database->query("truncate audit"));
  // Even for who owns the database and takes the guard away, the chain remembers.
  ASSERT_TRUE(database->query("alter table audit disable trigger all"));
  ASSERT_TRUE(database->query("update audit set actor = 'someone else' where number = 2"));
  EXPECT_EQ(access.check_audit()->broken_at, 2);
}

TEST_F(AccessTest, a_running_wall_stays_logged_in_while_the_database_is_away) {
  const test::TemporaryFolder folder;
  auto server = db::PrivateServer::start(folder.path());
  ASSERT_TRUE(server) << server.error().message;
  db::Database own(db::DatabaseOptions{.url = (*server)->url()});
  ASSERT_TRUE(db::migrate(own));
  Access here(own, clock);
  ASSERT_TRUE(here.ensure_first_administrator(good));
  const auto login = here.log_in("admin", good, "10.0.0.1");
  ASSERT_TRUE(login);
  ASSERT_TRUE(here.session(login->cookie));

  (*server)->stop();
  clock.advance(minutes(5));
  EXPECT_TRUE(here.session(login->cookie));
  EXPECT_EQ(here.log_in("admin", good, "10.0.0.1").error().error.code, ErrorCode::unavailable);
  clock.advance(minutes(6));
  EXPECT_EQ(here.session(login->cookie).error().code, ErrorCode::unavailable) << "but not for ever";
}

TEST_F(AccessTest, tidying_removes_expired_sessions_only) {
  make("somchai");
  log_in("somchai");
  clock.advance(hours(13));
  const auto live = log_in("somchai");
  ASSERT_TRUE(access.tidy());
  EXPECT_EQ((*database->query("select count(*) from sessions"))[0].i64(0), 1);
  EXPECT_TRUE(access.session(live.cookie));
}

}  // namespace
}  // namespace ccoc::access
