#include "ccoc/archive/audit.h"

#include <algorithm>
#include <map>

#include "ccoc/db/database.h"
#include "footage_walk.h"
#include "sql_rows.h"

namespace ccoc::archive {
namespace {

/// What a file's times may differ from its row by: a rounding of 90 kHz ticks.
constexpr Duration rounding{100};

/// Calls `visit(volume, stream, path)` for every file; folders that cannot be listed become issues.
template <class Visit>
void walk(const std::vector<VolumeSpec>& volumes, std::vector<Issue>& issues, Visit visit) {
  const auto unreadable = [&](const std::string& volume, const std::string& path, const Error& error) {
    issues.push_back({Finding::unreadable, volume, path, error.message});
  };
  for (const auto& volume : volumes) {
    const auto streams = stream_folders(*volume.disk);
    if (!streams) {
      unreadable(volume.name, "", streams.error());
      continue;
    }
    for (const auto& stream : *streams) {
      for (const auto& day : stream.days) {
        const auto files = day_files(*volume.disk, stream, day);
        if (!files) {
          unreadable(volume.name, stream.path() + "/" + day, files.error());
          continue;
        }
        for (const auto& file : *files) visit(volume, stream, stream.path() + "/" + day + "/" + file.name);
      }
    }
  }
}

constexpr auto all_rows = R"(
select volume, path, starts_at, ends_at, bytes, closed from segments where (volume, path) > ($1, $2)
order by volume, path limit 20000)";

struct IndexRow {
  UtcTime start;
  UtcTime end;
  std::uint64_t bytes;
  bool closed;
};
using IndexRows = std::map<SegmentId, IndexRow>;

Result<IndexRows> read_rows(db::Database& database) {
  IndexRows all;
  SegmentId last;
  for (;;) {
    const auto rows = database.query(all_rows, {last.first, last.second});
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) return all;
    for (const auto& row : *rows) {
      last = {row.text(0), row.text(1)};
      all[last] = {row.utc(2), row.utc(3), static_cast<std::uint64_t>(row.i64(4)), row.boolean(5)};
    }
  }
}

bool near(UtcTime a, UtcTime b) { return a - b <= rounding && b - a <= rounding; }

void compare(const FileFacts& facts, const IndexRow& row, std::vector<Issue>& issues) {
  const auto& file = facts.segment;
  if (row.bytes != file.bytes || !near(row.start, file.start) || !near(row.end, file.end)) {
    issues.push_back({Finding::size_mismatch, file.volume, file.path,
                      "the index says " + std::to_string(row.bytes) + " bytes, " + format_rfc3339(row.start) + " to " +
                          format_rfc3339(row.end) + "; the file holds " + std::to_string(file.bytes) + " bytes, " +
                          format_rfc3339(file.start) + " to " + format_rfc3339(file.end)});
  }
}

void add_damage(Disk& disk, const FileFacts& facts, std::vector<Issue>& issues) {
  const auto& file = facts.segment;
  const auto found = find_damage(disk, file);
  if (!found) {
    issues.push_back({Finding::unreadable, file.volume, file.path, found.error().message});
    return;
  }
  for (const auto& damage : *found) {
    issues.push_back({Finding::damaged, file.volume, file.path,
                      damage.detail + " at byte " + std::to_string(damage.offset) + ", " + format_rfc3339(damage.from) + " to " +
                          format_rfc3339(damage.to)});
  }
}

void find_overlaps(std::map<StreamKey, std::vector<Segment>>& by_stream, std::vector<Issue>& issues) {
  for (auto& [key, segments] : by_stream) {
    std::ranges::sort(segments, {}, &Segment::start);
    for (std::size_t i = 1; i < segments.size(); ++i) {
      if (segments[i - 1].end - segments[i].start <= rounding) continue;
      issues.push_back({Finding::overlap, segments[i].volume, segments[i].path,
                        "it begins before " + segments[i - 1].path + " ends"});
    }
  }
}

}  // namespace

std::string_view to_string(Finding finding) {
  switch (finding) {
    case Finding::unindexed_file: return "unindexed file";
    case Finding::missing_file: return "missing file";
    case Finding::torn_tail: return "torn tail";
    case Finding::size_mismatch: return "mismatch";
    case Finding::overlap: return "overlap";
    case Finding::unreadable: return "unreadable";
    case Finding::damaged: return "damaged";
    case Finding::leftover: return "left over";
  }
  return "unreadable";
}

Result<CheckReport> check(const std::vector<VolumeSpec>& volumes, db::Database& database, bool verify) {
  // Rows first: a file made meanwhile is younger than they are, and its row is asked for again at the end.
  auto rows = read_rows(database);
  if (!rows) return std::unexpected(rows.error());
  CheckReport report;
  std::map<StreamKey, std::vector<Segment>> by_stream;
  std::vector<Issue> unindexed;
  walk(volumes, report.issues, [&](const VolumeSpec& volume, const StreamFolder& stream, const std::string& path) {
    const auto row = rows->find({volume.name, path});
    const bool being_written = row != rows->end() && !row->second.closed;
    const auto facts = look_into(*volume.disk, volume.name, stream, path);
    ++report.files;
    if (!facts) {
      if (!being_written) report.issues.push_back({Finding::unreadable, volume.name, path, facts.error().message});
    } else {
      report.bytes += facts->segment.bytes;
      report.fragments += facts->fragments;
      if (row == rows->end()) {
        unindexed.push_back({Finding::unindexed_file, volume.name, path, "the index does not know it; `ccoc archive reindex` adds it"});
      } else if (!being_written) {
        if (facts->file_size > facts->segment.bytes) {
          report.issues.push_back({Finding::torn_tail, volume.name, path,
                                   std::to_string(facts->file_size - facts->segment.bytes) +
                                       " bytes behind the last whole fragment"});
        }
        compare(*facts, row->second, report.issues);
        if (verify) add_damage(*volume.disk, *facts, report.issues);
      }
      by_stream[facts->segment.key].push_back(facts->segment);
    }
    if (row != rows->end()) rows->erase(row);
  });
  for (const auto& [id, row] : *rows) {
    const bool ours = std::ranges::any_of(volumes, [&](const VolumeSpec& v) { return v.name == id.first; });
    if (!row.closed && ours) continue;
    report.issues.push_back({Finding::missing_file, id.first, id.second,
                             ours ? "the index names it, the disk does not have it" : "its volume is not configured"});
  }
  if (!unindexed.empty()) {
    const auto now = read_rows(database);
    if (!now) return std::unexpected(now.error());
    std::erase_if(unindexed, [&](const Issue& issue) { return now->contains({issue.volume, issue.path}); });
    report.issues.insert(report.issues.end(), unindexed.begin(), unindexed.end());
  }
  find_overlaps(by_stream, report.issues);
  return report;
}

Result<ReindexReport> reindex(const std::vector<VolumeSpec>& volumes, db::Database& database) {
  ReindexReport report;
  std::vector<Segment> found;
  walk(volumes, report.skipped, [&](const VolumeSpec& volume, const StreamFolder& stream, const std::string& path) {
    auto facts = look_into(*volume.disk, volume.name, stream, path);
    if (!facts) {
      report.skipped.push_back({Finding::unreadable, volume.name, path, facts.error().message});
      return;
    }
    ++report.files;
    report.bytes += facts->segment.bytes;
    found.push_back(std::move(facts->segment));
  });
  if (auto done = replace_segments(database, found); !done) return std::unexpected(done.error());
  if (auto done = make_sql_segment_store(database)->close_stale_gaps(); !done) return std::unexpected(done.error());
  return report;
}

}  // namespace ccoc::archive
