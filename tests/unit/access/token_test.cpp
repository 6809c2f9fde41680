#include "../../../src/access/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/manual_clock.h"

namespace ccoc::access {
namespace {

const Hash key = sha256(std::string_view("a key"));

StreamToken example(const Clock& clock) {
  StreamToken out;
  out.camera = "cam01";
  out.from = clock.utc_now() - std::chrono::hours(1);
  out.to = clock.utc_now();
  out.expires_at = clock.utc_now() + std::chrono::minutes(10);
  out.rights = {Right::playback_view};
  out.issued_to = "สมชาย\nline two";
  return out;
}

TEST(Token, says_what_was_written_into_it) {
  const test::ManualClock clock;
  const auto token = example(clock);
  const auto read = read_token(write_token(token, key), key, clock.utc_now());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->camera, token.camera);
  EXPECT_EQ(read->from, token.from);
  EXPECT_EQ(read->to, token.to);
  EXPECT_EQ(read->expires_at, token.expires_at);
  EXPECT_EQ(read->rights, token.rights);
  EXPECT_EQ(read->issued_to, token.issued_to);
}

TEST(Token, for_live_has_no_range) {
  const test::ManualClock clock;
  auto token = example(clock);
  token.from = token.to = std::nullopt;
  EXPECT_EQ(read_token(write_token(token, key), key, clock.utc_now())->from, std::nullopt);
}

TEST(Token, with_any_character_changed_is_refused) {
  const test::ManualClock clock;
  const auto good = write_token(example(clock), key);
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto forged = good;
    // The last character of a base64 text carries unused bits; setting its first bits changes bytes for certain.
    forged[at] = good[at] == 'A' ? 'z' : 'A';
    EXPECT_FALSE(read_token(forged, key, clock.utc_now())) << at;
  }
}

TEST(Token, of_another_key_or_no_token_at_all_is_refused) {
  const test::ManualClock clock;
  const auto text = write_token(example(clock), key);
  EXPECT_FALSE(read_token(text, sha256(std::string_view("another key")), clock.utc_now()));
  for (const std::string& junk : {std::string(), std::string("."), std::string("a.b"), std::string(5000, '.'), text + "x"}) {
    EXPECT_FALSE(read_token(junk, key, clock.utc_now())) << junk.substr(0, 20);
  }
}

TEST(Token, expires) {
  test::ManualClock clock;
  const auto text = write_token(example(clock), key);
  clock.advance(std::chrono::minutes(10) - Duration(1));
  EXPECT_TRUE(read_token(text, key, clock.utc_now()));
  clock.advance(Duration(1));
  EXPECT_FALSE(read_token(text, key, clock.utc_now()));
}

}  // namespace
}  // namespace ccoc::access
