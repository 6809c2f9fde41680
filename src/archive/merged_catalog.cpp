#include "merged_catalog.h"

#include <algorithm>

#include "account.h"

namespace ccoc::archive {
namespace {

/// Files closer than this are one span of a timeline.
constexpr Duration join_distance = std::chrono::milliseconds{500};
constexpr unsigned most_buckets = 5000;

std::vector<Segment> by_start(const std::map<SegmentId, Segment>& segments) {
  std::vector<Segment> sorted;
  sorted.reserve(segments.size());
  for (const auto& [id, segment] : segments) sorted.push_back(segment);
  std::ranges::sort(sorted, {}, &Segment::start);
  return sorted;
}

/// True when everything from `from` on is known without the store.
bool covers(const std::vector<Segment>& newest, UtcTime from) { return !newest.empty() && newest.front().start <= from; }

/// Newer knowledge replaces older, gap by gap.
std::vector<Gap> merge_gaps(std::vector<Gap> older, const std::vector<Gap>& newer) {
  for (const auto& gap : newer) {
    const auto same = std::ranges::find_if(older, [&](const Gap& g) { return g.key == gap.key && g.from == gap.from; });
    if (same == older.end()) {
      older.push_back(gap);
    } else if (gap.to || !same->to) {
      same->to = gap.to;
    }
  }
  std::ranges::sort(older, {}, &Gap::from);
  return older;
}

void join_spans(std::vector<Span>& spans, Duration join) {
  std::ranges::sort(spans, {}, &Span::from);
  std::vector<Span> joined;
  for (const auto& span : spans) {
    if (!joined.empty() && span.from - joined.back().to < join) {
      joined.back().to = std::max(joined.back().to, span.to);
    } else {
      joined.push_back(span);
    }
  }
  spans = std::move(joined);
}

/// Time between two spans that no gap explains: the hub was killed before it could tell the index, which was away.
void explain_holes(CameraTimeline& timeline, const StreamKey& key, Duration tolerance) {
  std::vector<Span> covered = timeline.spans;
  for (const auto& gap : timeline.gaps) covered.push_back({gap.from, *gap.to});
  const auto holes = holes_between(std::move(covered), tolerance);
  for (const auto& hole : holes) timeline.gaps.push_back({key, hole.from, hole.to, media::GapCause::hub, std::string(lost_cause)});
  if (!holes.empty()) std::ranges::sort(timeline.gaps, {}, &Gap::from);
}

}  // namespace

MergedCatalog::MergedCatalog(SegmentStore& store, MoveStore* moves, const Ledger& ledger, const Clock& clock,
                             std::map<std::string, std::shared_ptr<Disk>> disks)
    : store_(store), moves_(moves), ledger_(ledger), clock_(clock), disks_(std::move(disks)) {}

Result<std::vector<Segment>> MergedCatalog::find(const StreamKey& key, UtcTime from, UtcTime to) {
  if (from >= to) return std::vector<Segment>{};
  auto overlay = ledger_.overlay(key);
  const bool complete = covers(by_start(overlay.segments), from);
  if (!complete) {
    auto stored = store_.find(key, from, to);
    if (!stored) return stored;
    for (auto& segment : *stored) {
      const SegmentId id{segment.volume, segment.path};
      if (!overlay.removed.contains(id)) overlay.segments.try_emplace(id, std::move(segment));
    }
  }
  auto found = by_start(overlay.segments);
  std::erase_if(found, [&](const Segment& s) { return s.start >= to || s.end <= from; });
  return found;
}

Result<std::optional<Segment>> MergedCatalog::at_or_after(const StreamKey& key, UtcTime at) {
  const auto overlay = ledger_.overlay(key);
  auto newest = by_start(overlay.segments);
  const auto from_memory = [&]() -> std::optional<Segment> {
    const auto it = std::ranges::find_if(newest, [&](const Segment& s) { return s.end > at; });
    return it == newest.end() ? std::nullopt : std::optional(*it);
  };
  if (covers(newest, at)) return from_memory();
  for (UtcTime from = at;;) {
    auto stored = store_.at_or_after(key, from);
    if (!stored) return stored;
    if (*stored && overlay.removed.contains({(*stored)->volume, (*stored)->path})) {
      from = (*stored)->end;
      continue;
    }
    const auto known = from_memory();
    if (!*stored || (known && known->start <= (*stored)->start)) return known;
    return stored;
  }
}

Result<std::optional<Segment>> MergedCatalog::before(const StreamKey& key, UtcTime at) {
  const auto overlay = ledger_.overlay(key);
  const auto newest = by_start(overlay.segments);
  const auto it = std::ranges::find_if(newest.rbegin(), newest.rend(), [&](const Segment& s) { return s.start < at; });
  if (it != newest.rend()) return *it;
  for (UtcTime until = at;;) {
    auto stored = store_.before(key, until);
    if (!stored || !*stored || !overlay.removed.contains({(*stored)->volume, (*stored)->path})) return stored;
    until = (*stored)->start;
  }
}

Result<std::vector<Gap>> MergedCatalog::gaps(const StreamKey& key, UtcTime from, UtcTime to) {
  auto stored = store_.gaps(key, from, to);
  if (!stored) return stored;
  auto merged = merge_gaps(std::move(*stored), ledger_.overlay(key).gaps);
  std::erase_if(merged, [&](const Gap& g) { return g.from >= to || (g.to && *g.to <= from); });
  return merged;
}

Result<std::optional<Span>> MergedCatalog::extent(const StreamKey& key) {
  auto stored = store_.extent(key);
  if (!stored) return stored;
  for (const auto& segment : by_start(ledger_.overlay(key).segments)) {
    if (!*stored) *stored = Span{segment.start, segment.end};
    (*stored)->from = std::min((*stored)->from, segment.start);
    (*stored)->to = std::max((*stored)->to, segment.end);
  }
  return stored;
}

Result<std::vector<CameraTimeline>> MergedCatalog::timeline(std::span<const std::string> cameras, const std::string& stream, UtcTime from,
                                                            UtcTime to, unsigned buckets) {
  if (from >= to) return fail(ErrorCode::invalid_argument, "'to' must be later than 'from'", "to");
  if (buckets > most_buckets) {
    return fail(ErrorCode::invalid_argument, "'buckets' must be at most " + std::to_string(most_buckets), "buckets");
  }
  auto stored = store_.timeline(cameras, stream, from, to, buckets, join_distance);
  if (!stored) return std::unexpected(stored.error());
  const auto now = clock_.utc_now();
  std::vector<CameraTimeline> timelines;
  timelines.reserve(cameras.size());
  for (const auto& camera : cameras) {
    auto& row = (*stored)[camera];
    auto activity = row.activity ? std::move(*row.activity) : ActivityBuckets(from, to, buckets);
    auto timeline = assemble({camera, stream}, std::move(row), from, to, now, activity);
    explain_holes(timeline, {camera, stream}, join_distance);
    timeline.activity = activity.relative();
    timelines.push_back(std::move(timeline));
  }
  return timelines;
}

CameraTimeline MergedCatalog::assemble(const StreamKey& key, StoredTimeline stored, UtcTime from, UtcTime to, UtcTime now,
                                       ActivityBuckets& activity) const {
  CameraTimeline timeline;
  timeline.camera = key.camera;
  timeline.spans = std::move(stored.spans);
  const auto overlay = ledger_.overlay(key);
  for (const auto& [id, segment] : overlay.segments) {
    if (segment.start >= to || segment.end <= from) continue;
    timeline.spans.push_back({segment.start, segment.end});
    activity.add(segment.start, segment.activity);
  }
  join_spans(timeline.spans, join_distance);
  for (auto& span : timeline.spans) span = {std::max(span.from, from), std::min(span.to, to)};
  for (auto& gap : merge_gaps(std::move(stored.gaps), overlay.gaps)) {
    const auto end = std::min(gap.to.value_or(now), to);
    gap.from = std::max(gap.from, from);
    gap.to = end;
    if (gap.from < end) timeline.gaps.push_back(std::move(gap));
  }
  return timeline;
}

Result<Account> MergedCatalog::account(const StreamKey& key, UtcTime from, UtcTime to) {
  if (from >= to) return fail(ErrorCode::invalid_argument, "'to' must be later than 'from'", "to");
  const auto now = clock_.utc_now();
  // Everything up to now: where the account begins and ends is told by what lies around the range too.
  const auto known = extent(key);
  if (!known) return std::unexpected(known.error());
  const auto begin = *known ? std::min(from, (*known)->from) : from, end = std::max(to, now);
  auto all_gaps = gaps(key, begin, end);
  if (!all_gaps) return std::unexpected(all_gaps.error());
  Span due{*known ? (*known)->from : UtcTime::max(), *known ? (*known)->to : UtcTime::min()};
  for (auto gap = all_gaps->rbegin(); gap != all_gaps->rend(); ++gap) {
    gap->to = gap->to.value_or(now);
    due.to = std::max(due.to, *gap->to);
    // Gaps that lead up to the oldest footage; those before, of footage that is no longer kept, are none of today's business.
    if (!*known || *gap->to >= due.from - join_distance) due.from = std::min(due.from, gap->from);
  }
  due = {std::max(due.from, from), std::min(due.to, to)};
  if (due.from >= due.to) return settle({from, from}, {}, {}, join_distance);
  auto stored = store_.timeline(std::span(&key.camera, 1), key.stream, due.from, due.to, 0, join_distance);
  if (!stored) return std::unexpected(stored.error());
  ActivityBuckets none(due.from, due.to, 0);
  auto timeline = assemble(key, std::move((*stored)[key.camera]), due.from, due.to, now, none);
  return settle(due, std::move(timeline.spans), std::move(timeline.gaps), join_distance);
}

Result<std::unique_ptr<DiskFile>> MergedCatalog::open_file(const SegmentId& id) const {
  const auto disk = disks_.find(id.first);
  if (disk == disks_.end()) return fail(ErrorCode::unavailable, "the volume '" + id.first + "' is not configured here");
  return disk->second->open_read(id.second);
}

Result<std::unique_ptr<DiskFile>> MergedCatalog::open_elsewhere(const Segment& segment, const Error& why) {
  if (segment.open || !moves_) return std::unexpected(why);
  if (why.code == ErrorCode::not_found) {
    const auto now = store_.at_or_after(segment.key, segment.start);
    if (now && *now && (*now)->path == segment.path && (*now)->volume != segment.volume) {
      if (auto file = open_file({(*now)->volume, segment.path})) return file;
    }
  }
  const SegmentId id{segment.volume, segment.path};
  const auto copies = moves_->copies_of(std::span(&id, 1));
  if (!copies) return std::unexpected(why);
  for (const auto& copy : *copies) {
    if (auto file = open_file(copy.copy)) return file;
  }
  return std::unexpected(why);
}

Result<std::shared_ptr<SegmentReader>> MergedCatalog::open(const Segment& segment) {
  auto file = open_file({segment.volume, segment.path});
  if (!file) file = open_elsewhere(segment, file.error());
  if (!file) return std::unexpected(file.error());
  const SegmentId id{segment.volume, segment.path};
  auto table = segment.open ? nullptr : tables_.find(id);
  if (!table) {
    auto scanned = scan_segment(**file, segment.bytes, segment.open ? OnDamage::stop : OnDamage::skip);
    if (!scanned) return std::unexpected(scanned.error().within(segment.path));
    table = std::make_shared<const FragmentTable>(std::move(*scanned));
    if (!segment.open) tables_.put(id, table);
  }
  return std::make_shared<SegmentReader>(std::move(*file), std::move(table), segment.path);
}

}  // namespace ccoc::archive
