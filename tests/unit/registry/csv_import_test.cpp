#include "ccoc/registry/csv_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ccoc::registry {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string header = "id,name_th,name_en,lat,lon,main_url\n";

std::vector<CsvCamera> rows_of(std::string_view csv) {
  const auto parsed = parse_camera_csv(csv);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().error.message);
  return parsed.value_or(std::vector<CsvCamera>{});
}

std::string refusal(std::string_view csv) {
  const auto parsed = parse_camera_csv(csv);
  return parsed ? "taken" : parsed.error().error.message;
}

std::vector<std::string> wrong_fields(const CsvCamera& row) {
  std::vector<std::string> out;
  for (const auto& error : row.errors) out.push_back(error.field);
  return out;
}

TEST(CameraCsv, is_read_column_by_column) {
  const auto rows = rows_of(header + "cam01,ประตู,Gate,18.79543,98.98659,rtsp://10.1.2.3/a\n");
  ASSERT_THAT(rows, SizeIs(1));
  const auto& row = rows[0];
  EXPECT_EQ(row.line, 2);
  EXPECT_EQ(row.id, "cam01");
  EXPECT_THAT(row.errors, IsEmpty());
  EXPECT_EQ(row.patch.name_th, "ประตู");
  EXPECT_EQ(row.patch.lat, 18.79543);
  EXPECT_EQ(row.patch.lon, 98.98659);
  ASSERT_TRUE(row.patch.streams);
  EXPECT_EQ(row.patch.streams->at(0).url, "rtsp://10.1.2.3/a");
  EXPECT_EQ(row.patch.zone, std::nullopt) << "a column that is not there changes nothing";
}

TEST(CameraCsv, is_the_same_with_byte_order_mark_semicolons_tabs_and_windows_lines) {
  for (const std::string& csv : {
           std::string("\xEF\xBB\xBFid,name_en,lat,lon,main_url,notes\r\ncam01,Gate,18.79,98.98,rtsp://10.1.2.3/a,\"a, b\"\r\n"),
           std::string("id;name_en;lat;lon;main_url;notes\ncam01;Gate;18.79;98.98;rtsp://10.1.2.3/a;a, b"),
           std::string("id\tname_en\tlat\tlon\tmain_url\tnotes\ncam01\tGate\t18.79\t98.98\trtsp://10.1.2.3/a\ta, b\n"),
       }) {
    const auto rows = rows_of(csv);
    ASSERT_THAT(rows, SizeIs(1)) << csv;
    EXPECT_THAT(rows[0].errors, IsEmpty()) << csv;
    EXPECT_EQ(rows[0].patch.name_en, "Gate") << csv;
    EXPECT_EQ(rows[0].patch.notes, "a, b") << csv;
  }
}

TEST(CameraCsv, knows_the_line_of_each_row_past_blank_lines_and_cells_of_several_lines) {
  const auto rows =
      rows_of(header + "\ncam01,,\"two\nlines\",18.79,98.98,rtsp://10.1.2.3/a\n,,,,,\ncam02,,Gate,18.79,98.98,rtsp://10.1.2.3/b\n");
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].line, 3);
  EXPECT_EQ(rows[1].line, 6);
}

TEST(CameraCsv, without_its_needed_columns_is_refused_by_name) {
  EXPECT_THAT(refusal("id,name_en,lat,main_url\n"), HasSubstr("lon: the column is missing"));
  EXPECT_THAT(refusal("id,lat,lon,main_url\n"), HasSubstr("name_th or name_en"));
  EXPECT_THAT(refusal("id,name_en,lat,lon,main_url,colour\n"), HasSubstr("colour: there is no such column"));
  EXPECT_THAT(refusal("id,id,name_en,lat,lon,main_url\n"), HasSubstr("twice"));
  EXPECT_THAT(refusal(""), HasSubstr("empty"));
  EXPECT_THAT(refusal("\xEF\xBB\xBF"), HasSubstr("empty"));
}

TEST(CameraCsv, that_is_no_utf8_is_refused_with_what_to_do) {
  EXPECT_THAT(refusal(header + "cam01,\xbb\xc3\xd0\xb5\xd9,Gate,18.79,98.98,rtsp://10.1.2.3/a\n"), HasSubstr("CSV UTF-8"));
  EXPECT_THAT(refusal(std::string("id\0", 3) + header), HasSubstr("UTF-8"));
}

TEST(CameraCsv, reports_both_rows_of_an_id_that_stands_twice) {
  const std::string row = ",,Gate,18.79,98.98,rtsp://10.1.2.3/a\n";
  const auto rows = rows_of(header + "cam01" + row + "cam02" + row + "cam01" + row);
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_THAT(rows[0].errors, Contains(FieldError{"id", "the id stands also in line 4"}));
  EXPECT_THAT(rows[1].errors, IsEmpty());
  EXPECT_THAT(rows[2].errors, Contains(FieldError{"id", "the id stands also in line 2"}));
}

TEST(CameraCsv, reports_cells_that_are_not_what_they_should_be) {
  const auto rows = rows_of(
      "id,name_en,lat,lon,main_url,heading_deg,retention_days,enabled\n"
      ",Gate,\"18,79\",nan,,north,soon,perhaps\n");
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_THAT(wrong_fields(rows[0]), testing::UnorderedElementsAre("id", "location.lat", "location.lon", "main_url", "location.heading_deg",
                                                                   "recording.retention_days", "enabled"));
}

TEST(CameraCsv, with_more_cells_than_columns_is_told_about_quotes) {
  const auto rows = rows_of(header + "cam01,,Gate, north,18.79,98.98,rtsp://10.1.2.3/a\n");
  ASSERT_THAT(rows, SizeIs(1));
  ASSERT_THAT(rows[0].errors, testing::Not(IsEmpty()));
  EXPECT_THAT(rows[0].errors[0].message, HasSubstr("quotes"));
}

TEST(CameraCsv, takes_an_empty_cell_as_emptied_except_where_that_makes_no_sense) {
  const auto rows = rows_of(
      "id,name_en,lat,lon,main_url,zone,heading_deg,password,enabled,retention_days\ncam01,Gate,18.79,98.98,rtsp://10.1.2.3/a,,,,,\n");
  ASSERT_THAT(rows, SizeIs(1));
  const auto& patch = rows[0].patch;
  EXPECT_EQ(patch.zone, "");
  ASSERT_TRUE(patch.heading_deg);
  EXPECT_EQ(*patch.heading_deg, std::nullopt);
  EXPECT_EQ(patch.streams->at(0).password, std::nullopt);
  EXPECT_EQ(patch.enabled, std::nullopt);
  EXPECT_EQ(patch.retention_days, std::nullopt);
}

TEST(CameraCsv, has_a_limit_on_rows_and_bytes) {
  std::string many = header;
  for (int i = 0; i < 20'001; ++i) many += "c" + std::to_string(i) + ",,Gate,18.79,98.98,rtsp://10.1.2.3/a\n";
  EXPECT_THAT(refusal(many), HasSubstr("20 000 rows"));
  EXPECT_THAT(refusal(std::string((10u << 20) + 1, 'x')), HasSubstr("10 MiB"));
}

TEST(CameraCsv, survives_whatever_is_sent) {
  const std::string good = header + "cam01,\"ประตู\",\"Ga\"\"te\",18.79,98.98,rtsp://u:p@10.1.2.3/a\n";
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    (void)parse_camera_csv(good.substr(0, cut));
    (void)parse_camera_csv(good.substr(cut));
    auto odd = good;
    odd[cut] = '"';
    (void)parse_camera_csv(odd);
  }
}

}  // namespace
}  // namespace ccoc::registry
