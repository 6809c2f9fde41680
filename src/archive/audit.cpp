#include "ccoc/archive/audit.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "ccoc/db/database.h"
#include "footage_walk.h"
#include "side_files.h"
#include "sql_rows.h"

namespace ccoc::archive {
namespace {

/// What a file's times may differ from its row by: a rounding of 90 kHz ticks.
constexpr Duration rounding{100};

/// Calls `visit(volume, stream, path)` for every file that `folders` finds; what cannot be listed becomes an issue.
template <class Visit>
void walk(const std::vector<VolumeSpec>& volumes, Result<std::vector<StreamFolder>> (*folders)(Disk&), std::vector<Issue>& issues,
          Visit visit) {
  const auto unreadable = [&](const std::string& volume, const std::string& path, const Error& error) {
    issues.push_back({Finding::unreadable, volume, path, error.message});
  };
  for (const auto& volume : volumes) {
    const auto streams = folders(*volume.disk);
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
constexpr auto all_copies = R"(
select volume, path, copy_volume, copy_path from copies where (volume, path, copy_volume) > ($1, $2, $3)
order by volume, path, copy_volume limit 20000)";
constexpr auto under_way = "select target, path from moves";

struct IndexRow {
  UtcTime start;
  UtcTime end;
  std::uint64_t bytes;
  bool closed;
};
/// What the index says.
struct Index {
  std::map<SegmentId, IndexRow> rows;
  std::map<SegmentId, SegmentId> copies;  ///< what each is a copy of
  std::set<SegmentId> under_way;          ///< to where they will be
  const IndexRow* row(const SegmentId& id) const {
    const auto it = rows.find(id);
    return it == rows.end() ? nullptr : &it->second;
  }
  /// Of the footage that `id` is a copy of; null when it is none, or of what is not known.
  const IndexRow* first_of(const SegmentId& id) const {
    const auto it = copies.find(id);
    return it == copies.end() ? nullptr : row(it->second);
  }
};

Status read_rows(db::Database& database, Index& index) {
  SegmentId last;
  for (;;) {
    const auto rows = database.query(all_rows, {last.first, last.second});
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) return {};
    for (const auto& row : *rows) {
      last = {row.text(0), row.text(1)};
      index.rows[last] = {row.utc(2), row.utc(3), static_cast<std::uint64_t>(row.i64(4)), row.boolean(5)};
    }
  }
}

Status read_copies(db::Database& database, Index& index) {
  SegmentId last;
  std::string last_volume;
  for (;;) {
    const auto rows = database.query(all_copies, {last.first, last.second, last_volume});
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) return {};
    for (const auto& row : *rows) {
      last = {row.text(0), row.text(1)};
      last_volume = row.text(2);
      index.copies[{last_volume, row.text(3)}] = last;
    }
  }
}

Result<Index> read_index(db::Database& database) {
  Index index;
  if (auto done = read_rows(database, index); !done) return std::unexpected(done.error());
  if (auto done = read_copies(database, index); !done) return std::unexpected(done.error());
  const auto moves = database.query(under_way);
  if (!moves) return std::unexpected(moves.error());
  for (const auto& row : *moves) index.under_way.emplace(row.text(0), row.text(1));
  return index;
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
      issues.push_back({Finding::overlap, segments[i].volume, segments[i].path, "it begins before " + segments[i - 1].path + " ends"});
    }
  }
}

/// One walk over everything, against what the index said before it.
class Check {
 public:
  Check(const std::vector<VolumeSpec>& volumes, db::Database& database, bool verify)
      : volumes_(volumes), database_(database), verify_(verify) {}

  Result<CheckReport> run() {
    // Rows first: a file made meanwhile is younger than they are, and its row is asked for again at the end.
    auto index = read_index(database_);
    if (!index) return std::unexpected(index.error());
    index_ = std::move(*index);
    const auto look = [this](const VolumeSpec& volume, const StreamFolder& stream, const std::string& path) {
      look_at(volume, stream, path);
    };
    walk(volumes_, stream_folders, report_.issues, look);
    walk(volumes_, copy_folders, report_.issues, look);
    find_missing();
    if (auto done = find_unknown(); !done) return std::unexpected(done.error());
    find_overlaps(by_stream_, report_.issues);
    return std::move(report_);
  }

 private:
  void look_at(const VolumeSpec& volume, const StreamFolder& stream, const std::string& path) {
    const SegmentId id{volume.name, path};
    const auto* footage = index_.row(id);
    const auto* row = footage ? footage : index_.first_of(id);
    const bool being_written = row && !row->closed;
    const auto facts = look_into(*volume.disk, volume.name, stream, path);
    ++report_.files;
    if (!facts) {
      if (!being_written) report_.issues.push_back({Finding::unreadable, volume.name, path, facts.error().message});
    } else {
      report_.bytes += facts->segment.bytes;
      report_.fragments += facts->fragments;
      if (!row) {
        unknown_.push_back({Finding::unindexed_file, volume.name, path, "the index does not know it; `ccoc archive reindex` adds it"});
      } else if (!being_written) {
        if (facts->file_size > facts->segment.bytes) {
          report_.issues.push_back({Finding::torn_tail, volume.name, path,
                                    std::to_string(facts->file_size - facts->segment.bytes) + " bytes behind the last whole fragment"});
        }
        compare(*facts, *row, report_.issues);
        if (verify_) add_damage(*volume.disk, *facts, report_.issues);
      }
      if (footage || stream.root.empty()) by_stream_[facts->segment.key].push_back(facts->segment);
    }
    seen_.insert(id);
  }

  void find_missing() {
    const auto ours = [&](const SegmentId& id) {
      return std::ranges::any_of(volumes_, [&](const VolumeSpec& v) { return v.name == id.first; });
    };
    for (const auto& [id, row] : index_.rows) {
      if (seen_.contains(id) || (!row.closed && ours(id))) continue;
      report_.issues.push_back({Finding::missing_file, id.first, id.second,
                                ours(id) ? "the index names it, the disk does not have it" : "its volume is not configured"});
    }
    for (const auto& [id, first] : index_.copies) {
      if (seen_.contains(id)) continue;
      report_.issues.push_back({Finding::missing_file, id.first, id.second,
                                ours(id) ? "the index names this copy, the disk does not have it" : "its volume is not configured"});
    }
  }

  /// What the index has not learnt of meanwhile, and what is not on its way.
  Status find_unknown() {
    for (const auto& volume : volumes_) {
      const auto left = volume.disk->list(arriving_folder);
      if (!left) continue;
      for (const auto& file : *left) {
        unknown_.push_back({Finding::leftover, volume.name, std::string(arriving_folder) + "/" + file.name,
                            "it never arrived; the hub removes it when it starts"});
      }
    }
    if (unknown_.empty()) return {};
    const auto now = read_index(database_);
    if (!now) return std::unexpected(now.error());
    std::set<SegmentId> arriving;
    for (const auto& [volume, path] : now->under_way) arriving.emplace(volume, arrival_path(path));
    std::erase_if(unknown_, [&](const Issue& issue) {
      const SegmentId id{issue.volume, issue.path};
      return now->row(id) || now->first_of(id) || now->under_way.contains(id) || arriving.contains(id);
    });
    report_.issues.insert(report_.issues.end(), unknown_.begin(), unknown_.end());
    return {};
  }

  const std::vector<VolumeSpec>& volumes_;
  db::Database& database_;
  const bool verify_;
  Index index_;
  std::set<SegmentId> seen_;
  std::map<StreamKey, std::vector<Segment>> by_stream_;
  std::vector<Issue> unknown_;
  CheckReport report_;
};

/// Pairs copies with what they are copies of, by their names. A copy whose first is nowhere becomes footage itself.
std::vector<Copy> pair_copies(std::vector<Segment>& footage, std::vector<Segment> copies, std::vector<Issue>& skipped) {
  std::vector<Copy> pairs;
  if (copies.empty()) return pairs;
  footage.reserve(footage.size() + copies.size());  // the paths are looked at where they are
  std::unordered_map<std::string_view, std::size_t> by_path;
  for (std::size_t i = 0; i < footage.size(); ++i) by_path.emplace(footage[i].path, i);
  std::set<std::pair<std::size_t, std::string>> copied;
  for (auto& copy : copies) {
    const auto name = std::string_view(copy.path).substr(copy.path.size() - first_by_name(copy.path)->second.size());
    const auto first = by_path.find(name);
    if (first == by_path.end()) {
      const auto at = name.data() - copy.path.data();
      footage.push_back(std::move(copy));
      by_path.emplace(std::string_view(footage.back().path).substr(static_cast<std::size_t>(at)), footage.size() - 1);
    } else if (copied.emplace(first->second, copy.volume).second) {
      const auto& of = footage[first->second];
      pairs.push_back({{of.volume, of.path}, {copy.volume, copy.path}});
    } else {
      skipped.push_back({Finding::leftover, copy.volume, copy.path, "the same volume has another copy of it"});
    }
  }
  return pairs;
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
  return Check(volumes, database, verify).run();
}

Result<ReindexReport> reindex(const std::vector<VolumeSpec>& volumes, db::Database& database) {
  ReindexReport report;
  std::vector<Segment> footage, copies;
  const auto gather = [&](const VolumeSpec& volume, const StreamFolder& stream, const std::string& path) {
    auto facts = look_into(*volume.disk, volume.name, stream, path);
    if (!facts) {
      report.skipped.push_back({Finding::unreadable, volume.name, path, facts.error().message});
      return;
    }
    ++report.files;
    report.bytes += facts->segment.bytes;
    (stream.root.empty() ? footage : copies).push_back(std::move(facts->segment));
  };
  walk(volumes, stream_folders, report.skipped, gather);
  walk(volumes, copy_folders, report.skipped, gather);
  const auto pairs = pair_copies(footage, std::move(copies), report.skipped);
  if (auto done = replace_index(database, footage, pairs); !done) return std::unexpected(done.error());
  if (auto done = make_sql_segment_store(database)->close_stale_gaps(); !done) return std::unexpected(done.error());
  return report;
}

}  // namespace ccoc::archive
