#include "ccoc/archive/holds.h"

#include "ccoc/archive/types.h"
#include "ccoc/db/database.h"

namespace ccoc::archive {
namespace {

constexpr std::size_t longest_reason = 500;

#define CCOC_HOLD_COLUMNS "id, camera, starts_at, ends_at, reason, created_by, created_at, released_at, released_by"

constexpr auto insert_hold =
    "insert into holds (camera, starts_at, ends_at, reason, created_by, created_at) "
    "values ($1, $2, $3, $4, $5, $6) returning " CCOC_HOLD_COLUMNS;
constexpr auto release_hold =
    "update holds set released_at = $2, released_by = $3 where id = $1 and released_at is null returning " CCOC_HOLD_COLUMNS;
constexpr auto find_hold = "select released_at is not null from holds where id = $1";
constexpr auto list_holds = "select " CCOC_HOLD_COLUMNS
                            " from holds where ($1 = '' or camera = $1) and ($2::boolean or released_at is null) "
                            "order by id desc limit $3";

Hold read_hold(const db::Row& row) {
  return {row.i64(0), row.text(1),      row.utc(2),
          row.utc(3), row.text(4),      row.text(5),
          row.utc(6), row.maybe_utc(7), row.maybe_text(8).value_or("")};
}

}  // namespace

Result<Hold> Holds::place(const std::string& camera, UtcTime from, UtcTime to, const std::string& reason, const std::string& by,
                          UtcTime now) {
  if (!validate({camera, "main"})) return fail(ErrorCode::invalid_argument, "is no camera's id", "camera");
  if (from >= to) return fail(ErrorCode::invalid_argument, "must be after from", "to");
  if (reason.empty() || reason.size() > longest_reason) return fail(ErrorCode::invalid_argument, "1 to 500 characters", "reason");
  const auto rows = database_.query(insert_hold, {camera, from, to, reason, by, now});
  if (!rows) return std::unexpected(rows.error());
  return read_hold((*rows)[0]);
}

Result<Hold> Holds::release(std::int64_t id, const std::string& by, UtcTime now) {
  const auto rows = database_.query(release_hold, {id, now, by});
  if (!rows) return std::unexpected(rows.error());
  if (!rows->empty()) return read_hold((*rows)[0]);
  const auto known = database_.query(find_hold, {id});
  if (!known) return std::unexpected(known.error());
  if (known->empty()) return fail(ErrorCode::not_found, "there is no hold " + std::to_string(id));
  return fail(ErrorCode::conflict, "the hold was released before");
}

Result<std::vector<Hold>> Holds::list(const std::string& camera, bool released, std::size_t limit) {
  const auto rows = database_.query(list_holds, {camera, released, limit});
  if (!rows) return std::unexpected(rows.error());
  std::vector<Hold> out;
  for (const auto& row : *rows) out.push_back(read_hold(row));
  return out;
}

}  // namespace ccoc::archive
