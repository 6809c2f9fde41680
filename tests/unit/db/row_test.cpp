#include "ccoc/db/row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ccoc::db {
namespace {

Row row_of(std::vector<std::optional<std::string>> values) {
  const auto kept = std::make_shared<std::vector<std::optional<std::string>>>(std::move(values));
  auto cells = std::make_shared<Cells>();
  for (const auto& value : *kept) {
    cells->names.push_back("c" + std::to_string(cells->names.size()));
    cells->values.push_back(value);
  }
  cells->bytes = kept;
  return Row(cells, 0);
}

TEST(Param, writes_values_as_postgresql_reads_them) {
  EXPECT_EQ(Param(true).text(), "t");
  EXPECT_EQ(Param(std::numeric_limits<std::int64_t>::min()).text(), "-9223372036854775808");
  EXPECT_EQ(Param(0.1).text(), "0.1");
  EXPECT_EQ(Param(std::nan("")).text(), "NaN");
  EXPECT_EQ(Param(-HUGE_VAL).text(), "-Infinity");
  EXPECT_EQ(Param(Bytes{0, 255}).text(), "\\x00ff");
  EXPECT_EQ(Param(nullptr).text(), std::nullopt);
  EXPECT_EQ(Param(std::optional<int>()).text(), std::nullopt);
  EXPECT_EQ(Param(std::optional<int>(7)).text(), "7");
}

TEST(Param, writes_an_instant_to_the_microsecond_also_before_1970) {
  EXPECT_EQ(Param(*parse_rfc3339("2026-11-24T05:23:57.123Z") + Duration(456)).text(), "2026-11-24T05:23:57.123456Z");
  EXPECT_EQ(Param(UtcTime{Duration(-1)}).text(), "1969-12-31T23:59:59.999999Z");
}

TEST(Row, reads_what_postgresql_writes) {
  const auto row = row_of({"2026-11-24 05:23:57.123456+00", "\\x00ff", "t", "1.5", "Infinity", std::nullopt});
  EXPECT_EQ(row.utc("c0"), *parse_rfc3339("2026-11-24T05:23:57.123456Z"));
  EXPECT_EQ(row.bytes("c1"), (Bytes{0, 255}));
  EXPECT_TRUE(row.boolean("c2"));
  EXPECT_EQ(row.f64("c3"), 1.5);
  EXPECT_EQ(row.f64("c4"), HUGE_VAL);
  EXPECT_EQ(row.maybe_utc("c5"), std::nullopt);
  EXPECT_EQ(row.i64("c5"), 0);
}

TEST(RowDeathTest, aborts_on_a_mistake_of_the_program) {
  const auto row = row_of({"words"});
  EXPECT_DEATH((void)row.text("nothing"), "no column is called 'nothing'");
  EXPECT_DEATH((void)row.text(1), "no column has the number '1'");
  EXPECT_DEATH((void)row.i64(0), "not a number 'words'");
}

}  // namespace
}  // namespace ccoc::db
