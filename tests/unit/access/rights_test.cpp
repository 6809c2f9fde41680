#include "ccoc/access/rights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ccoc::access {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Rights, deny_what_was_not_granted) {
  for (const Right right : all_rights) EXPECT_FALSE(Rights{}.has(right)) << to_string(right);
}

TEST(Rights, have_a_name_each_that_leads_back) {
  for (const Right right : all_rights) EXPECT_EQ(parse_right(to_string(right)), right);
  EXPECT_EQ(parse_right("everything"), std::nullopt);
}

TEST(Rights, of_each_role_are_these_and_no_others) {
  EXPECT_THAT(rights_of(Role::administrator).names(),
              ElementsAre("cameras.read", "cameras.manage", "live.view", "playback.view", "recordings.export", "map.read", "status.read",
                          "events.read", "users.manage", "system.manage", "audit.read", "live.send"));
  EXPECT_THAT(rights_of(Role::investigator).names(),
              ElementsAre("cameras.read", "live.view", "playback.view", "recordings.export", "map.read", "status.read", "events.read"));
  EXPECT_THAT(rights_of(Role::operator_).names(),
              ElementsAre("cameras.read", "live.view", "playback.view", "map.read", "status.read", "events.read"));
  EXPECT_THAT(rights_of(Role::viewer).names(), ElementsAre("cameras.read", "live.view", "map.read", "status.read", "events.read"));
}

TEST(Rights, of_a_key_are_cut_down_to_those_of_its_owner) {
  const Rights wanted{Right::live_view, Right::users_manage};
  EXPECT_THAT((wanted & rights_of(Role::viewer)).names(), ElementsAre("live.view"));
  EXPECT_THAT((Rights{} & rights_of(Role::administrator)).names(), IsEmpty());
}

TEST(Roles, have_a_name_each_that_leads_back) {
  for (const Role role : all_roles) EXPECT_EQ(parse_role(to_string(role)), role);
  EXPECT_EQ(parse_role("root"), std::nullopt);
}

}  // namespace
}  // namespace ccoc::access
