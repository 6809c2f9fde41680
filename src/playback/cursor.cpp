#include "ccoc/playback/cursor.h"

#include <algorithm>

namespace ccoc::playback {
namespace {

using archive::Segment;
using archive::SegmentReader;
using media::AccessUnitPtr;

/// A shorter hole between two files is no gap.
constexpr Duration gap_tolerance = std::chrono::milliseconds{500};
/// Files that vanish (retention) or are broken are passed over, but not without end in one call.
constexpr int most_skips = 100;

AccessUnitPtr mark_discontinuity(const AccessUnitPtr& unit) {
  auto copy = std::make_shared<media::AccessUnit>(*unit);
  copy->discontinuity = true;
  return copy;
}

bool passes_over(const Error& error) { return error.code == ErrorCode::not_found || error.code == ErrorCode::corrupt; }

}  // namespace

struct Cursor::State {
  archive::Catalog& catalog;
  archive::StreamKey key;
  bool with_sound = false;

  Segment segment;
  std::shared_ptr<SegmentReader> reader;
  std::size_t next_fragment = 0;  ///< the first not read yet
  std::size_t back_fragment = 0;  ///< previous_key() looks at those before it
  std::vector<AccessUnitPtr> units;
  std::vector<media::AudioUnitPtr> sound;
  std::size_t next_unit = 0;
  bool discontinuity = true;
  bool skip_to_key = false;  ///< something was passed over: the next picture must be a key frame
  std::optional<GapAhead> gap;
  std::optional<std::uint64_t> seen_generation;  ///< of the look that found nothing newer

  void drop_units() {
    units.clear();
    next_unit = 0;
  }

  /// Makes `wanted` the current file, or the next one after it that can be read.
  Result<bool> enter(std::optional<Segment> wanted) {
    for (int tries = 0; wanted; ++tries) {
      auto opened = catalog.open(*wanted);
      if (opened) {
        segment = std::move(*wanted);
        reader = std::move(*opened);
        next_fragment = back_fragment = 0;
        drop_units();
        seen_generation.reset();
        return true;
      }
      if (!passes_over(opened.error()) || tries >= most_skips) return std::unexpected(opened.error());
      auto next = catalog.at_or_after(key, std::max(wanted->end, wanted->start + Duration{1}));
      if (!next) return std::unexpected(next.error());
      wanted = std::move(*next);
    }
    return false;
  }

  GapAhead describe_gap(UtcTime from, UtcTime to) const {
    GapAhead ahead{from, to, media::GapCause::hub};
    const auto known = catalog.gaps(key, from, to);
    Duration longest{0};
    if (known) {
      for (const auto& g : *known) {
        const auto length = std::min(g.to.value_or(to), to) - std::max(g.from, from);
        if (length > longest) {
          longest = length;
          ahead.cause = g.cause;
        }
      }
    }
    return ahead;
  }

  UtcTime last_end() const { return reader && !reader->fragments().empty() ? reader->end_of(reader->fragments().back()) : segment.end; }

  /// Learns what was written to the current file since. True when it grew.
  Result<bool> grow() {
    if (!segment.open) return false;
    const auto before = reader->fragments().size();
    const auto edge = catalog.edge(key);
    if (edge.open && edge.open->path == segment.path) {
      segment = *edge.open;
    } else {
      const auto now = catalog.at_or_after(key, segment.start);
      if (!now) return std::unexpected(now.error());
      if (!*now || (*now)->path != segment.path) {
        segment.open = false;
        return false;
      }
      segment = **now;
    }
    if (auto read = reader->refresh(segment.bytes); !read) return std::unexpected(read.error());
    return reader->fragments().size() > before;
  }

  /// To the file after the current one. False: there is none (yet).
  Result<bool> enter_next() {
    const auto edge = catalog.edge(key);
    if (seen_generation == edge.generation) return false;
    const auto end = last_end();
    const auto run = segment.run;
    // A file's own end may lie a rounding behind its row's.
    auto next = catalog.at_or_after(key, std::max(end, segment.end));
    if (!next) return std::unexpected(next.error());
    if (*next && (*next)->path == segment.path) next->reset();
    auto entered = enter(std::move(*next));
    if (!entered) return entered;
    if (!*entered) {
      seen_generation = edge.generation;
      return false;
    }
    if (segment.start - end > gap_tolerance) gap = describe_gap(end, segment.start);
    if (gap || segment.run != run) discontinuity = true;
    return true;
  }

  Step at_edge() const { return AtLiveEdge{catalog.edge(key).recorded_now}; }
};

Cursor::Cursor(archive::Catalog& catalog, archive::StreamKey key, bool with_sound)
    : state_(new State{.catalog = catalog,
                       .key = std::move(key),
                       .with_sound = with_sound,
                       .segment = {},
                       .reader = {},
                       .units = {},
                       .sound = {},
                       .gap = {},
                       .seen_generation = {}}) {}
Cursor::~Cursor() = default;
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;

std::vector<media::AudioUnitPtr> Cursor::take_sound() { return std::exchange(state_->sound, {}); }

Status Cursor::seek(UtcTime at) {
  auto& s = *state_;
  s.gap.reset();
  s.sound.clear();
  s.discontinuity = true;
  s.skip_to_key = false;
  auto wanted = s.catalog.at_or_after(s.key, at);
  if (!wanted) return std::unexpected(wanted.error());
  auto entered = s.enter(std::move(*wanted));
  if (!entered) return std::unexpected(entered.error());
  if (!*entered) {
    auto last = s.catalog.before(s.key, at);
    if (!last) return std::unexpected(last.error());
    entered = s.enter(std::move(*last));
    if (!entered) return std::unexpected(entered.error());
    if (!*entered) return fail(ErrorCode::not_found, "nothing is recorded of " + s.key.camera + "/" + s.key.stream);
    s.next_fragment = s.back_fragment = s.reader->fragments().size();
    return {};
  }
  const auto& fragments = s.reader->fragments();
  for (std::size_t i = 0; i < fragments.size(); ++i) {
    if (s.reader->start_of(fragments[i]) > at) break;
    if (fragments[i].starts_with_key()) s.next_fragment = i;
  }
  s.back_fragment = std::min(s.next_fragment + 1, fragments.size());
  if (s.segment.start - at > gap_tolerance) s.gap = s.describe_gap(at, s.segment.start);
  return {};
}

Result<Step> Cursor::next() {
  auto& s = *state_;
  if (!s.reader) return fail(ErrorCode::internal, "a cursor must seek before it moves");
  for (int skips = 0; skips < most_skips;) {
    if (s.gap) return std::exchange(s.gap, std::nullopt).value();
    if (s.next_unit < s.units.size()) {
      const auto& unit = s.units[s.next_unit++];
      return std::exchange(s.discontinuity, false) ? mark_discontinuity(unit) : unit;
    }
    if (s.next_fragment < s.reader->fragments().size()) {
      const auto& fragment = s.reader->fragments()[s.next_fragment++];
      s.back_fragment = s.next_fragment;
      if (s.skip_to_key && !fragment.starts_with_key()) continue;
      s.drop_units();
      auto contents = s.reader->read(fragment, s.with_sound);
      if (contents) {
        s.units = std::move(contents->pictures);
        s.sound.insert(s.sound.end(), contents->sound.begin(), contents->sound.end());
        s.skip_to_key = false;
        continue;
      }
      if (!passes_over(contents.error())) return std::unexpected(contents.error());
      s.skip_to_key = s.discontinuity = true;
      ++skips;
      continue;
    }
    const auto grew = s.grow();
    if (!grew) return std::unexpected(grew.error());
    if (*grew) continue;
    if (s.segment.open) return s.at_edge();
    const auto entered = s.enter_next();
    if (!entered) return std::unexpected(entered.error());
    if (!*entered) return s.at_edge();
  }
  return fail(ErrorCode::corrupt, "too many fragments of " + s.segment.path + " cannot be read");
}

Result<Step> Cursor::next_key() {
  auto& s = *state_;
  if (!s.reader) return fail(ErrorCode::internal, "a cursor must seek before it moves");
  s.drop_units();
  for (int skips = 0; skips < most_skips;) {
    if (s.gap) return std::exchange(s.gap, std::nullopt).value();
    if (s.next_fragment < s.reader->fragments().size()) {
      const auto& fragment = s.reader->fragments()[s.next_fragment++];
      s.back_fragment = s.next_fragment;
      if (!fragment.starts_with_key()) continue;
      auto unit = s.reader->read_first(fragment);
      if (unit) return std::exchange(s.discontinuity, false) ? mark_discontinuity(*unit) : *unit;
      if (!passes_over(unit.error())) return std::unexpected(unit.error());
      s.discontinuity = true;
      ++skips;
      continue;
    }
    const auto grew = s.grow();
    if (!grew) return std::unexpected(grew.error());
    if (*grew) continue;
    if (s.segment.open) return s.at_edge();
    const auto entered = s.enter_next();
    if (!entered) return std::unexpected(entered.error());
    if (!*entered) return s.at_edge();
  }
  return fail(ErrorCode::corrupt, "too many fragments of " + s.segment.path + " cannot be read");
}

Result<Step> Cursor::previous_key() {
  auto& s = *state_;
  if (!s.reader) return fail(ErrorCode::internal, "a cursor must seek before it moves");
  s.drop_units();
  s.gap.reset();
  for (int skips = 0; skips < most_skips;) {
    while (s.back_fragment > 0) {
      const auto& fragment = s.reader->fragments()[--s.back_fragment];
      s.next_fragment = s.back_fragment + 1;
      if (!fragment.starts_with_key()) continue;
      auto unit = s.reader->read_first(fragment);
      if (unit) {
        s.discontinuity = true;
        return mark_discontinuity(*unit);
      }
      if (!passes_over(unit.error())) return std::unexpected(unit.error());
      ++skips;
    }
    const auto start = s.segment.start;
    auto before = s.catalog.before(s.key, start);
    if (!before) return std::unexpected(before.error());
    if (!*before) return AtBeginning{};
    auto opened = s.catalog.open(**before);
    if (!opened) {
      if (!passes_over(opened.error())) return std::unexpected(opened.error());
      s.segment.start = (*before)->start;  // pass over it
      ++skips;
      continue;
    }
    s.segment = std::move(**before);
    s.reader = std::move(*opened);
    s.back_fragment = s.reader->fragments().size();
    s.seen_generation.reset();
    if (start - s.last_end() > gap_tolerance) return s.describe_gap(s.last_end(), start);
  }
  return fail(ErrorCode::corrupt, "too many files of " + s.key.camera + " cannot be read");
}

Result<KeyFrame> key_frame_at(archive::Catalog& catalog, const archive::StreamKey& key, UtcTime at, Duration tolerance) {
  const auto none = [&] {
    return fail(ErrorCode::not_found, "nothing is recorded of " + key.camera + "/" + key.stream + " at " + format_rfc3339(at));
  };
  const auto segment = catalog.before(key, at + Duration{1});
  if (!segment) return std::unexpected(segment.error());
  if (!*segment || at - (*segment)->end > tolerance) return none();
  auto reader = catalog.open(**segment);
  if (!reader) return std::unexpected(reader.error());
  const auto& fragments = (*reader)->fragments();
  for (auto i = fragments.size(); i-- > 0;) {
    if (!fragments[i].starts_with_key()) continue;
    const auto time = (*reader)->start_of(fragments[i]);
    if (time <= at) return KeyFrame{*reader, fragments[i], time, (*segment)->open};
  }
  return none();
}

Result<media::AccessUnitPtr> key_unit_at(archive::Catalog& catalog, const archive::StreamKey& key, UtcTime at, Duration tolerance) {
  const auto frame = key_frame_at(catalog, key, at, tolerance);
  if (!frame) return std::unexpected(frame.error());
  return frame->read();
}

}  // namespace ccoc::playback
