#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "../../../src/access/audit_store.h"
#include "../../../src/access/text.h"

namespace ccoc::access {
namespace {

AuditEntry example() {
  AuditEntry out;
  out.number = 7;
  out.actor = "admin";
  out.action = "camera.changed";
  out.object = "cam01";
  out.address = "10.0.0.1";
  out.details = "{}";
  return out;
}

TEST(AuditHash, depends_on_every_field_and_on_the_line_before) {
  const Hash before{};
  const Hash hash = audit_hash(before, example());
  EXPECT_EQ(audit_hash(before, example()), hash);
  const std::vector<std::function<void(AuditEntry&)>> changes{
      [](AuditEntry& e) { e.number = 8; },      [](AuditEntry& e) { e.at += Duration(1); }, [](AuditEntry& e) { e.actor = "Admin"; },
      [](AuditEntry& e) { e.action += "x"; },   [](AuditEntry& e) { e.object = "cam02"; },  [](AuditEntry& e) { e.address.clear(); },
      [](AuditEntry& e) { e.details = "{ }"; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    auto other = example();
    changes[i](other);
    EXPECT_NE(audit_hash(before, other), hash) << "change " << i;
  }
  Hash other_before{};
  other_before[31] = 1;
  EXPECT_NE(audit_hash(other_before, example()), hash);
}

TEST(AuditHash, tells_apart_lines_whose_texts_run_together_the_same) {
  auto one = example();
  auto two = example();
  one.actor = "ab";
  one.action = "c";
  two.actor = "a";
  two.action = "bc";
  EXPECT_NE(audit_hash({}, one), audit_hash({}, two));
}

TEST(Tame, keeps_good_text_and_defuses_the_rest) {
  EXPECT_EQ(tame("สมชาย 😀", 100), "สมชาย 😀");
  EXPECT_EQ(tame("a\r\nb\x7f\x1b[31m", 100), "a??b??[31m");
  EXPECT_EQ(tame("\xff\xc0\xaf\xed\xa0\x80", 100), "??????");
  EXPECT_EQ(tame("กขค", 7), "กข") << "never half a character";
  EXPECT_EQ(tame("\xe0\xb8", 100), "??");
}

}  // namespace
}  // namespace ccoc::access
