#include "ccoc/simulator/fault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ccoc::simulator {
namespace {

using namespace std::chrono_literals;

TEST(Fault, is_read_as_documented) {
  const auto drop = parse_fault("cam03:drop@10s").value();
  EXPECT_EQ(drop.camera, 3u);
  EXPECT_EQ(drop.kind, FaultKind::drop);
  EXPECT_EQ(drop.at, 10s);
  EXPECT_EQ(drop.every, 0s);
  const auto stall = parse_fault("cam120:stall@1.5m+500ms,every=30s").value();
  EXPECT_EQ(stall.camera, 120u);
  EXPECT_EQ(stall.at, 90s);
  EXPECT_EQ(stall.length, 500ms);
  EXPECT_EQ(stall.every, 30s);
  EXPECT_EQ(parse_fault("cam01:reboot@0s+5s").value().kind, FaultKind::reboot);
  EXPECT_EQ(parse_fault("cam01:jump@10s=+7200s").value().amount, 2h);
  EXPECT_EQ(parse_fault("all:stray@10s=-1h").value().amount, -1h);
  EXPECT_EQ(parse_fault("all:drop@1h").value().camera, 0u);
}

TEST(Fault, that_lasts_is_read_with_its_length_and_value) {
  const auto loss = parse_fault("all:loss@10s+30s=5%").value();
  EXPECT_EQ(loss.kind, FaultKind::loss);
  EXPECT_EQ(loss.length, 30s);
  EXPECT_EQ(loss.value, 5);
  EXPECT_TRUE(is_condition(loss.kind));
  EXPECT_EQ(parse_fault("cam01:drift@0s=-500ppm").value().value, -500);
  EXPECT_EQ(parse_fault("cam01:channels@0s=6").value().value, 6);
  EXPECT_EQ(parse_fault("cam01:clock@1s+1m=+3h").value().amount, 3h);
  EXPECT_EQ(parse_fault("cam01:busy@1s").value().length, 0s);
  EXPECT_FALSE(is_condition(parse_fault("cam01:behave@1s").value().kind));
  for (const char* bad : {"cam01:loss@1s", "cam01:loss@1s=5", "cam01:loss@1s=0%", "cam01:loss@1s=101%", "cam01:drift@1s=5%",
                          "cam01:channels@0s=300", "cam01:busy@1s=5", "cam01:behave@1s+5s", "cam01:clock@1s=5%"}) {
    EXPECT_FALSE(parse_fault(bad)) << bad;
  }
}

TEST(Fault, that_cannot_be_read_is_refused_with_how_to_write_it) {
  // clang-format off
  for (const char* bad : {"", "cam03", "cam03:drop", "drop@10s", "cam00:drop@10s", "camx:drop@10s", "cam3x:drop@1s", "cam03:explode@10s",
                          "cam03:drop@ten", "cam03:drop@10", "cam03:drop@-1s", "cam03:stall@10s", "cam03:stall@10s+0s", "cam03:jump@10s",
                          "cam03:jump@10s=", "cam03:drop@10s+5s", "cam03:drop@10s,every=0s", "cam03:drop@10s,often=1s",
                          "cam03:drop@nans", "cam03:drop@1e300s", "cam03:drop@99999999999999999999h"}) {
    // clang-format on
    const auto fault = parse_fault(bad);
    ASSERT_FALSE(fault) << bad;
    EXPECT_EQ(fault.error().code, ErrorCode::invalid_argument) << bad;
    EXPECT_THAT(fault.error().message, ::testing::HasSubstr("cam03:drop@10s")) << bad;
  }
}

TEST(FaultPlan, yields_what_is_due_in_order_and_repeats_what_repeats) {
  FaultPlan plan;
  EXPECT_FALSE(plan.next());
  plan.add(parse_fault("cam02:drop@20s").value());
  plan.add(parse_fault("cam01:drop@10s,every=15s").value());
  EXPECT_EQ(plan.next(), 10s);
  EXPECT_TRUE(plan.take_due(9s).empty());
  const auto due = plan.take_due(21s);
  ASSERT_EQ(due.size(), 2u);
  EXPECT_EQ(due[0].camera, 1u);
  EXPECT_EQ(due[1].camera, 2u);
  EXPECT_EQ(plan.next(), 25s);
  EXPECT_EQ(plan.take_due(100s).size(), 1u) << "what was missed happens once";
  EXPECT_EQ(plan.next(), 115s);
}

}  // namespace
}  // namespace ccoc::simulator
