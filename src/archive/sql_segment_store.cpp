#include <algorithm>

#include "ccoc/archive/segment_store.h"
#include "ccoc/db/database.h"
#include "day_sums.h"
#include "json_text.h"
#include "segment_partitions.h"
#include "segment_row.h"
#include "segment_statements.h"
#include "sql_rows.h"
#include "timeline_hours.h"

namespace ccoc::archive {
namespace {

using namespace statements;

constexpr std::size_t rows_per_statement = 5000;  ///< of reindex

/// No file lasts longer; what is further away is looked for by itself.
constexpr Duration longest_file = std::chrono::hours{48};

std::int64_t us(UtcTime t) { return t.time_since_epoch().count(); }

media::GapCause parse_cause(std::string_view text) {
  for (const auto cause :
       {media::GapCause::camera, media::GapCause::network, media::GapCause::hub, media::GapCause::disk, media::GapCause::disabled}) {
    if (media::to_string(cause) == text) return cause;
  }
  return media::GapCause::hub;
}

Gap read_gap(const db::Row& row) {
  return {{row.text(0), row.text(1)}, row.utc(2), row.maybe_utc(3), parse_cause(row.text(4)), row.text(5)};
}

template <class T>
std::vector<T> read_all(const db::Rows& rows, T (*read)(const db::Row&)) {
  std::vector<T> all;
  all.reserve(rows.size());
  for (const auto& row : rows) all.push_back(read(row));
  return all;
}

std::string hex(ByteView bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const auto byte : bytes) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::string segments_json(std::span<const Segment> segments) {
  JsonRows rows;
  for (const auto& s : segments) {
    rows.begin();
    rows.add("volume", s.volume);
    rows.add("path", s.path);
    rows.add("camera", s.key.camera);
    rows.add("stream", s.key.stream);
    rows.add("from_us", us(s.start));
    rows.add("to_us", us(s.end));
    rows.add("bytes", static_cast<std::int64_t>(s.bytes));
    rows.add("run", static_cast<std::int64_t>(s.run));
    rows.add_bool("closed", !s.open);
    rows.add("activity", hex(s.activity));
    rows.add("activity_peak", std::int64_t{activity_peak(s.activity)});
  }
  return rows.text();
}

std::string due_json(std::span<const Due> cameras) {
  JsonRows rows;
  for (const auto& due : cameras) {
    rows.begin();
    rows.add("camera", due.camera);
    rows.add("before_us", us(due.before));
  }
  return rows.text();
}

std::string copies_json(std::span<const Copy> copies) {
  JsonRows rows;
  for (const auto& [of, copy] : copies) {
    rows.begin();
    rows.add("volume", of.first);
    rows.add("path", of.second);
    rows.add("copy_volume", copy.first);
    rows.add("copy_path", copy.second);
  }
  return rows.text();
}

std::string gaps_json(const std::vector<Gap>& gaps) {
  JsonRows rows;
  for (const auto& g : gaps) {
    rows.begin();
    rows.add("camera", g.key.camera);
    rows.add("stream", g.key.stream);
    rows.add("from_us", us(g.from));
    if (g.to) rows.add("to_us", us(*g.to));
    rows.add("cause", media::to_string(g.cause));
    rows.add("reason", g.reason);
  }
  return rows.text();
}

class SqlSegmentStore final : public SegmentStore {
 public:
  explicit SqlSegmentStore(db::Database& database) : database_(database) {}

  Status apply(const IndexBatch& batch) override {
    if (auto made = partitions_.make_for(batch.segments); !made) return made;
    std::vector<UtcTime> starts;
    for (const auto& segment : batch.segments) starts.push_back(segment.start);
    // Losing the last moments of an index that can be made anew is no loss.
    auto done = database_.transaction(
        [&](db::Transaction& transaction) -> Status {
          TouchedHours touched;
          for (const auto& segment : batch.segments) {
            if (!segment.open) touch(touched, segment.key, segment.start, segment.end);
          }
          if (auto written = write(transaction, batch.segments); !written) return written;
          if (auto gone = remove(transaction, batch.removed, touched, starts); !gone) return gone;
          if (!batch.gaps.empty()) {
            if (auto written = transaction.execute(upsert_gaps, {gaps_json(batch.gaps)}); !written) {
              return std::unexpected(written.error());
            }
          }
          return fill_timeline(transaction, touched);
        },
        {.durability = db::Durability::fast});
    // What failed may still be done, where the answer was lost.
    for (const auto start : starts) sums_.changed(start);
    if (!done) partitions_.forget();
    return done;
  }

  Result<std::vector<Segment>> find(const StreamKey& key, UtcTime from, UtcTime to) override {
    const auto rows = database_.query(find_segments, {key.camera, key.stream, from, from - longest_file, to});
    if (!rows) return std::unexpected(rows.error());
    return read_all(*rows, read_segment);
  }

  Result<std::optional<Segment>> at_or_after(const StreamKey& key, UtcTime at) override {
    auto near = one(find_at, {key.camera, key.stream, at, at - longest_file, at + longest_file});
    return near && !*near ? one(find_next, {key.camera, key.stream, at}) : near;
  }

  Result<std::optional<Segment>> before(const StreamKey& key, UtcTime at) override {
    auto near = one(find_before, {key.camera, key.stream, at, at - longest_file});
    return near && !*near ? one(find_last, {key.camera, key.stream, at}) : near;
  }

  Result<std::vector<Gap>> gaps(const StreamKey& key, UtcTime from, UtcTime to) override {
    const auto rows = database_.query(find_gaps, {json_texts(std::span(&key.camera, 1)), key.stream, from, to}, db::RowFormat::binary);
    if (!rows) return std::unexpected(rows.error());
    auto all = read_all(*rows, read_gap);
    std::ranges::sort(all, {}, &Gap::from);
    return all;
  }

  Result<std::optional<Span>> extent(const StreamKey& key) override {
    const auto rows = database_.query(find_extent, {key.camera, key.stream});
    if (!rows) return std::unexpected(rows.error());
    const auto& row = (*rows)[0];
    if (row.is_null(0) || row.is_null(1)) return std::nullopt;
    return Span{row.utc(0), row.utc(1)};
  }

  Result<std::map<std::string, StoredTimeline>> timeline(std::span<const std::string> cameras, const std::string& stream, UtcTime from,
                                                         UtcTime to, unsigned buckets, Duration) override {
    auto found = read_timeline(database_, cameras, stream, from, to, buckets);
    if (!found) return found;
    const auto gaps = database_.query(find_gaps, {json_texts(cameras), stream, from, to}, db::RowFormat::binary);
    if (!gaps) return std::unexpected(gaps.error());
    for (const auto& row : *gaps) (*found)[row.text(0)].gaps.push_back(read_gap(row));
    return found;
  }

  Result<std::vector<Segment>> open_segments() override {
    const auto rows = database_.query(find_open);
    if (!rows) return std::unexpected(rows.error());
    return read_all(*rows, read_segment);
  }

  Result<std::vector<std::string>> known(const std::string& volume, std::span<const std::string> paths) override {
    StartWindow window;
    for (const auto& path : paths) window.add(path);
    auto found = known_in(volume, paths, window.from(), window.to());
    if (!found || found->size() == paths.size()) return found;
    // A file whose pictures are of another time than its folder says.
    std::ranges::sort(*found);
    std::vector<std::string> others;
    for (const auto& path : paths) {
      if (!std::ranges::binary_search(*found, path)) others.push_back(path);
    }
    auto more = known_in(volume, others, "-infinity", "infinity");
    if (!more) return more;
    found->insert(found->end(), std::make_move_iterator(more->begin()), std::make_move_iterator(more->end()));
    return found;
  }

  Result<std::vector<Segment>> oldest(const std::string& camera, const std::string& volume, UtcTime before, std::size_t limit) override {
    db::Params params{before, volume, limit};
    if (!camera.empty()) params.emplace_back(camera);
    const auto rows = database_.query(camera.empty() ? oldest_of_all : oldest_of_camera, params);
    if (!rows) return std::unexpected(rows.error());
    return read_all(*rows, read_segment);
  }

  Result<std::vector<Segment>> removable(const std::string& volume, UtcTime before, std::size_t limit) override {
    const auto rows = database_.query(removable_of_all, {before, volume, limit});
    if (!rows) return std::unexpected(rows.error());
    return read_all(*rows, read_segment);
  }

  Result<std::vector<Segment>> due(std::span<const Due> cameras, UtcTime from, std::size_t limit) override {
    return find_due(due_by_camera, cameras, {}, from, limit);
  }

  Result<std::vector<Segment>> oldest_due(std::span<const Due> cameras, const std::string& volume, std::size_t limit) override {
    return find_due(due_by_age, cameras, volume, "-infinity", limit);
  }

  Result<std::vector<std::string>> cameras() override {
    const auto rows = database_.query(all_cameras);
    if (!rows) return std::unexpected(rows.error());
    std::vector<std::string> all;
    for (const auto& row : *rows) all.push_back(row.text(0));
    return all;
  }

  Status relocate(const Segment& segment, const std::string& volume) override {
    StartWindow window;
    window.add(segment);
    auto done = database_.transaction([&](db::Transaction& transaction) -> Status {
      const db::Params row{segment.volume, segment.path, volume, window.from(), window.to()};
      if (auto cleared = transaction.execute(clear_target, row); !cleared) return std::unexpected(cleared.error());
      const auto moved = transaction.query(relocate_segment, row);
      if (!moved) return std::unexpected(moved.error());
      if (moved->empty()) return fail(ErrorCode::not_found, segment.path + " is gone");
      for (const auto* statement : {relocate_copies, relocate_damage}) {
        if (auto changed = transaction.execute(statement, {segment.volume, segment.path, volume}); !changed) {
          return std::unexpected(changed.error());
        }
      }
      return {};
    });
    sums_.changed(segment.start);
    return done;
  }

  Result<std::map<std::string, Recent>> recent(UtcTime since) override {
    const auto rows = database_.query(recent_bytes, {since});
    if (!rows) return std::unexpected(rows.error());
    std::map<std::string, Recent> found;
    for (const auto& row : *rows) found[row.text(0)] = {static_cast<std::uint64_t>(row.i64(1)), row.utc(2)};
    return found;
  }

  Result<std::map<std::string, std::uint64_t>> total_bytes() override { return sums_.total(); }

  Status tidy(UtcTime now) override { return partitions_.tidy(now); }

  Result<std::vector<Segment>> after(const std::string& volume, UtcTime start, const std::string& path, std::size_t limit) override {
    const auto rows = database_.query(find_after, {volume, start, path, limit});
    if (!rows) return std::unexpected(rows.error());
    return read_all(*rows, read_segment);
  }

  Result<std::optional<ScrubState>> scrub_state(const std::string& volume) override {
    const auto rows = database_.query(find_scrub, {volume});
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) return std::nullopt;
    const auto& row = (*rows)[0];
    return ScrubState{volume, row.utc(0), row.utc(1), row.text(2), row.maybe_utc(3)};
  }

  Status save(const ScrubState& state) override {
    const auto done = database_.execute(
        upsert_scrub, {state.volume, state.round_began_at, state.reached_at, state.reached_path, state.last_round_ended_at});
    if (!done) return std::unexpected(done.error());
    return {};
  }

  Status add_damage(std::span<const Damage> found) override {
    return database_.transaction([&](db::Transaction& transaction) -> Status {
      for (const auto& d : found) {
        const auto done = transaction.execute(upsert_damage, {d.volume, d.path, static_cast<std::int64_t>(d.offset), d.key.camera,
                                                              d.key.stream, d.from, d.to, d.detail, d.found_at});
        if (!done) return std::unexpected(done.error());
      }
      return {};
    });
  }

  Result<std::vector<Damage>> damage(std::size_t limit) override {
    const auto rows = database_.query(find_damage_rows, {limit});
    if (!rows) return std::unexpected(rows.error());
    std::vector<Damage> all;
    for (const auto& row : *rows) {
      all.push_back({row.text(0),
                     row.text(1),
                     {row.text(3), row.text(4)},
                     static_cast<std::uint64_t>(row.i64(2)),
                     row.utc(5),
                     row.utc(6),
                     row.text(7),
                     row.utc(8)});
    }
    return all;
  }

  Status close_stale_gaps() override {
    const auto done = database_.execute(end_stale_gaps);
    if (!done) return std::unexpected(done.error());
    return {};
  }

 private:
  static Status write(db::Transaction& transaction, std::span<const Segment> segments) {
    if (segments.empty()) return {};
    StartWindow window;
    for (const auto& segment : segments) window.add(segment);
    const auto done = transaction.execute(upsert_segments, {segments_json(segments), window.from(), window.to()});
    if (!done) return std::unexpected(done.error());
    return {};
  }

  static Status remove(db::Transaction& transaction, std::span<const SegmentId> removed, TouchedHours& touched,
                       std::vector<UtcTime>& starts) {
    if (removed.empty()) return {};
    JsonRows ids;
    StartWindow window;
    for (const auto& [volume, path] : removed) {
      ids.begin();
      ids.add("volume", volume);
      ids.add("path", path);
      window.add(path);
    }
    std::size_t found = 0;
    const auto remove_in = [&](db::Param from, db::Param to) -> Status {
      const auto gone = transaction.query(delete_segments, {ids.text(), std::move(from), std::move(to)});
      if (!gone) return std::unexpected(gone.error());
      found += gone->size();
      for (const auto& row : *gone) {
        touch(touched, {row.text(0), row.text(1)}, row.utc(2), row.utc(3));
        starts.push_back(row.utc(2));
      }
      return {};
    };
    auto done = remove_in(window.from(), window.to());
    // A file whose pictures are of another time than its folder says, or one that had no row.
    if (done && found < removed.size()) done = remove_in("-infinity", "infinity");
    if (!done || touched.empty()) return done;
    JsonRows streams;
    for (auto at = touched.begin(); at != touched.end(); ++at) {
      if (at != touched.begin() && std::get<0>(*at) == std::get<0>(*std::prev(at)) && std::get<1>(*at) == std::get<1>(*std::prev(at)))
        continue;
      streams.begin();
      streams.add("camera", std::get<0>(*at));
      streams.add("stream", std::get<1>(*at));
    }
    const auto forgotten = transaction.execute(forget_gaps, {streams.text()});
    return forgotten ? Status{} : std::unexpected(forgotten.error());
  }

  Result<std::vector<std::string>> known_in(const std::string& volume, std::span<const std::string> paths, db::Param from, db::Param to) {
    const auto rows = database_.query(find_known, {volume, json_texts(paths), std::move(from), std::move(to)});
    if (!rows) return std::unexpected(rows.error());
    std::vector<std::string> known;
    for (const auto& row : *rows) known.push_back(row.text(0));
    return known;
  }

  Result<std::vector<Segment>> find_due(const char* statement, std::span<const Due> cameras, const std::string& volume, db::Param from,
                                        std::size_t limit) {
    if (cameras.empty()) return std::vector<Segment>{};
    const auto last = std::ranges::max(cameras, {}, &Due::before).before;
    const auto rows = database_.query(statement, {due_json(cameras), volume, limit, std::move(from), last});
    if (!rows) return std::unexpected(rows.error());
    return read_all(*rows, read_segment);
  }

  Result<std::optional<Segment>> one(const char* statement, const db::Params& params) {
    const auto rows = database_.query(statement, params);
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) return std::nullopt;
    return read_segment((*rows)[0]);
  }

  db::Database& database_;
  SegmentPartitions partitions_{database_};
  DaySums sums_{database_};
};

}  // namespace

Status replace_index(db::Database& database, std::span<const Segment> segments, std::span<const Copy> copies) {
  return database.transaction(
      [&](db::Transaction& transaction) -> Status {
        if (auto done = transaction.script("truncate segments, copies"); !done) return done;
        SegmentPartitions partitions(database);
        if (auto made = partitions.make_for(transaction, segments); !made) return made;
        for (std::size_t at = 0; at < segments.size(); at += rows_per_statement) {
          const auto some = segments.subspan(at, std::min(rows_per_statement, segments.size() - at));
          // The table is empty and no path is named twice: nothing is to be looked for.
          if (auto done = transaction.execute(upsert_segments, {segments_json(some), "infinity", "infinity"}); !done) {
            return std::unexpected(done.error());
          }
        }
        for (std::size_t at = 0; at < copies.size(); at += rows_per_statement) {
          const auto some = copies.subspan(at, std::min(rows_per_statement, copies.size() - at));
          if (auto done = transaction.execute(insert_copies, {copies_json(some)}); !done) return std::unexpected(done.error());
        }
        if (auto done = transaction.script("delete from timeline_hours; delete from timeline_days"); !done) return done;
        std::set<UtcTime> days;
        for (const auto& segment : segments) days.insert(std::chrono::floor<std::chrono::days>(segment.start));
        for (const auto day : days) {
          if (auto filled = transaction.query(fill_day, {day}); !filled) return std::unexpected(filled.error());
        }
        return {};
      },
      {.statement_timeout = std::chrono::minutes{10}});
}

std::unique_ptr<SegmentStore> make_sql_segment_store(db::Database& database) { return std::make_unique<SqlSegmentStore>(database); }

}  // namespace ccoc::archive
