// Cameras from a spreadsheet. UTF-8 with or without byte-order mark; ',' ';' or tab, noticed from the header row;
// one camera a row. Columns, in any order:
//   id, name_th, name_en, lat, lon, main_url                    needed (one of the two names may be missing)
//   sub_url, username, password, transport, owner_kind, owner_name, zone, community, heading_deg, fov_deg, range_m,
//   recording_mode, retention_days, min_days, copies, audio, enabled, approximate, notes  optional
// A column that is not there leaves an existing camera's value; an empty cell clears it (password, audio,
// enabled, approximate, recording_mode, retention_days: leaves it). audio, enabled and approximate take true/false, yes/no, 1/0.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ccoc/registry/camera.h"

namespace ccoc::registry {

enum class RowResult { created, changed, unchanged, rejected };
/// "created" …
std::string_view to_string(RowResult result);

struct ImportRow {
  int line = 0;  ///< of the file, 1 is the header
  std::string id{};
  RowResult result = RowResult::rejected;
  std::vector<std::string> fields{};  ///< changed: which
  std::vector<FieldError> errors{};   ///< rejected: all reasons
};

struct ImportReport {
  bool dry_run = false;
  int created = 0;
  int changed = 0;
  int unchanged = 0;
  int rejected = 0;
  std::vector<ImportRow> rows{};
};

/// A parsed row, not yet judged.
struct CsvCamera {
  int line = 0;
  std::string id{};
  CameraPatch patch{};
  std::vector<FieldError> errors{};
};

/// Parses the file; a Refusal when it is no such file (not UTF-8, no header, unknown or missing column, more than 20 000
/// rows). At most 10 MiB.
Checked<std::vector<CsvCamera>> parse_camera_csv(std::string_view csv);

}  // namespace ccoc::registry
