#include "audit_store.h"

#include <algorithm>

namespace ccoc::access {
namespace {

constexpr std::int64_t audit_lock = 0x6175646974;  // "audit"
constexpr int lines_at_once = 1000;

constexpr std::string_view last_sql = "select number, hash from audit order by number desc limit 1";
constexpr std::string_view insert_sql =
    "insert into audit (number, at, actor, action, object, address, details, hash)"
    " values ($1, $2, $3, $4, $5, $6, $7, $8)";
constexpr std::string_view list_sql =
    "select number, at, actor, action, object, address, details, hash from audit"
    " where ($1::timestamptz is null or at >= $1) and ($2::timestamptz is null or at < $2)"
    " and ($3 = '' or actor = $3) and ($4 = '' or action = $4) and ($5 = '' or object = $5)"
    " and ($6::bigint is null or number < $6) order by number desc limit $7";
constexpr std::string_view walk_sql =
    "select number, at, actor, action, object, address, details, hash from audit where number > $1 order by number limit $2";

void put_number(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size());
  out += text;
}

AuditEntry read_entry(const db::Row& row) {
  AuditEntry out;
  out.number = row.i64("number");
  out.at = row.utc("at");
  out.actor = row.text("actor");
  out.action = row.text("action");
  out.object = row.text("object");
  out.address = row.text("address");
  out.details = row.text("details");
  out.hash = hex(row.bytes("hash"));
  return out;
}

Hash to_hash(const Bytes& bytes) {
  Hash out{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), out.size()), out.begin());
  return out;
}

}  // namespace

Hash audit_hash(const Hash& before, const AuditEntry& entry) {
  std::string bytes(as_text(before));
  put_number(bytes, static_cast<std::uint64_t>(entry.number));
  put_number(bytes, static_cast<std::uint64_t>(entry.at.time_since_epoch().count()));
  for (const auto* field : {&entry.actor, &entry.action, &entry.object, &entry.address, &entry.details}) {
    put_text(bytes, *field);
  }
  return sha256(bytes);
}

Status AuditStore::append(AuditEntry entry) {
  return database_.transaction([&](db::Transaction& transaction) -> Status {
    if (const auto locked = transaction.query("select pg_advisory_xact_lock($1)", {audit_lock}); !locked) {
      return std::unexpected(locked.error());
    }
    const auto last = transaction.query(last_sql);
    if (!last) return std::unexpected(last.error());
    const Hash before = last->empty() ? Hash{} : to_hash((*last)[0].bytes("hash"));
    entry.number = last->empty() ? 1 : (*last)[0].i64("number") + 1;
    const Hash hash = audit_hash(before, entry);
    const auto inserted = transaction.execute(
        insert_sql, {entry.number, entry.at, entry.actor, entry.action, entry.object, entry.address, entry.details, ByteView(hash)});
    if (!inserted) return std::unexpected(inserted.error());
    return {};
  });
}

Result<std::vector<AuditEntry>> AuditStore::list(const AuditFilter& filter) {
  const auto rows = database_.query(
      list_sql, {filter.from, filter.to, filter.actor, filter.action, filter.object, filter.before, std::clamp(filter.limit, 1, 500)});
  if (!rows) return std::unexpected(rows.error());
  std::vector<AuditEntry> out;
  for (const auto& row : *rows) out.push_back(read_entry(row));
  return out;
}

Result<AuditCheck> AuditStore::check() {
  AuditCheck out;
  Hash before{};
  while (true) {
    const auto rows = database_.query(walk_sql, {out.lines, lines_at_once});
    if (!rows) return std::unexpected(rows.error());
    for (const auto& row : *rows) {
      const auto entry = read_entry(row);
      const Hash expected = audit_hash(before, entry);
      if (entry.number != out.lines + 1 || hex(expected) != entry.hash) {
        out.broken_at = out.lines + 1;
        return out;
      }
      before = expected;
      ++out.lines;
    }
    if (rows->size() < static_cast<std::size_t>(lines_at_once)) return out;
  }
}

}  // namespace ccoc::access
