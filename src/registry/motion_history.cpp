#include "ccoc/registry/motion_history.h"

#include <algorithm>
#include <cmath>

namespace ccoc::registry {
namespace {

constexpr std::size_t columns = 16, rows = 9;
constexpr std::size_t mask_bytes = columns * rows / 8, look_bytes = 1 + mask_bytes;
constexpr std::size_t most_pending = 20'000;  ///< camera minutes

constexpr std::string_view append_sql =
    "insert into motion (camera, minute, looks) values ($1, $2, $3) "
    "on conflict (camera, minute) do update set looks = motion.looks || excluded.looks";
constexpr std::string_view find_sql =
    "select minute, looks from motion where camera = $1 and minute > $2::timestamptz - interval '1 minute' and minute < $3 "
    "order by minute";
constexpr std::string_view cameras_sql =
    "with recursive c as ((select camera from motion order by camera limit 1) union all "
    "select (select m.camera from motion m where m.camera > c.camera order by m.camera limit 1) from c where c.camera is not null) "
    "select camera from c where camera is not null";
constexpr std::string_view forget_sql = "delete from motion where camera = $1 and minute < $2";

MotionArea read_mask(ByteView bytes) {
  MotionArea out;
  for (std::size_t i = 0; i < columns * rows; ++i) out[i] = (bytes[i / 8] >> (7 - i % 8) & 1) != 0;
  return out;
}

/// Looks of one minute into spans.
void add_minute(UtcTime minute, ByteView looks, UtcTime from, UtcTime to, const MotionArea& area, Duration join,
                std::vector<MotionSpan>& spans, MotionArea& moved) {
  for (; looks.size() >= look_bytes; looks = looks.subspan(look_bytes)) {
    const auto second = std::min<std::int64_t>(looks[0], 59);
    const auto cells = read_mask(looks.subspan(1, mask_bytes)) & area;
    const auto begin = minute + std::chrono::seconds{second}, end = begin + std::chrono::seconds{1};
    if (cells.none() || begin >= to || end <= from) continue;
    const bool joined = !spans.empty() && begin - spans.back().to <= join;
    if (!joined) {
      spans.push_back({begin, end, 0});
      moved.reset();
    }
    moved |= cells;
    spans.back().to = std::max(spans.back().to, end);
    spans.back().cells = moved.count();
  }
}

}  // namespace

MotionArea motion_area(double x, double y, double width, double height) {
  MotionArea out;
  const auto touches = [](double begin, double length, std::size_t index, std::size_t count) {
    const double a = static_cast<double>(index) / static_cast<double>(count),
                 b = static_cast<double>(index + 1) / static_cast<double>(count);
    return begin < b && begin + length > a;
  };
  if (!(width > 0 && height > 0)) return out;
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < columns; ++column)
      out[row * columns + column] = touches(x, width, column, columns) && touches(y, height, row, rows);
  }
  return out;
}

void MotionHistory::note(const std::string& camera, UtcTime at, const MotionArea& cells) {
  const auto minute = std::chrono::floor<std::chrono::minutes>(at);
  const std::lock_guard lock(mutex_);
  if (pending_.size() >= most_pending) pending_.erase(pending_.begin());
  auto& looks = pending_[{camera, minute}];
  looks.push_back(static_cast<std::uint8_t>((at - minute) / std::chrono::seconds{1}));
  const auto begin = looks.size();
  looks.resize(begin + mask_bytes);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (cells[i]) looks[begin + i / 8] = static_cast<std::uint8_t>(looks[begin + i / 8] | 1u << (7 - i % 8));
  }
}

Status MotionHistory::flush() {
  std::map<std::pair<std::string, UtcTime>, Bytes> writing;
  {
    const std::lock_guard lock(mutex_);
    writing.swap(pending_);
  }
  if (writing.empty()) return {};
  auto done = database_.transaction(
      [&](db::Transaction& transaction) -> Status {
        for (const auto& [key, looks] : writing) {
          if (auto written = transaction.execute(append_sql, {key.first, key.second, looks}); !written) {
            return std::unexpected(written.error());
          }
        }
        return {};
      },
      {.durability = db::Durability::fast});
  if (done) return {};
  const std::lock_guard lock(mutex_);
  for (auto& [key, looks] : writing) {
    auto& waiting = pending_[key];
    waiting.insert(waiting.begin(), looks.begin(), looks.end());
  }
  while (pending_.size() > most_pending) pending_.erase(pending_.begin());
  return done;
}

Result<std::vector<MotionSpan>> MotionHistory::find(const std::string& camera, UtcTime from, UtcTime to, const MotionArea& area,
                                                    Duration join, std::size_t limit) const {
  const auto found = database_.query(find_sql, {camera, from, to}, db::RowFormat::binary);
  if (!found) return std::unexpected(found.error());
  std::vector<MotionSpan> spans;
  MotionArea moved;
  for (const auto& row : *found) {
    add_minute(row.utc(0), row.byte_view(1), from, to, area, join, spans, moved);
    if (spans.size() > limit) break;
  }
  if (spans.size() > limit) spans.resize(limit);
  return spans;
}

Result<std::vector<std::string>> MotionHistory::cameras() const {
  const auto found = database_.query(cameras_sql);
  if (!found) return std::unexpected(found.error());
  std::vector<std::string> out;
  for (const auto& row : *found) out.push_back(row.text(0));
  return out;
}

Status MotionHistory::forget(const std::string& camera, UtcTime before) {
  const auto done = database_.execute(forget_sql, {camera, before});
  if (!done) return std::unexpected(done.error());
  return {};
}

}  // namespace ccoc::registry
