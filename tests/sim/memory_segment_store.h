// The index in memory, for tests that need no PostgreSQL. Can be away.
#pragma once

#include <algorithm>
#include <map>
#include <mutex>

#include "ccoc/archive/segment_store.h"

namespace ccoc::sim {

/// What several stores (one per life of a hub) share.
struct IndexTables {
  std::mutex mutex;
  std::map<archive::SegmentId, archive::Segment> segments;
  std::map<std::pair<archive::StreamKey, UtcTime>, archive::Gap> gaps;
  std::map<std::string, archive::ScrubState> scrubs;
  std::vector<archive::Damage> damage;
  struct Held {
    std::string camera;
    UtcTime from, to;
  };
  std::vector<Held> holds;
  bool away = false;
  std::size_t batches = 0;
  std::size_t asked_for_due = 0;  ///< how often
};

class MemorySegmentStore final : public archive::SegmentStore {
 public:
  using Segment = archive::Segment;
  using StreamKey = archive::StreamKey;
  using Gap = archive::Gap;
  using Span = archive::Span;

  explicit MemorySegmentStore(std::shared_ptr<IndexTables> tables) : tables_(std::move(tables)) {}

  Status apply(const archive::IndexBatch& batch) override {
    const std::lock_guard lock(tables_->mutex);
    if (tables_->away) return gone();
    ++tables_->batches;
    for (const auto& segment : batch.segments) tables_->segments[{segment.volume, segment.path}] = segment;
    for (const auto& id : batch.removed) tables_->segments.erase(id);
    for (const auto& gap : batch.gaps) {
      const auto [it, made] = tables_->gaps.try_emplace({gap.key, gap.from}, gap);
      if (!made && gap.to) it->second.to = gap.to;
    }
    return {};
  }

  Result<std::vector<Segment>> find(const StreamKey& key, UtcTime from, UtcTime to) override {
    return select([&](const Segment& s) { return s.key == key && s.start < to && s.end > from && !s.open; });
  }
  Result<std::optional<Segment>> at_or_after(const StreamKey& key, UtcTime at) override {
    const auto all = select([&](const Segment& s) { return s.key == key && s.end > at && !s.open; });
    if (!all) return std::unexpected(all.error());
    return all->empty() ? std::nullopt : std::optional(all->front());
  }
  Result<std::optional<Segment>> before(const StreamKey& key, UtcTime at) override {
    const auto all = select([&](const Segment& s) { return s.key == key && s.start < at && !s.open; });
    if (!all) return std::unexpected(all.error());
    return all->empty() ? std::nullopt : std::optional(all->back());
  }
  Result<std::vector<Gap>> gaps(const StreamKey& key, UtcTime from, UtcTime to) override {
    const std::lock_guard lock(tables_->mutex);
    if (tables_->away) return gone();
    std::vector<Gap> found;
    for (const auto& [id, gap] : tables_->gaps) {
      if (gap.key == key && gap.from < to && (!gap.to || *gap.to > from)) found.push_back(gap);
    }
    return found;
  }
  Result<std::optional<Span>> extent(const StreamKey& key) override {
    const auto all = select([&](const Segment& s) { return s.key == key && !s.open; });
    if (!all) return std::unexpected(all.error());
    return all->empty() ? std::nullopt : std::optional(Span{all->front().start, all->back().end});
  }
  Result<std::map<std::string, archive::StoredTimeline>> timeline(std::span<const std::string> cameras, const std::string& stream,
                                                                  UtcTime from, UtcTime to, unsigned buckets, Duration) override {
    std::map<std::string, archive::StoredTimeline> found;
    for (const auto& camera : cameras) {
      auto& row = found[camera];
      row.activity.emplace(from, to, buckets);
      const auto segments = find({camera, stream}, from, to);
      const auto known = gaps({camera, stream}, from, to);
      if (!segments) return std::unexpected(segments.error());
      if (!known) return std::unexpected(known.error());
      row.gaps = *known;
      for (const auto& s : *segments) {
        row.spans.push_back({s.start, s.end});
        row.activity->add(s.start, s.activity);
      }
    }
    return found;
  }
  Result<std::vector<Segment>> open_segments() override {
    return select([](const Segment& s) { return s.open; });
  }
  Result<std::vector<std::string>> known(const std::string& volume, std::span<const std::string> paths) override {
    const std::lock_guard lock(tables_->mutex);
    if (tables_->away) return gone();
    std::vector<std::string> found;
    for (const auto& path : paths) {
      if (tables_->segments.contains({volume, path})) found.push_back(path);
    }
    return found;
  }
  Result<std::vector<Segment>> oldest(const std::string& camera, const std::string& volume, UtcTime before, std::size_t limit) override {
    return first_of(limit, [&](const Segment& s) {
      return !s.open && s.end < before && (camera.empty() || s.key.camera == camera) && (volume.empty() || s.volume == volume);
    });
  }
  Result<std::vector<Segment>> removable(const std::string& volume, UtcTime before, std::size_t limit) override {
    return first_of(limit,
                    [&](const Segment& s) { return !s.open && s.end < before && (volume.empty() || s.volume == volume) && !is_held(s); });
  }
  Result<std::vector<Segment>> due(std::span<const archive::Due> cameras, UtcTime from, std::size_t limit) override {
    std::vector<Segment> found;
    for (const auto& due : cameras) {
      const auto some = first_of(limit - found.size(), [&](const Segment& s) {
        return !s.open && s.key.camera == due.camera && s.start >= from && s.end < due.before && !is_held(s);
      });
      if (!some) return some;
      found.insert(found.end(), some->begin(), some->end());
    }
    const std::lock_guard lock(tables_->mutex);
    ++tables_->asked_for_due;
    return found;
  }
  Result<std::vector<Segment>> oldest_due(std::span<const archive::Due> cameras, const std::string& volume, std::size_t limit) override {
    auto found = first_of(limit, [&](const Segment& s) {
      const auto due = std::ranges::find(cameras, s.key.camera, &archive::Due::camera);
      return !s.open && due != cameras.end() && s.end < due->before && (volume.empty() || s.volume == volume) && !is_held(s);
    });
    const std::lock_guard lock(tables_->mutex);
    ++tables_->asked_for_due;
    return found;
  }
  Result<std::vector<std::string>> cameras() override {
    const auto all = select([](const Segment&) { return true; });
    if (!all) return std::unexpected(all.error());
    std::vector<std::string> names;
    for (const auto& s : *all) {
      if (std::ranges::find(names, s.key.camera) == names.end()) names.push_back(s.key.camera);
    }
    return names;
  }
  Status relocate(const Segment& segment, const std::string& volume) override {
    const std::lock_guard lock(tables_->mutex);
    if (tables_->away) return gone();
    const auto row = tables_->segments.find({segment.volume, segment.path});
    if (row == tables_->segments.end()) return fail(ErrorCode::not_found, segment.path + " is gone");
    auto moved = row->second;
    tables_->segments.erase(row);
    moved.volume = volume;
    tables_->segments[{volume, segment.path}] = std::move(moved);
    return {};
  }
  Result<std::map<std::string, Recent>> recent(UtcTime since) override {
    const std::lock_guard lock(tables_->mutex);
    if (tables_->away) return gone();
    std::map<std::string, Recent> found;
    for (const auto& [id, segment] : tables_->segments) {
      if (segment.open || segment.start < since) continue;
      auto& recent = found.try_emplace(segment.key.camera, Recent{0, segment.start}).first->second;
      recent.bytes += segment.bytes;
      recent.first = std::min(recent.first, segment.start);
    }
    return found;
  }
  Result<std::map<std::string, std::uint64_t>> total_bytes() override {
    const auto all = select([](const Segment& s) { return !s.open; });
    if (!all) return std::unexpected(all.error());
    std::map<std::string, std::uint64_t> sums;
    for (const auto& s : *all) sums[s.volume] += s.bytes;
    return sums;
  }
  Result<std::vector<Segment>> after(const std::string& volume, UtcTime start, const std::string& path, std::size_t limit) override {
    auto all =
        select([&](const Segment& s) { return !s.open && s.volume == volume && std::pair(s.start, s.path) > std::pair(start, path); });
    if (all)
      std::ranges::sort(*all, [](const Segment& a, const Segment& b) { return std::pair(a.start, a.path) < std::pair(b.start, b.path); });
    if (all && all->size() > limit) all->resize(limit);
    return all;
  }
  Result<std::optional<archive::ScrubState>> scrub_state(const std::string& volume) override {
    const std::lock_guard lock(tables_->mutex);
    if (tables_->away) return gone();
    const auto it = tables_->scrubs.find(volume);
    return it == tables_->scrubs.end() ? std::nullopt : std::optional(it->second);
  }
  Status save(const archive::ScrubState& state) override {
    const std::lock_guard lock(tables_->mutex);
    if (tables_->away) return gone();
    tables_->scrubs[state.volume] = state;
    return {};
  }
  Status add_damage(std::span<const archive::Damage> found) override {
    const std::lock_guard lock(tables_->mutex);
    if (tables_->away) return gone();
    tables_->damage.insert(tables_->damage.end(), found.begin(), found.end());
    return {};
  }
  Result<std::vector<archive::Damage>> damage(std::size_t limit) override {
    const std::lock_guard lock(tables_->mutex);
    if (tables_->away) return gone();
    auto found = tables_->damage;
    if (found.size() > limit) found.resize(limit);
    return found;
  }
  Status close_stale_gaps() override {
    const std::lock_guard lock(tables_->mutex);
    if (tables_->away) return gone();
    for (auto& [id, gap] : tables_->gaps) {
      if (gap.to) continue;
      std::optional<UtcTime> next;
      for (const auto& [path, s] : tables_->segments) {
        if (s.key == gap.key && s.start >= gap.from && (!next || s.start < *next)) next = s.start;
      }
      gap.to = next;
    }
    return {};
  }

 private:
  static std::unexpected<Error> gone() { return fail(ErrorCode::unavailable, "the model index is away"); }

  bool is_held(const Segment& s) const {
    return std::ranges::any_of(tables_->holds,
                               [&](const IndexTables::Held& h) { return h.camera == s.key.camera && h.from < s.end && h.to > s.start; });
  }

  template <class Wanted>
  Result<std::vector<Segment>> first_of(std::size_t limit, Wanted wanted) {
    auto all = select(wanted);
    if (all && all->size() > limit) all->resize(limit);
    return all;
  }

  template <class Wanted>
  Result<std::vector<Segment>> select(Wanted wanted) {
    const std::lock_guard lock(tables_->mutex);
    if (tables_->away) return gone();
    std::vector<Segment> found;
    for (const auto& [id, segment] : tables_->segments) {
      if (wanted(segment)) found.push_back(segment);
    }
    std::ranges::sort(found, {}, &Segment::start);
    return found;
  }

  std::shared_ptr<IndexTables> tables_;
};

}  // namespace ccoc::sim
