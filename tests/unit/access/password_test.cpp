#include "ccoc/access/password.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace ccoc::access {
namespace {

TEST(Password, is_verified_against_its_hash_and_no_other) {
  const auto hash = hash_password("กำแพงเมืองเชียงใหม่");
  ASSERT_TRUE(hash);
  EXPECT_TRUE(verify_password(*hash, "กำแพงเมืองเชียงใหม่"));
  EXPECT_FALSE(verify_password(*hash, "กำแพงเมืองเชียงใหม"));
  EXPECT_FALSE(verify_password(*hash, ""));
  EXPECT_FALSE(verify_password("not a hash", "กำแพงเมืองเชียงใหม่"));
  EXPECT_FALSE(verify_nobody("กำแพงเมืองเชียงใหม่"));
}

TEST(Password, is_hashed_with_argon2id_in_19_mib_and_two_passes) {
  EXPECT_THAT(*hash_password("a good long one"), testing::StartsWith("$argon2id$v=19$m=19456,t=2,p=1$"));
}

TEST(Password, has_another_hash_each_time) { EXPECT_NE(*hash_password("the same"), *hash_password("the same")); }

TEST(Password, must_be_long_enough_and_not_trivial) {
  const auto why = [](std::string_view password) {
    const auto good = check_password(password, "somchai.jaidee");
    return good ? std::string("good") : good.error().message;
  };
  EXPECT_EQ(why("correct horse"), "good");
  EXPECT_EQ(why("สิบตัวอักษร"), "good");
  EXPECT_EQ(why("short"), "the password needs at least 10 characters");
  EXPECT_EQ(why("สั้น"), "the password needs at least 10 characters") << "characters are counted, not bytes";
  EXPECT_EQ(why(std::string(201, 'x') + "y"), "the password may have at most 200 characters");
  EXPECT_EQ(why("aaaaaaaaaaaa"), "the password is one character repeated");
  EXPECT_EQ(why("Somchai.Jaidee"), "the password is the user's name");
  EXPECT_EQ(why("\xff\xfe bytes that are no text"), "the password is not valid UTF-8 text");
  EXPECT_EQ(why(""), "the password needs at least 10 characters");
}

TEST(Password, made_at_random_differs_and_is_good) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const auto password = random_password();
    EXPECT_TRUE(check_password(password, "admin"));
    EXPECT_THAT(password, testing::MatchesRegex("[a-z0-9]{5}(-[a-z0-9]{5}){3}"));
    seen.insert(password);
  }
  EXPECT_EQ(seen.size(), 100u);
}

}  // namespace
}  // namespace ccoc::access
