#include "ccoc/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace ccoc::log {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

class Log : public testing::Test {
 protected:
  Log() {
    set_sink([this](Level, std::string_view line) { lines_.emplace_back(line); });
  }
  ~Log() override {
    set_sink(nullptr);
    set_level(Level::info);
  }
  std::vector<std::string> lines_;
};

MonoTime at(int seconds) { return MonoTime{std::chrono::seconds{seconds}}; }

TEST_F(Log, a_line_has_utc_time_level_module_and_text) {
  info("ingest", "{}: live after {} tries", "cam01", 3);
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_THAT(lines_[0], MatchesRegex("[0-9-]{10}T[0-9:]{8}\\.[0-9]{3}Z info +\\[ingest\\] cam01: live after 3 tries"));
}

TEST_F(Log, drops_what_is_below_the_level) {
  debug("x", "hidden");
  EXPECT_TRUE(lines_.empty());
  set_level(Level::debug);
  debug("x", "shown");
  EXPECT_EQ(lines_.size(), 1U);
}

TEST_F(Log, a_hostile_name_cannot_forge_a_line) {
  warn("access", "log-in failed for {}", "x\n2026-01-01 info [access] admin logged in\x1b[2J");
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0].find('\n'), std::string::npos);
  EXPECT_THAT(lines_[0], HasSubstr("\\x0a2026"));
  EXPECT_THAT(lines_[0], HasSubstr("\\x1b[2J"));
}

TEST_F(Log, braces_in_a_ready_message_are_text) {
  write(Level::info, "x", "{} {0} %s");
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("{} {0} %s")));
}

TEST_F(Log, lines_of_many_threads_stay_whole) {
  std::vector<std::jthread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([] {
      for (int n = 0; n < 250; ++n) info("thread", "abcdefghij");
    });
  }
  writers.clear();
  EXPECT_EQ(lines_.size(), 1000U);
  EXPECT_THAT(lines_, testing::Each(testing::EndsWith("[thread] abcdefghij")));
}

TEST(LogLevel, is_parsed_by_name) {
  EXPECT_EQ(parse_level("warn"), Level::warn);
  EXPECT_FALSE(parse_level("loud"));
}

TEST(Throttle, says_a_cause_once_then_counts_until_its_time_is_up) {
  Throttle throttle(std::chrono::seconds{60});
  EXPECT_EQ(throttle.admit("cam01: refused", at(0)), 0U);
  EXPECT_EQ(throttle.admit("cam01: refused", at(1)), std::nullopt);
  EXPECT_EQ(throttle.admit("cam01: refused", at(59)), std::nullopt);
  EXPECT_EQ(throttle.admit("cam02: refused", at(59)), 0U);
  EXPECT_EQ(throttle.admit("cam01: refused", at(60)), 2U);
}

TEST(Throttle, forgets_the_longest_silent_cause_first_and_stays_bounded) {
  Throttle throttle(std::chrono::hours{1});
  ASSERT_EQ(throttle.admit("old", at(0)), 0U);
  ASSERT_EQ(throttle.admit("kept", at(1)), 0U);
  for (int i = 0; i < 1023; ++i) ASSERT_EQ(throttle.admit(std::to_string(i), at(2)), 0U);
  EXPECT_EQ(throttle.admit("kept", at(3)), std::nullopt);
  EXPECT_EQ(throttle.admit("old", at(3)), 0U);
}

TEST_F(Log, a_throttled_warning_tells_how_often_it_was_swallowed) {
  Throttle throttle(std::chrono::seconds{10});
  for (const int second : {0, 1, 2, 10}) throttle.warn("archive", "disk", "the disk is slow", at(second));
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("the disk is slow"), HasSubstr("the disk is slow (and 2 more times)")));
}

}  // namespace
}  // namespace ccoc::log
