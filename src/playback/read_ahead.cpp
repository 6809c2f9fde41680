#include "read_ahead.h"

#include <algorithm>

#include "ccoc/playback/player.h"

namespace ccoc::playback {
namespace {

constexpr std::size_t most_steps = 64;
constexpr Duration instant{1};

Result<Step> move(Cursor& cursor, Mode mode) {
  switch (mode) {
    case Mode::frames: return cursor.next();
    case Mode::keys: return cursor.next_key();
    case Mode::keys_backwards: return cursor.previous_key();
  }
  return cursor.next();
}

/// Times of the frames in [from, until), from the key frame at or before `from`.
Result<std::vector<UtcTime>> frames_until(Cursor& cursor, UtcTime from, UtcTime until) {
  std::vector<UtcTime> times;
  if (auto ok = cursor.seek(from); !ok) return std::unexpected(ok.error());
  for (;;) {
    auto step = cursor.next();
    if (!step) return std::unexpected(step.error());
    if (std::holds_alternative<GapAhead>(*step)) continue;
    const auto* unit = std::get_if<media::AccessUnitPtr>(&*step);
    if (unit == nullptr || (*unit)->capture_time >= until) return times;
    times.push_back((*unit)->capture_time);
  }
}

/// The key frame before `until`, over any gap.
Result<std::optional<UtcTime>> key_before(Cursor& cursor, UtcTime until) {
  if (auto ok = cursor.seek(until - instant); !ok) return std::unexpected(ok.error());
  for (;;) {
    auto step = cursor.previous_key();
    if (!step) return std::unexpected(step.error());
    if (std::holds_alternative<AtBeginning>(*step)) return std::nullopt;
    const auto* unit = std::get_if<media::AccessUnitPtr>(&*step);
    if (unit != nullptr && (*unit)->capture_time < until) return (*unit)->capture_time;
  }
}

}  // namespace

Mode mode_of(double speed) {
  if (speed < 0) return Mode::keys_backwards;
  return speed > fastest_full_speed ? Mode::keys : Mode::frames;
}

Batch read_batch(Cursor& cursor, Mode mode, std::optional<UtcTime> seek_to, std::size_t max_bytes) {
  Batch batch;
  if (seek_to) {
    if (auto ok = cursor.seek(*seek_to); !ok) {
      batch.error = ok.error();
      return batch;
    }
  }
  std::size_t bytes = 0;
  while (bytes < max_bytes && batch.steps.size() < most_steps) {
    auto step = move(cursor, mode);
    if (!step) {
      batch.error = step.error();
      break;
    }
    const auto* unit = std::get_if<media::AccessUnitPtr>(&*step);
    if (unit != nullptr) bytes += (*unit)->data->size();
    batch.steps.push_back(std::move(*step));
    if (!std::holds_alternative<media::AccessUnitPtr>(batch.steps.back())) break;
  }
  batch.sound = cursor.take_sound();
  return batch;
}

Result<std::optional<UtcTime>> find_frame_before(Cursor& cursor, UtcTime current, int frames) {
  std::vector<UtcTime> times;  // rising
  UtcTime until = current;
  while (static_cast<int>(times.size()) < frames) {
    const auto key = key_before(cursor, until);
    if (!key) return std::unexpected(key.error());
    if (!*key) break;
    auto gop = frames_until(cursor, **key, until);
    if (!gop) return std::unexpected(gop.error());
    if (gop->empty()) break;
    until = gop->front();
    times.insert(times.begin(), gop->begin(), gop->end());
  }
  if (times.empty()) return std::nullopt;
  const auto back = std::min(times.size(), static_cast<std::size_t>(frames));
  return times[times.size() - back];
}

}  // namespace ccoc::playback
