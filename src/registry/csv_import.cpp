#include "ccoc/registry/csv_import.h"

#include <csv.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

namespace ccoc::registry {
namespace {

constexpr std::size_t max_bytes = 10u << 20;
constexpr std::size_t max_rows = 20'000;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

constexpr std::string_view columns[] = {"id",          "name_th",   "name_en",        "lat",
                                        "lon",         "main_url",  "sub_url",        "username",
                                        "password",    "transport", "client",         "owner_kind",
                                        "owner_name",  "zone",      "community",      "heading_deg",
                                        "fov_deg",     "range_m",   "recording_mode", "retention_days",
                                        "min_days",    "copies",    "audio",          "enabled",
                                        "approximate", "notes"};

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const std::size_t size = c < 0x80 ? 1 : (c >> 5) == 6 ? 2 : (c >> 4) == 14 ? 3 : (c >> 3) == 30 ? 4 : 0;
    if (size == 0 || i + size > text.size() || c == 0xc0 || c == 0xc1 || c > 0xf4) return false;
    for (std::size_t k = 1; k < size; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    }
    const auto second = size > 2 ? static_cast<unsigned char>(text[i + 1]) : 0;
    if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) || (c == 0xf0 && second < 0x90) || (c == 0xf4 && second > 0x8f))
      return false;
    i += size;
  }
  return true;
}

std::string trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r\n");
  if (from == std::string_view::npos) return {};
  return std::string(text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1));
}

struct Table {
  std::vector<std::vector<std::string>> rows{};
  std::vector<int> lines{};  ///< where each row begins
  std::vector<std::string> row{};
  int line = 1;  ///< of the row being read
  int next_line = 1;
};

Table read_table(std::string_view text, char separator) {
  Table table;
  csv_parser parser{};
  csv_init(&parser, CSV_APPEND_NULL);
  csv_set_delim(&parser, static_cast<unsigned char>(separator));
  const auto field = [](void* data, std::size_t size, void* to) {
    static_cast<Table*>(to)->row.push_back(trimmed({static_cast<const char*>(data), size}));
  };
  const auto row = [](int, void* to) {
    auto& into = *static_cast<Table*>(to);
    const bool blank = std::ranges::all_of(into.row, [](const auto& cell) { return cell.empty(); });
    if (!blank) {
      into.rows.push_back(std::move(into.row));
      into.lines.push_back(into.line);
    }
    into.row.clear();
  };
  // Line by line, so that each row knows where it began, even when a quoted cell spans lines.
  for (std::size_t at = 0; at < text.size() && table.rows.size() <= max_rows;) {
    const auto end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const std::size_t before = table.rows.size();
    csv_parse(&parser, text.data() + at, end - at, field, row, &table);
    ++table.next_line;
    if (table.rows.size() != before || table.row.empty()) table.line = table.next_line;
    at = end;
  }
  csv_fini(&parser, field, row, &table);
  csv_free(&parser);
  return table;
}

Refusal refuse(std::string field, std::string message) {
  Refusal out{Error{ErrorCode::invalid_argument, message, field}, {}};
  out.fields.push_back({std::move(field), std::move(message)});
  return out;
}

/// The cells of one row by column name.
class RowReader {
 public:
  RowReader(const std::map<std::string, std::size_t, std::less<>>& at, const std::vector<std::string>& cells, CsvCamera& camera)
      : at_(at), cells_(cells), camera_(camera) {}

  std::optional<std::string> text(std::string_view column) const {
    const auto found = at_.find(column);
    if (found == at_.end()) return std::nullopt;
    return found->second < cells_.size() ? cells_[found->second] : std::string();
  }
  /// nullopt for a missing column or an empty cell.
  std::optional<std::string> filled(std::string_view column) const {
    auto cell = text(column);
    return cell && !cell->empty() ? cell : std::nullopt;
  }
  std::optional<double> number(std::string_view column, std::string_view field) {
    const auto cell = filled(column);
    if (!cell) return std::nullopt;
    double value = 0;
    const auto [end, error] = std::from_chars(cell->data(), cell->data() + cell->size(), value);
    if (error != std::errc{} || end != cell->data() + cell->size() || !std::isfinite(value)) {
      wrong(field, "'" + cell->substr(0, 40) + "' is no number; write it with a point, as in 18.7954");
      return std::nullopt;
    }
    return value;
  }
  void optional_number(std::string_view column, std::string_view field, std::optional<std::optional<double>>& into) {
    if (!text(column)) return;
    if (!filled(column)) {
      into = std::optional<double>();
    } else if (const auto value = number(column, field)) {
      into = value;
    }
  }
  void boolean(std::string_view column, std::optional<bool>& into) {
    auto cell = filled(column);
    if (!cell) return;
    std::ranges::transform(*cell, cell->begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (*cell == "true" || *cell == "yes" || *cell == "1") {
      into = true;
    } else if (*cell == "false" || *cell == "no" || *cell == "0") {
      into = false;
    } else {
      wrong(column, "true or false is expected");
    }
  }
  void wrong(std::string_view field, std::string message) { camera_.errors.push_back({std::string(field), std::move(message)}); }

 private:
  const std::map<std::string, std::size_t, std::less<>>& at_;
  const std::vector<std::string>& cells_;
  CsvCamera& camera_;
};

void read_streams(RowReader& row, CameraPatch& patch) {
  const auto main = row.filled("main_url");
  if (!main) {
    row.wrong("main_url", "the address of the main stream is needed, as rtsp://host/path");
    return;
  }
  const auto username = row.text("username");
  const auto password = row.filled("password");
  patch.streams.emplace();
  const auto transport = row.filled("transport");
  const auto client = row.filled("client");
  patch.streams->push_back({"main", *main, username, password, transport, std::nullopt, client});
  if (const auto sub = row.filled("sub_url")) patch.streams->push_back({"sub", *sub, username, password, transport, std::nullopt, client});
}

CsvCamera read_row(const std::map<std::string, std::size_t, std::less<>>& at, const std::vector<std::string>& cells, int line) {
  CsvCamera camera;
  camera.line = line;
  RowReader row(at, cells, camera);
  camera.id = row.text("id").value_or("");
  if (cells.size() > at.size()) {
    row.wrong("", "the row has " + std::to_string(cells.size()) + " cells, the header " + std::to_string(at.size()) +
                      "; a cell with a separator in it must stand in quotes");
  }
  if (camera.id.empty()) row.wrong("id", "an id is needed: 1 to 40 lower-case letters, digits and '-'");
  auto& patch = camera.patch;
  patch.id = camera.id;
  patch.name_th = row.text("name_th");
  patch.name_en = row.text("name_en");
  patch.owner_kind = row.filled("owner_kind");
  patch.owner_name = row.text("owner_name");
  patch.zone = row.text("zone");
  patch.community = row.text("community");
  patch.lat = row.number("lat", "location.lat");
  patch.lon = row.number("lon", "location.lon");
  if (!row.filled("lat") && !row.filled("lon")) patch.clear_location = true;
  row.optional_number("heading_deg", "location.heading_deg", patch.heading_deg);
  row.optional_number("fov_deg", "location.fov_deg", patch.fov_deg);
  row.optional_number("range_m", "location.range_m", patch.range_m);
  read_streams(row, patch);
  patch.recording_mode = row.filled("recording_mode");
  const auto whole = [&](const std::string& column, std::optional<std::int64_t>& into, const char* expected) {
    const auto text = row.filled(column);
    if (!text) return;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error == std::errc{} && end == text->data() + text->size()) {
      into = value;
    } else {
      row.wrong("recording." + column, expected);
    }
  };
  whole("retention_days", patch.retention_days, "a whole number of days is expected");
  whole("min_days", patch.min_days, "a whole number of days is expected");
  whole("copies", patch.copies, "1 or 2 is expected");
  row.boolean("audio", patch.audio);
  row.boolean("enabled", patch.enabled);
  row.boolean("approximate", patch.approximate);
  patch.notes = row.text("notes");
  return camera;
}

char separator_of(std::string_view header) {
  const auto count = [header](char c) { return std::ranges::count(header, c); };
  const auto commas = count(','), semicolons = count(';'), tabs = count('\t');
  if (semicolons > commas && semicolons >= tabs) return ';';
  return tabs > commas ? '\t' : ',';
}

}  // namespace

std::string_view to_string(RowResult result) {
  switch (result) {
    case RowResult::created: return "created";
    case RowResult::changed: return "changed";
    case RowResult::unchanged: return "unchanged";
    case RowResult::rejected: return "rejected";
  }
  return "rejected";
}

Checked<std::vector<CsvCamera>> parse_camera_csv(std::string_view csv) {
  if (csv.size() > max_bytes) return std::unexpected(refuse("", "the file is larger than 10 MiB"));
  if (csv.starts_with(byte_order_mark)) csv.remove_prefix(byte_order_mark.size());
  if (!is_utf8(csv) || csv.find('\0') != std::string_view::npos) {
    return std::unexpected(refuse("", "the file is not UTF-8; save the spreadsheet as \"CSV UTF-8\""));
  }
  const Table table = read_table(csv, separator_of(csv.substr(0, csv.find('\n'))));
  if (table.rows.empty()) return std::unexpected(refuse("", "the file is empty; its first row must name the columns"));
  if (table.rows.size() > max_rows) return std::unexpected(refuse("", "the file has more than 20 000 rows"));

  std::map<std::string, std::size_t, std::less<>> at;
  Refusal refusal{Error{ErrorCode::invalid_argument, "", ""}, {}};
  for (std::size_t i = 0; i < table.rows[0].size(); ++i) {
    const auto& name = table.rows[0][i];
    if (std::ranges::find(columns, name) == std::end(columns)) {
      refusal.fields.push_back({name.substr(0, 100), "there is no such column"});
    } else if (!at.emplace(name, i).second) {
      refusal.fields.push_back({name, "the column stands there twice"});
    }
  }
  for (const auto needed : {"id", "lat", "lon", "main_url"}) {
    if (!at.contains(std::string_view(needed))) refusal.fields.push_back({needed, "the column is missing"});
  }
  if (!at.contains(std::string_view("name_th")) && !at.contains(std::string_view("name_en"))) {
    refusal.fields.push_back({"name_th", "a column name_th or name_en is needed"});
  }
  if (!refusal.fields.empty()) {
    refusal.error.message = "the header row cannot be used";
    for (const auto& field : refusal.fields) refusal.error.message += "; " + field.field + ": " + field.message;
    return std::unexpected(std::move(refusal));
  }

  std::vector<CsvCamera> out;
  std::map<std::string, std::vector<std::size_t>> by_id;
  for (std::size_t i = 1; i < table.rows.size(); ++i) {
    out.push_back(read_row(at, table.rows[i], table.lines[i]));
    by_id[out.back().id].push_back(out.size() - 1);
  }
  for (const auto& [id, places] : by_id) {
    if (places.size() < 2 || id.empty()) continue;
    for (const auto place : places) {
      std::string others;
      for (const auto other : places) {
        if (other != place) others += (others.empty() ? "" : ", ") + std::to_string(out[other].line);
      }
      out[place].errors.push_back({"id", "the id stands also in line " + others});
    }
  }
  return out;
}

}  // namespace ccoc::registry
