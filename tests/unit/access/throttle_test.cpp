#include "../../../src/access/throttle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/manual_clock.h"

namespace ccoc::access {
namespace {

using std::chrono::seconds;

struct ThrottleTest : testing::Test {
  Throttle throttle;
  test::ManualClock clock;
  seconds attempt(std::string_view account, std::string_view address = "10.0.0.1") { return throttle.begin(account, address, clock.now()); }
};

TEST_F(ThrottleTest, lets_five_attempts_pass_and_then_asks_for_more_and_more_patience) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(attempt("admin").count(), 0) << i;
  for (const int expected : {1, 2, 4, 8, 16, 30, 30, 30}) {
    const auto wait = attempt("admin");
    EXPECT_EQ(wait.count(), expected);
    clock.advance(wait);
    EXPECT_EQ(attempt("admin").count(), 0) << "who waits is let through";
  }
}

TEST_F(ThrottleTest, does_not_lengthen_the_wait_of_who_comes_too_early) {
  for (int i = 0; i < 5; ++i) attempt("admin");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(attempt("admin").count(), 1);
}

TEST_F(ThrottleTest, counts_an_address_that_tries_many_names) {
  for (int i = 0; i < 20; ++i) EXPECT_EQ(attempt("name" + std::to_string(i)).count(), 0);
  EXPECT_EQ(attempt("another").count(), 1);
  EXPECT_EQ(attempt("another", "10.0.0.2").count(), 0) << "from elsewhere the name is free";
}

TEST_F(ThrottleTest, counts_a_name_tried_from_many_addresses) {
  for (const char* address : {"1", "2", "3", "4", "5"}) EXPECT_EQ(attempt("admin", address).count(), 0);
  EXPECT_EQ(attempt("admin", "6").count(), 1);
}

TEST_F(ThrottleTest, forgets_an_accounts_failures_when_it_succeeds) {
  for (int i = 0; i < 4; ++i) attempt("admin");
  attempt("admin");
  throttle.succeeded("admin", "10.0.0.1");
  EXPECT_EQ(attempt("admin", "10.0.0.9").count(), 0);
  EXPECT_EQ(attempt("admin", "10.0.0.9").count(), 0);
}

TEST_F(ThrottleTest, does_not_let_a_good_account_wash_its_address_clean) {
  for (int i = 0; i < 19; ++i) attempt("name" + std::to_string(i));
  EXPECT_EQ(attempt("mine").count(), 0);
  throttle.succeeded("mine", "10.0.0.1");
  EXPECT_EQ(attempt("one more").count(), 0);
  EXPECT_EQ(attempt("and one more").count(), 1);
}

TEST_F(ThrottleTest, does_not_make_a_success_count_against_the_next_log_in_of_the_same_address) {
  for (int i = 0; i < 20; ++i) attempt("name" + std::to_string(i));
  clock.advance(seconds(30));
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(attempt("mine").count(), 0);
    throttle.succeeded("mine", "10.0.0.1");
  }
}

TEST_F(ThrottleTest, forgets_after_a_quarter_of_an_hour) {
  for (int i = 0; i < 5; ++i) attempt("admin");
  clock.advance(std::chrono::minutes(16));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(attempt("admin").count(), 0);
}

TEST_F(ThrottleTest, stays_small_under_a_flood_of_invented_names) {
  for (int i = 0; i < 5; ++i) attempt("admin", "10.0.0.1");
  for (int i = 0; i < 30'000; ++i) {
    clock.advance(Duration(1));
    attempt("name" + std::to_string(i), "address" + std::to_string(i));
  }
  EXPECT_EQ(attempt("someone", "elsewhere").count(), 0);
}

}  // namespace
}  // namespace ccoc::access
