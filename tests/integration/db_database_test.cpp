// The connection pool against a real PostgreSQL: values, errors, transactions, and a server that goes away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <thread>

#include "ccoc/db/database.h"
#include "support/postgres.h"

namespace ccoc::db {
namespace {

using std::chrono::seconds;
using Steady = std::chrono::steady_clock;

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = Steady::now() + seconds(20);
  while (Steady::now() < deadline) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return condition();
}

Database empty(std::size_t connections = 6) {
  return Database(DatabaseOptions{.url = test::empty_database_url(), .max_connections = connections});
}

class EveryKindOfValue : public testing::TestWithParam<RowFormat> {};
INSTANTIATE_TEST_SUITE_P(Database, EveryKindOfValue, testing::Values(RowFormat::text, RowFormat::binary));

TEST_P(EveryKindOfValue, comes_back_as_it_was) {
  auto database = empty();
  const auto instant = *parse_rfc3339("2026-11-24T05:23:57.123Z") + Duration(456);
  const Bytes bytes{0, 1, 127, 128, 255};
  const auto rows = database.query(
      "select $1::text as words, $2::bigint as number, $3::double precision as real, $4::boolean as truth,"
      " $5::timestamptz as instant, $6::bytea as bytes, $7::text as nothing, $8::timestamptz as long_ago, $9::integer as small,"
      " $10::smallint as smaller, $11::double precision as no_number, null::bigint as no_count",
      {"ช้างเผือก's \"gate\"", std::int64_t{-9'007'199'254'740'993}, 0.1, true, instant, bytes, nullptr, UtcTime{Duration(-1)},
       -2'147'483'648, 32767, std::nan("")},
      GetParam());
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 1u);
  const Row& row = (*rows)[0];
  EXPECT_EQ(row.text("words"), "ช้างเผือก's \"gate\"");
  EXPECT_EQ(row.i64("number"), -9'007'199'254'740'993);
  EXPECT_EQ(row.f64("real"), 0.1);
  EXPECT_TRUE(row.boolean("truth"));
  EXPECT_EQ(row.utc("instant"), instant);
  EXPECT_EQ(row.bytes("bytes"), bytes);
  EXPECT_TRUE(row.is_null("nothing"));
  EXPECT_EQ(row.maybe_text("nothing"), std::nullopt);
  EXPECT_EQ(row.utc("long_ago"), UtcTime{Duration(-1)});
  EXPECT_EQ(row.i64("small"), -2'147'483'648);
  EXPECT_EQ(row.i64("smaller"), 32767);
  EXPECT_TRUE(std::isnan(row.f64("no_number")));
  EXPECT_EQ(row.maybe_i64("no_count"), std::nullopt);
}

TEST(Database, brings_lists_of_numbers_in_binary) {
  auto database = empty();
  const auto rows = database.query("select '{}'::bigint[], '{7}'::bigint[], array[-1, 0, 9223372036854775807]::bigint[], null::bigint[]",
                                   {}, RowFormat::binary);
  ASSERT_TRUE(rows) << rows.error().message;
  const Row& row = (*rows)[0];
  EXPECT_EQ(row.i64s(0), (std::vector<std::int64_t>{}));
  EXPECT_EQ(row.i64s(1), (std::vector<std::int64_t>{7}));
  EXPECT_EQ(row.i64s(2), (std::vector<std::int64_t>{-1, 0, std::numeric_limits<std::int64_t>::max()}));
  EXPECT_EQ(row.i64s(3), (std::vector<std::int64_t>{}));
}

TEST(Database, keeps_an_answer_for_as_long_as_one_of_its_rows) {
  std::optional<Row> last;
  {
    auto database = empty();
    const auto rows =
        database.query("select n::text, decode(repeat(lpad(to_hex(n), 2, '0'), 1000), 'hex'), null::bytea from generate_series(1, 200) n",
                       {}, RowFormat::binary);
    ASSERT_TRUE(rows) << rows.error().message;
    last = (*rows)[199];
  }
  EXPECT_EQ(last->text(0), "200");
  EXPECT_TRUE(std::ranges::equal(last->byte_view(1), Bytes(1000, 200)));
  EXPECT_TRUE(last->byte_view(2).empty());
}

TEST(DatabaseDeathTest, aborts_where_a_binary_value_is_read_as_what_it_is_not) {
  auto database = empty();
  const auto rows =
      database.query("select 1.5::numeric, 7::integer, now(), array[null, null, null]::bigint[], 'x'::text", {}, RowFormat::binary);
  ASSERT_TRUE(rows) << rows.error().message;
  const Row& row = (*rows)[0];
  EXPECT_DEATH((void)row.f64(0), "not a number");
  EXPECT_DEATH((void)row.text(1), "not a text");
  EXPECT_DEATH((void)row.i64(2), "not a number");
  EXPECT_DEATH((void)row.i64s(3), "not a bigint\\[\\] without nulls");
  EXPECT_DEATH((void)row.bytes(4), "not a bytea");
  EXPECT_DEATH((void)row.byte_view(4), "not a bytea");
  EXPECT_DEATH((void)row.text(5), "no column has the number '5'");
  EXPECT_DEATH((void)row.boolean(4), "not a boolean");
  EXPECT_DEATH((void)row.utc(4), "not a timestamptz");
}

TEST(Database, keeps_parameters_out_of_the_statement) {
  auto database = empty();
  ASSERT_TRUE(database.query("create table names (name text)"));
  const std::string hostile = "'); drop table names; --";
  ASSERT_TRUE(database.query("insert into names values ($1)", {hostile}));
  const auto rows = database.query("select name from names");
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ((*rows)[0].text(0), hostile);
}

TEST(Database, says_which_constraint_was_broken) {
  auto database = empty();
  ASSERT_TRUE(database.query("create table t (a int constraint a_taken unique, b int not null, c int constraint c_small check (c < 5))"));
  ASSERT_TRUE(database.query("insert into t values (1, 1, 1)"));

  const auto twice = database.query("insert into t values (1, 1, 1)");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, ErrorCode::conflict);
  EXPECT_EQ(twice.error().field, "a_taken");

  const auto missing = database.query("insert into t values (2, null, 1)");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(missing.error().field, "b");

  const auto large = database.query("insert into t values (3, 1, 9)");
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().field, "c_small");
}

TEST(Database, refuses_text_that_postgresql_cannot_hold) {
  auto database = empty();
  const auto with_nul = database.query("select $1::text", {std::string("a\0b", 3)});
  ASSERT_FALSE(with_nul);
  EXPECT_EQ(with_nul.error().code, ErrorCode::invalid_argument);
  const auto not_utf8 = database.query("select $1::text", {"\xff\xfe"});
  ASSERT_FALSE(not_utf8);
  EXPECT_EQ(not_utf8.error().code, ErrorCode::invalid_argument);
}

TEST(Database, rolls_back_what_did_not_succeed) {
  auto database = empty();
  ASSERT_TRUE(database.query("create table t (a int)"));
  const auto refused = database.transaction([](Transaction& transaction) -> Status {
    if (const auto done = transaction.query("insert into t values (1)"); !done) return std::unexpected(done.error());
    return fail(ErrorCode::not_found, "on second thought");
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "on second thought");
  EXPECT_EQ((*database.query("select count(*) from t"))[0].i64(0), 0);
}

TEST(Database, does_not_commit_after_a_statement_failed_even_if_the_caller_overlooks_it) {
  auto database = empty();
  ASSERT_TRUE(database.query("create table t (a int primary key)"));
  const auto outcome = database.transaction([](Transaction& transaction) -> Status {
    (void)transaction.query("insert into t values (1)");
    (void)transaction.query("insert into t values (1)");
    return {};
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::conflict);
  EXPECT_EQ((*database.query("select count(*) from t"))[0].i64(0), 0);
}

TEST(Database, repeats_a_transaction_that_lost_a_race) {
  auto database = empty();
  ASSERT_TRUE(database.query("create table counter (n bigint)"));
  ASSERT_TRUE(database.query("insert into counter values (0)"));
  std::atomic<int> runs{0};
  const auto count_up = [&] {
    for (int i = 0; i < 10; ++i) {
      Status done;
      do {
        done = database.transaction(
            [&](Transaction& transaction) -> Status {
              ++runs;
              const auto n = transaction.query("select n from counter");
              if (!n) return std::unexpected(n.error());
              const auto set = transaction.execute("update counter set n = $1", {(*n)[0].i64(0) + 1});
              if (!set) return std::unexpected(set.error());
              return {};
            },
            {.serializable = true});
      } while (!done && done.error().code == ErrorCode::unavailable);
      EXPECT_TRUE(done) << done.error().message;
    }
  };
  {
    std::jthread one(count_up);
    std::jthread two(count_up);
  }
  EXPECT_EQ((*database.query("select n from counter"))[0].i64(0), 20);
  EXPECT_GE(runs.load(), 20);
}

TEST(Database, cancels_a_statement_that_takes_too_long) {
  Database database(DatabaseOptions{.url = test::empty_database_url(), .statement_timeout = std::chrono::milliseconds(100)});
  const auto slow = database.query("select pg_sleep(30)");
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code, ErrorCode::timeout);
  EXPECT_TRUE(database.ping()) << "the connection is still good";
  EXPECT_EQ(database.open_connections(), 1u);
}

TEST(Database, says_that_it_is_busy_instead_of_waiting_for_ever) {
  Database database(
      DatabaseOptions{.url = test::empty_database_url(), .max_connections = 1, .connect_timeout = std::chrono::milliseconds(50)});
  const auto outer = database.transaction([&](Transaction&) -> Status {
    const auto inner = database.ping();
    EXPECT_FALSE(inner);
    EXPECT_EQ(inner.error().code, ErrorCode::unavailable);
    return {};
  });
  EXPECT_TRUE(outer);
}

TEST(Database, fails_at_once_when_there_is_no_server) {
  const test::TemporaryFolder folder;
  Database database(DatabaseOptions{.url = "host=" + folder.path().string() + " user=ccoc dbname=ccoc"});
  const auto answer = database.ping();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
  EXPECT_THAT(answer.error().message, testing::HasSubstr("not available"));
}

TEST(Database, survives_a_restart_of_its_server) {
  const test::TemporaryFolder folder;
  auto server = PrivateServer::start(folder.path());
  ASSERT_TRUE(server) << server.error().message;
  Database database(DatabaseOptions{.url = (*server)->url()});
  ASSERT_TRUE(database.query("create table t (a int)"));
  ASSERT_TRUE(database.query("insert into t values (7)"));

  (*server)->stop();
  const auto away = database.query("select a from t");
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().code, ErrorCode::unavailable);

  server->reset();
  server = PrivateServer::start(folder.path());
  ASSERT_TRUE(server) << server.error().message;
  ASSERT_TRUE(eventually([&] { return database.ping().has_value(); }));
  EXPECT_EQ((*database.query("select a from t"))[0].i64(0), 7);
}

TEST(Database, repeats_a_transaction_whose_connection_was_cut_before_the_commit) {
  auto database = empty();
  ASSERT_TRUE(database.query("create table t (a int)"));
  int runs = 0;
  const auto done = database.transaction([&](Transaction& transaction) -> Status {
    if (++runs == 1) {
      const auto pid = transaction.query("select pg_backend_pid()");
      if (!pid) return std::unexpected(pid.error());
      (void)database.query("select pg_terminate_backend($1)", {(*pid)[0].i64(0)});
    }
    const auto inserted = transaction.query("insert into t values (1)");
    if (!inserted) return std::unexpected(inserted.error());
    return {};
  });
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_EQ(runs, 2);
  EXPECT_EQ((*database.query("select count(*) from t"))[0].i64(0), 1);
}

TEST(Database, hangs_up_on_a_server_that_stopped_answering) {
  const test::TemporaryFolder folder;
  auto server = PrivateServer::start(folder.path());
  ASSERT_TRUE(server) << server.error().message;
  Database database(DatabaseOptions{.url = (*server)->url(), .statement_timeout = std::chrono::milliseconds(100)});
  const auto pid = database.query("select pg_backend_pid()");
  ASSERT_TRUE(pid) << pid.error().message;
  const auto backend = static_cast<pid_t>((*pid)[0].i64(0));
  ASSERT_EQ(::kill(backend, SIGSTOP), 0);
  const auto answer = database.query("select 1");
  ::kill(backend, SIGCONT);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace ccoc::db
