#include "recovery.h"

#include <algorithm>

#include "account.h"
#include "ccoc/base/log.h"

namespace ccoc::archive {
namespace {

/// The file being written at a power cut, and one that was closed within the sync interval before.
constexpr std::size_t newest_files = 2;
/// Enough for what was not synced yet.
constexpr unsigned verified_fragments = 4;
/// No file of ours with a picture in it is smaller.
constexpr std::uint64_t smallest_file = 4096;
constexpr std::size_t recent_days = 2;
constexpr std::size_t files_per_step = 500;
constexpr std::size_t streams_per_step = 50;
/// As the timeline joins files.
constexpr Duration hole_tolerance = std::chrono::milliseconds{500};
constexpr std::size_t cameras_at_once = 64;
constexpr std::size_t oldest_looked_at = 250;  // more than retention removes before it tells the index
constexpr auto any_time = UtcTime{std::chrono::hours{24 * 365 * 200}};

/// True for what a crash leaves of a file's first seconds: little, a header without a whole fragment, or zeros where the header
/// never reached the disk. Anything else that cannot be read is not ours to remove.
bool is_remnant(Disk& disk, const std::string& path) {
  const auto file = disk.open_read(path);
  if (!file) return false;
  const auto size = (*file)->size();
  if (!size) return false;
  if (*size < smallest_file || scan_segment(**file, *size)) return true;
  Bytes front(512);
  return (*file)->read_at(0, front) && std::ranges::all_of(front, [](std::uint8_t byte) { return byte == 0; });
}

/// Cuts a torn tail. `corrupt` when nothing whole was in it and the file is removed.
Result<FileFacts> mend_file(Disk& disk, const std::string& volume, const StreamFolder& stream, const std::string& path,
                            RecoveryReport& report) {
  ++report.files_checked;
  auto facts = look_into(disk, volume, stream, path, verified_fragments);
  if (!facts) {
    if (facts.error().code != ErrorCode::corrupt) return facts;
    if (!is_remnant(disk, path)) return fail(ErrorCode::unsupported, facts.error().message);
    if (auto gone = disk.remove(path); !gone) return std::unexpected(gone.error());
    ++report.files_removed;
    return facts;
  }
  if (facts->file_size > facts->segment.bytes) {
    auto file = disk.open_write(path);
    if (!file) return std::unexpected(file.error());
    if (auto cut = (*file)->truncate(facts->segment.bytes); !cut) return std::unexpected(cut.error());
    ++report.tails_cut;
    report.bytes_cut += facts->file_size - facts->segment.bytes;
    facts->file_size = facts->segment.bytes;
  }
  return facts;
}

void recover_stream(const std::string& volume, Disk& disk, const StreamFolder& stream, Ledger& ledger, RecoveryReport& report) {
  std::size_t whole = 0;
  std::optional<UtcTime> last_end;
  for (auto day = stream.days.rbegin(); day != stream.days.rend() && whole < newest_files; ++day) {
    const auto files = day_files(disk, stream, *day);
    if (!files) {
      report.problems.push_back(files.error().message);
      return;
    }
    for (auto file = files->rbegin(); file != files->rend() && whole < newest_files; ++file) {
      const auto path = stream.path() + "/" + *day + "/" + file->name;
      const auto facts = mend_file(disk, volume, stream, path, report);
      if (facts) {
        ++whole;
        last_end = std::max(last_end.value_or(facts->segment.end), facts->segment.end);
        ledger.closed(facts->segment);
      } else if (facts.error().code == ErrorCode::corrupt) {
        ledger.removed(Segment{volume, stream.key, path, {}, {}, 0, 0, false});
      } else {
        report.problems.push_back(path + ": " + facts.error().message);
        ++whole;
      }
    }
  }
  if (last_end) ledger.found_last(stream.key, *last_end);
}

}  // namespace

RecoveryReport recover_tails(const Volumes& volumes, Ledger& ledger) {
  RecoveryReport report;
  for (const auto& [name, disk] : volumes) {
    const auto streams = stream_folders(*disk);
    if (!streams) {
      report.problems.push_back(name + ": " + streams.error().message);
      continue;
    }
    for (const auto& stream : *streams) recover_stream(name, *disk, stream, ledger, report);
  }
  return report;
}

Reconciler::Reconciler(const Volumes& volumes, Ledger& ledger, SegmentStore& store, MoveStore* moves)
    : volumes_(volumes), ledger_(ledger), store_(store), moves_(moves) {}

Result<bool> Reconciler::step() {
  Status done;
  switch (stage_) {
    case Stage::open_rows:
      done = close_open_rows();
      if (done) done = store_.close_stale_gaps();
      if (done) stage_ = Stage::oldest_rows;
      break;
    case Stage::oldest_rows:
      done = forget_removed_files();
      if (done && unlooked_->empty()) stage_ = Stage::list;
      break;
    case Stage::list:
      done = list_recent_days();
      if (done) stage_ = Stage::files;
      break;
    case Stage::files:
      done = index_unknown_files();
      if (done && days_.empty()) stage_ = Stage::holes;
      break;
    case Stage::holes:
      done = explain_holes();
      if (done && looked_at_.empty()) stage_ = Stage::done;
      break;
    case Stage::done: break;
  }
  if (!done) return std::unexpected(done.error());
  return stage_ != Stage::done;
}

/// Rows that a crashed process left open.
Status Reconciler::close_open_rows() {
  const auto rows = store_.open_segments();
  if (!rows) return std::unexpected(rows.error());
  IndexBatch batch;
  for (const auto& row : *rows) {
    const SegmentId id{row.volume, row.path};
    const auto disk = volumes_.find(row.volume);
    if (disk == volumes_.end() || ledger_.knows(id)) continue;
    RecoveryReport ignored;
    const auto facts = mend_file(*disk->second, row.volume, StreamFolder{row.key, {}}, row.path, ignored);
    if (facts) {
      batch.segments.push_back(facts->segment);
    } else if (facts.error().code == ErrorCode::corrupt || facts.error().code == ErrorCode::not_found) {
      batch.removed.push_back(id);
    } else {
      log::warn("archive", "{}: {}", row.path, facts.error().message);
    }
  }
  return batch.empty() ? Status{} : store_.apply(batch);
}

/// Retention removes files first, oldest first, and their rows afterwards; a crash may have come between.
Status Reconciler::forget_removed_files() {
  if (!unlooked_) {
    auto cameras = store_.cameras();
    if (!cameras) return std::unexpected(cameras.error());
    unlooked_ = *std::move(cameras);
  }
  for (std::size_t i = 0; i < cameras_at_once && !unlooked_->empty(); ++i) {
    const auto forgotten = forget_oldest_removed(unlooked_->back());
    if (!forgotten) return std::unexpected(forgotten.error());
    if (*forgotten < oldest_looked_at) unlooked_->pop_back();
    if (*forgotten > 0) return {};
  }
  return {};
}

/// How many of the oldest rows were forgotten.
Result<std::size_t> Reconciler::forget_oldest_removed(const std::string& camera) {
  const auto oldest = store_.oldest(camera, {}, any_time, oldest_looked_at);
  if (!oldest) return std::unexpected(oldest.error());
  IndexBatch batch;
  for (const auto& row : *oldest) {
    if (!ledger_.knows({row.volume, row.path}) && is_gone(row)) batch.removed.emplace_back(row.volume, row.path);
  }
  if (moves_ && !batch.empty()) {
    // Footage whose second copy is there is not lost: its row leads to the copy.
    const auto copies = moves_->copies_of(batch.removed);
    if (!copies) return std::unexpected(copies.error());
    for (const auto& copy : *copies) std::erase(batch.removed, copy.of);
  }
  if (batch.empty()) return 0;
  if (auto done = store_.apply(batch); !done) return std::unexpected(done.error());
  return batch.removed.size();
}

/// That nothing at all is there of a stream means that the disk is not, and says nothing of its files.
bool Reconciler::is_gone(const Segment& row) const {
  const auto disk = volumes_.find(row.volume);
  if (disk == volumes_.end()) return false;
  const auto file = disk->second->open_read(row.path);
  if (file || file.error().code != ErrorCode::not_found) return false;
  const auto days = disk->second->list(row.key.camera + "/" + row.key.stream);
  return days && !days->empty();
}

Status Reconciler::list_recent_days() {
  days_.clear();
  looked_at_.clear();
  for (const auto& [volume, disk] : volumes_) {
    const auto streams = stream_folders(*disk);
    if (!streams) {
      log::warn("archive", "{}", streams.error().message);
      continue;
    }
    for (const auto& stream : *streams) {
      const auto count = stream.days.size();
      for (auto i = count - std::min(count, recent_days); i < count; ++i) days_.push_back({volume, stream, stream.days[i]});
      if (count > 0) {
        const auto first = parse_rfc3339(stream.days[count - std::min(count, recent_days)] + "T00:00:00.000Z");
        if (first) looked_at_.try_emplace(stream.key, *first);
      }
      // Older footage under an index that begins later, or not at all: it was lost or made anew.
      if (count <= recent_days || reindex_needed_) continue;
      const auto files = day_files(*disk, stream, stream.days.front());
      if (!files || files->empty()) continue;
      const std::vector<std::string> path{stream.path() + "/" + stream.days.front() + "/" + files->back().name};
      const auto known = store_.known(volume, path);
      if (!known) return std::unexpected(known.error());
      reindex_needed_ = known->empty();
    }
  }
  return {};
}

Status Reconciler::index_unknown_files() {
  IndexBatch batch;
  std::size_t looked_into = 0;
  while (!days_.empty() && looked_into < files_per_step) {
    const auto& [volume, stream, day] = days_.back();
    auto& disk = *volumes_.at(volume);
    const auto files = day_files(disk, stream, day);
    if (!files) {
      days_.pop_back();
      continue;
    }
    std::vector<std::string> paths;
    for (const auto& file : *files) paths.push_back(stream.path() + "/" + day + "/" + file.name);
    auto known = store_.known(volume, paths);
    if (!known) return std::unexpected(known.error());
    std::ranges::sort(*known);
    bool finished = true;
    for (const auto& path : paths) {
      if (std::ranges::binary_search(*known, path) || ledger_.knows({volume, path})) continue;
      if (looked_into++ >= files_per_step) {
        finished = false;
        break;
      }
      const auto facts = look_into(disk, volume, stream, path);
      // A file that cannot be read is left alone: `check` names it.
      if (facts) batch.segments.push_back(facts->segment);
    }
    if (!finished && !batch.empty()) break;
    days_.pop_back();
  }
  return batch.empty() ? Status{} : store_.apply(batch);
}

/// Holes whose gap the index never heard of: it was away, and then the hub was killed.
Status Reconciler::explain_holes() {
  IndexBatch batch;
  for (std::size_t i = 0; i < streams_per_step && !looked_at_.empty(); ++i) {
    const auto [key, first] = *looked_at_.begin();
    const auto last = first + std::chrono::hours{24} * (recent_days + 2);
    auto stored = store_.timeline(std::span(&key.camera, 1), key.stream, first, last, 0, hole_tolerance);
    if (!stored) return std::unexpected(stored.error());
    auto& row = (*stored)[key.camera];
    const auto overlay = ledger_.overlay(key);
    auto covered = std::move(row.spans);
    for (const auto& [id, segment] : overlay.segments) covered.push_back({segment.start, segment.end});
    row.gaps.insert(row.gaps.end(), overlay.gaps.begin(), overlay.gaps.end());
    for (const auto& gap : row.gaps) covered.push_back({gap.from, std::max(gap.from, gap.to.value_or(last))});
    for (const auto& hole : holes_between(std::move(covered), hole_tolerance)) {
      batch.gaps.push_back({key, hole.from, hole.to, media::GapCause::hub, std::string(lost_cause)});
    }
    looked_at_.erase(looked_at_.begin());
  }
  return batch.empty() ? Status{} : store_.apply(batch);
}

}  // namespace ccoc::archive
