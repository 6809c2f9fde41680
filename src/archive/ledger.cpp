#include "ledger.h"

#include <algorithm>

#include "unset_clock.h"

namespace ccoc::archive {
namespace {

using media::GapCause;

/// A gap shorter than this is told to the store only when it ends.
constexpr Duration lasting = std::chrono::seconds{2};

/// No gap reaches from before the clock was set to after it.
bool spans_the_setting(UtcTime from, UtcTime to) { return is_unset(from) && !is_unset(to); }

bool of_the_house(GapCause cause) { return cause == GapCause::hub || cause == GapCause::disk || cause == GapCause::disabled; }

}  // namespace

Ledger::Ledger(const Clock& clock, const ArchiveOptions& options)
    : clock_(clock), gap_tolerance_(options.gap_tolerance), max_rows_(options.index_backlog_rows) {}

bool Ledger::begin_recording(const StreamKey& key) {
  const std::lock_guard lock(mutex_);
  auto& stream = streams_[key];
  if (stream.edge.recorded_now) return false;
  stream.edge.recorded_now = true;
  if (!stream.edge.gap && stream.last_end && std::exchange(stream.from_before, false)) {
    begin_gap(key, stream, *stream.last_end, GapCause::hub, "nothing was recorded while the hub was away");
  }
  return true;
}

void Ledger::end_recording(const StreamKey& key) {
  const std::lock_guard lock(mutex_);
  auto& edge = streams_[key].edge;
  edge.recorded_now = false;
  ++edge.generation;
}

void Ledger::opened(const Segment& segment) {
  const std::lock_guard lock(mutex_);
  auto& stream = streams_[segment.key];
  if (stream.edge.gap) {
    end_gap(segment.key, stream, segment.start);
  } else if (stream.last_end && segment.start - *stream.last_end > gap_tolerance_ && !spans_the_setting(*stream.last_end, segment.start)) {
    begin_gap(segment.key, stream, *stream.last_end, GapCause::network, "frames are missing");
    end_gap(segment.key, stream, segment.start);
  }
  stream.edge.open = segment;
  if (is_unset(segment.start)) recorded_unset_[{segment.volume, segment.path}] = segment;
  stream.last_end = segment.end;
  ++stream.edge.generation;
  add(segment);
}

void Ledger::grew(const Segment& segment) {
  const std::lock_guard lock(mutex_);
  auto& stream = streams_[segment.key];
  if (!stream.edge.open) return;
  stream.edge.open->end = segment.end;
  stream.edge.open->bytes = segment.bytes;
  stream.edge.open->activity = segment.activity;
  stream.last_end = segment.end;
}

void Ledger::closed(const Segment& segment) {
  const std::lock_guard lock(mutex_);
  auto& stream = streams_[segment.key];
  if (stream.edge.open && stream.edge.open->path == segment.path && stream.edge.open->volume == segment.volume) {
    stream.edge.open.reset();
    stream.last_end = segment.end;
  }
  ++stream.edge.generation;
  closed_bytes_[segment.volume] += segment.bytes;
  add(segment);
}

std::optional<UtcTime> Ledger::last_end(const StreamKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto stream = streams_.find(key);
  return stream == streams_.end() ? std::nullopt : stream->second.last_end;
}

std::vector<Segment> Ledger::recorded_unset(std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<Segment> files;
  if (is_unset(clock_.utc_now())) return files;
  for (const auto& [id, segment] : recorded_unset_) {
    if (files.size() >= limit) break;
    if (!segment.open && !pending_.segments.contains(id) && !in_flight_.segments.contains(id)) files.push_back(segment);
  }
  return files;
}

void Ledger::retimed(const SegmentId& id) {
  const std::lock_guard lock(mutex_);
  recorded_unset_.erase(id);
}

void Ledger::abandoned(const StreamKey& key, GapCause cause, std::string_view reason) {
  const std::lock_guard lock(mutex_);
  auto& stream = streams_[key];
  if (auto open = std::exchange(stream.edge.open, std::nullopt)) {
    open->open = false;
    closed_bytes_[open->volume] += open->bytes;
    add(*open);
  }
  ++stream.edge.generation;
  if (!stream.edge.gap) begin_gap(key, stream, stream.last_end.value_or(clock_.utc_now()), cause, reason);
}

std::map<std::string, std::uint64_t> Ledger::closed_bytes() const {
  const std::lock_guard lock(mutex_);
  return closed_bytes_;
}

void Ledger::removed(const Segment& segment) {
  const std::lock_guard lock(mutex_);
  pending_.segments[{segment.volume, segment.path}] = std::nullopt;
}

void Ledger::interrupted(const StreamKey& key, UtcTime at, GapCause cause, std::string_view reason) {
  const std::lock_guard lock(mutex_);
  auto& stream = streams_[key];
  if (stream.edge.gap) {
    const auto now = std::max(at, clock_.utc_now());
    const bool another = cause != stream.edge.gap->cause && (of_the_house(cause) || of_the_house(stream.edge.gap->cause));
    if (!another) return;
    if (now <= stream.edge.gap->from) {
      // It has only just begun: the later cause is the better one.
      stream.edge.gap->cause = cause;
      stream.edge.gap->reason = reason.substr(0, 300);
      stream.gap_stored = false;
      return;
    }
    end_gap(key, stream, now);
    at = now;
  } else if (stream.last_end) {
    at = *stream.last_end;
  }
  begin_gap(key, stream, at, cause, reason);
}

void Ledger::found_last(const StreamKey& key, UtcTime end) {
  const std::lock_guard lock(mutex_);
  auto& stream = streams_[key];
  if (stream.last_end && *stream.last_end >= end) return;
  stream.last_end = end;
  stream.from_before = true;
}

void Ledger::begin_gap(const StreamKey& key, Stream& stream, UtcTime from, GapCause cause, std::string_view reason) {
  stream.edge.gap = Gap{key, from, std::nullopt, cause, std::string(reason.substr(0, 300))};
  stream.gap_stored = false;
}

void Ledger::end_gap(const StreamKey& key, Stream& stream, UtcTime at) {
  Gap gap = std::move(*stream.edge.gap);
  stream.edge.gap.reset();
  gap.to = std::max(at, gap.from);
  if (spans_the_setting(gap.from, *gap.to)) {
    if (!stream.gap_stored) return;
    gap.to = gap.from;
  }
  if (*gap.to - gap.from > gap_tolerance_ || stream.gap_stored) pending_.gaps[{key, gap.from}] = std::move(gap);
}

void Ledger::add(const Segment& segment) {
  if (const auto unset = recorded_unset_.find({segment.volume, segment.path}); unset != recorded_unset_.end()) unset->second = segment;
  pending_.segments[{segment.volume, segment.path}] = segment;
  bound();
}

/// Beyond the bound the oldest finished rows are given up; their files are found again on the disk later.
void Ledger::bound() {
  while (pending_.segments.size() > max_rows_) {
    auto oldest = pending_.segments.end();
    for (auto it = pending_.segments.begin(); it != pending_.segments.end(); ++it) {
      if (!it->second || it->second->open) continue;
      if (oldest == pending_.segments.end() || it->second->start < oldest->second->start) oldest = it;
    }
    if (oldest == pending_.segments.end()) oldest = pending_.segments.begin();
    pending_.segments.erase(oldest);
    overflowed_ = true;
  }
  while (pending_.gaps.size() > max_rows_) pending_.gaps.erase(pending_.gaps.begin());
}

StreamEdge Ledger::edge(const StreamKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto it = streams_.find(key);
  return it == streams_.end() ? StreamEdge{} : it->second.edge;
}

std::vector<Segment> Ledger::open_segments() const {
  const std::lock_guard lock(mutex_);
  std::vector<Segment> open;
  for (const auto& [key, stream] : streams_) {
    if (stream.edge.open) open.push_back(*stream.edge.open);
  }
  return open;
}

bool Ledger::is_open(const SegmentId& id) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(streams_, [&](const auto& entry) {
    const auto& open = entry.second.edge.open;
    return open && open->volume == id.first && open->path == id.second;
  });
}

bool Ledger::knows(const SegmentId& id) const {
  if (is_open(id)) return true;
  const std::lock_guard lock(mutex_);
  return pending_.segments.contains(id) || in_flight_.segments.contains(id);
}

Ledger::Overlay Ledger::overlay(const StreamKey& key) const {
  const std::lock_guard lock(mutex_);
  Overlay overlay;
  for (const auto* rows : {&in_flight_, &pending_}) {
    for (const auto& [id, segment] : rows->segments) {
      if (!segment) {
        overlay.segments.erase(id);
        overlay.removed.insert(id);
      } else if (segment->key == key) {
        overlay.segments[id] = *segment;
      }
    }
    for (auto it = rows->gaps.lower_bound({key, UtcTime::min()}); it != rows->gaps.end() && it->first.first == key; ++it) {
      overlay.gaps.push_back(it->second);
    }
  }
  const auto stream = streams_.find(key);
  if (stream != streams_.end()) {
    const auto& edge = stream->second.edge;
    if (edge.open) overlay.segments[{edge.open->volume, edge.open->path}] = *edge.open;
    if (edge.gap) overlay.gaps.push_back(*edge.gap);
  }
  return overlay;
}

void Ledger::store_lasting_gaps() {
  const auto now = clock_.utc_now();
  for (auto& [key, stream] : streams_) {
    const auto& gap = stream.edge.gap;
    if (!gap || stream.gap_stored) continue;
    if (now - gap->from < lasting && stream.edge.recorded_now) continue;
    pending_.gaps[{key, gap->from}] = *gap;
    stream.gap_stored = true;
  }
}

Status Ledger::flush(SegmentStore& store) {
  IndexBatch batch;
  {
    const std::lock_guard lock(mutex_);
    store_lasting_gaps();
    if (pending_.rows() == 0) return {};
    std::swap(in_flight_, pending_);
    for (const auto& [id, segment] : in_flight_.segments) {
      if (segment) {
        batch.segments.push_back(*segment);
      } else {
        batch.removed.push_back(id);
      }
    }
    for (const auto& [id, gap] : in_flight_.gaps) batch.gaps.push_back(gap);
  }
  auto applied = store.apply(batch);
  const std::lock_guard lock(mutex_);
  if (!applied) {
    // What came meanwhile is newer and stays.
    pending_.segments.merge(in_flight_.segments);
    pending_.gaps.merge(in_flight_.gaps);
    bound();
  }
  in_flight_ = {};
  return applied;
}

std::size_t Ledger::backlog() const {
  const std::lock_guard lock(mutex_);
  return pending_.rows() + in_flight_.rows();
}

bool Ledger::take_overflow() {
  const std::lock_guard lock(mutex_);
  return std::exchange(overflowed_, false);
}

}  // namespace ccoc::archive
