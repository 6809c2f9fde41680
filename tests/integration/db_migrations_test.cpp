#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

#include "ccoc/db/migrations.h"
#include "support/postgres.h"

namespace ccoc::db {
namespace {

constexpr std::array first_two{
    Migration{1, "0001_one", "create table one (a int); insert into one values (1);"},
    Migration{2, "0002_two", "create table two (a int); update one set a = a + 1;"},
};

std::int64_t number(Database& database, std::string_view sql) {
  const auto rows = database.query(sql);
  EXPECT_TRUE(rows) << (rows ? "" : rows.error().message);
  return rows && !rows->empty() ? (*rows)[0].i64(0) : -1;
}

TEST(Migrations, are_applied_once_and_in_order) {
  Database database(DatabaseOptions{.url = test::empty_database_url()});
  const auto first = migrate(database, std::span(first_two).first(1));
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->version_before, 0);
  EXPECT_EQ(first->version_after, 1);

  const auto second = migrate(database, first_two);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->version_before, 1);
  EXPECT_EQ(second->version_after, 2);

  const auto third = migrate(database, first_two);
  ASSERT_TRUE(third) << third.error().message;
  EXPECT_EQ(third->version_before, 2);
  EXPECT_EQ(number(database, "select a from one"), 2);
}

TEST(Migrations, of_a_newer_program_are_refused_and_nothing_is_changed) {
  Database database(DatabaseOptions{.url = test::empty_database_url()});
  ASSERT_TRUE(migrate(database, first_two));
  const auto refused = migrate(database, std::span(first_two).first(1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("0002_two"));
  EXPECT_THAT(refused.error().message, testing::HasSubstr("Start the newer ccoc"));
  EXPECT_EQ(number(database, "select max(version) from schema_migrations"), 2);
}

TEST(Migrations, that_were_edited_afterwards_are_refused) {
  Database database(DatabaseOptions{.url = test::empty_database_url()});
  ASSERT_TRUE(migrate(database, first_two));
  auto edited = first_two;
  edited[1].sql = "create table two (b int)";
  const auto refused = migrate(database, edited);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
}

TEST(Migrations, that_fail_leave_no_trace) {
  Database database(DatabaseOptions{.url = test::empty_database_url()});
  const std::array broken{first_two[0], Migration{2, "0002_broken", "create table two (a int); insert into nowhere values (1);"}};
  const auto refused = migrate(database, broken);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("0002_broken"));
  EXPECT_EQ(number(database, "select max(version) from schema_migrations"), 1);
  EXPECT_EQ(number(database, "select count(*) from pg_tables where tablename = 'two'"), 0);
}

TEST(Migrations, of_several_programs_at_once_are_applied_once) {
  const auto url = test::empty_database_url();
  std::vector<std::jthread> programs;
  std::array<bool, 4> good{};
  for (std::size_t i = 0; i < good.size(); ++i) {
    programs.emplace_back([&, i] {
      Database database(DatabaseOptions{.url = url});
      good[i] = migrate(database, first_two).has_value();
    });
  }
  programs.clear();
  EXPECT_THAT(good, testing::Each(true));
  Database database(DatabaseOptions{.url = url});
  EXPECT_EQ(number(database, "select a from one"), 2);
}

TEST(Migrations, of_this_program_build_the_whole_schema) {
  const auto database = test::fresh_database();
  EXPECT_EQ(number(*database, "select max(version) from schema_migrations"), static_cast<std::int64_t>(embedded_migrations().size()));
  EXPECT_EQ(number(*database, "select count(*) from cameras"), 0);
}

}  // namespace
}  // namespace ccoc::db
