#include "ccoc/db/database.h"
#include "json_text.h"
#include "move_store.h"
#include "segment_row.h"

namespace ccoc::archive {
namespace {

constexpr auto insert_move =
    "insert into moves (volume, path, target) values ($1, $2, $3) on conflict (volume, path) do update set target = excluded.target";
constexpr auto delete_move = "delete from moves where volume = $1 and path = $2";
constexpr auto all_moves = "select volume, path, target from moves order by volume, path limit 1000";

constexpr auto find_uncopied = R"(
select volume, path, camera, stream, starts_at, ends_at, bytes, run, closed from segments s
where camera = $1 and closed and starts_at >= $2
  and not exists (select 1 from copies c where c.volume = s.volume and c.path = s.path)
order by starts_at limit $3)";
constexpr auto insert_copy = R"(
with made as (delete from moves where volume = $3 and path = $4 and target = $3)
insert into copies (volume, path, copy_volume, copy_path) values ($1, $2, $3, $4) on conflict do nothing)";
constexpr auto find_copies = R"(
select c.volume, c.path, c.copy_volume, c.copy_path
from json_to_recordset($1::json) as x(volume text, path text) join copies c on c.volume = x.volume and c.path = x.path)";
constexpr auto find_mendable = R"(
select distinct s.volume, s.path, s.camera, s.stream, s.starts_at, s.ends_at, s.bytes, s.run, c.copy_volume, c.copy_path,
  (d.volume, d.path) = (s.volume, s.path) as first_is_damaged
from damage d
join copies c on (c.volume, c.path) = (d.volume, d.path) or (c.copy_volume, c.copy_path) = (d.volume, d.path)
join segments s on s.volume = c.volume and s.path = c.path
  and s.starts_at > d.starts_at - interval '48 hours' and s.starts_at <= d.starts_at + interval '1 second'
where s.closed order by s.volume, s.path limit $1)";
constexpr auto forget_damage = "delete from damage where volume = $1 and path = $2";
constexpr auto delete_copies =
    "delete from copies c using json_to_recordset($1::json) as x(volume text, path text) "
    "where c.volume = x.volume and c.path = x.path";

std::string ids_json(std::span<const SegmentId> files) {
  JsonRows rows;
  for (const auto& [volume, path] : files) {
    rows.begin();
    rows.add("volume", volume);
    rows.add("path", path);
  }
  return rows.text();
}

class SqlMoveStore final : public MoveStore {
 public:
  explicit SqlMoveStore(db::Database& database) : database_(database) {}

  Status begin(const Move& move) override { return run(insert_move, {move.from.first, move.from.second, move.target}); }
  Status end(const Move& move) override { return run(delete_move, {move.from.first, move.from.second}); }

  Result<std::vector<Move>> pending() override {
    const auto rows = database_.query(all_moves);
    if (!rows) return std::unexpected(rows.error());
    std::vector<Move> moves;
    for (const auto& row : *rows) moves.push_back({{row.text(0), row.text(1)}, row.text(2)});
    return moves;
  }

  Result<std::vector<Segment>> uncopied(const std::string& camera, UtcTime since, std::size_t limit) override {
    const auto rows = database_.query(find_uncopied, {camera, since, limit});
    if (!rows) return std::unexpected(rows.error());
    std::vector<Segment> found;
    for (const auto& row : *rows) found.push_back(read_segment(row));
    return found;
  }

  Status add(const Copy& copy) override { return run(insert_copy, {copy.of.first, copy.of.second, copy.copy.first, copy.copy.second}); }

  Result<std::vector<Copy>> copies_of(std::span<const SegmentId> files) override {
    const auto rows = database_.query(find_copies, {ids_json(files)});
    if (!rows) return std::unexpected(rows.error());
    std::vector<Copy> copies;
    for (const auto& row : *rows) copies.push_back({{row.text(0), row.text(1)}, {row.text(2), row.text(3)}});
    return copies;
  }

  Result<std::vector<Mendable>> mendable(std::size_t limit) override {
    const auto rows = database_.query(find_mendable, {limit});
    if (!rows) return std::unexpected(rows.error());
    std::vector<Mendable> found;
    for (const auto& row : *rows) {
      const auto first = read_closed_segment(row);
      Segment second = first;
      second.volume = row.text(8);
      second.path = row.text(9);
      const SegmentId id{first.volume, first.path};
      found.push_back(row.boolean(10) ? Mendable{first, second, id} : Mendable{second, first, id});
    }
    return found;
  }

  Status mended(const SegmentId& file) override { return run(forget_damage, {file.first, file.second}); }

  Status remove_copies(std::span<const SegmentId> files) override { return run(delete_copies, {ids_json(files)}); }

 private:
  Status run(const char* statement, const db::Params& params) {
    const auto done = database_.execute(statement, params);
    return done ? Status{} : std::unexpected(done.error());
  }

  db::Database& database_;
};

}  // namespace

std::unique_ptr<MoveStore> make_sql_move_store(db::Database& database) { return std::make_unique<SqlMoveStore>(database); }

}  // namespace ccoc::archive
