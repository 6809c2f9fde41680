#include "scrubber.h"

#include <algorithm>
#include <tuple>

#include "ccoc/base/log.h"

namespace ccoc::archive {
namespace {

constexpr std::size_t files_ahead = 64;
/// The place is written down after so much: what a restart reads again.
constexpr std::uint64_t save_every = 256u << 20;
/// What was written lately is still in the kernel's memory: to read it back tells nothing of the disk.
constexpr Duration settled_after = std::chrono::hours{1};
constexpr Duration longest_pause = std::chrono::seconds{10};

/// What could not be read of the file's structure: between the fragments and behind them.
std::vector<Damage> missing_pieces(const SegmentReader& reader, const Segment& segment, const Damage& whole) {
  std::vector<Damage> out;
  const auto add = [&](std::uint64_t offset, UtcTime from, UtcTime to, const char* detail) {
    auto& damage = out.emplace_back(whole);
    damage.offset = offset;
    damage.from = from;
    damage.to = to;
    damage.detail = detail;
  };
  auto at = reader.header().size;
  auto time = segment.start;
  for (const auto& fragment : reader.fragments()) {
    if (fragment.offset > at) add(at, time, reader.start_of(fragment), "a fragment cannot be read");
    at = fragment.offset + fragment.size;
    time = reader.end_of(fragment);
  }
  if (at < segment.bytes) add(at, time, segment.end, "the end of the file cannot be read");
  return out;
}

}  // namespace

Result<std::vector<Damage>> find_damage(Disk& disk, const Segment& segment) {
  const Damage whole{segment.volume, segment.path, segment.key, 0, segment.start, segment.end, {}, {}};
  const auto broken = [&](std::string detail) {
    Damage damage = whole;
    damage.detail = std::move(detail);
    return std::vector{std::move(damage)};
  };
  auto file = disk.open_read(segment.path);
  if (!file && file.error().code == ErrorCode::not_found) return broken("the file is missing");
  if (!file) return std::unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  auto table = scan_segment(**file, std::min(segment.bytes, *size), OnDamage::skip);
  if (!table && table.error().code == ErrorCode::corrupt) return broken(table.error().message);
  if (!table) return broken("the disk refuses to read it: " + table.error().message);
  SegmentReader reader(std::move(*file), std::make_shared<const FragmentTable>(std::move(*table)), segment.path);
  auto found = missing_pieces(reader, segment, whole);
  for (const auto& fragment : reader.fragments()) {
    const auto right = reader.verify(fragment);
    if (right) continue;
    auto& damage = found.emplace_back(whole);
    damage.offset = fragment.offset;
    damage.from = reader.start_of(fragment);
    damage.to = reader.end_of(fragment);
    damage.detail = right.error().code == ErrorCode::corrupt ? "the checksum of a fragment is wrong"
                                                             : "the disk refuses to read it: " + right.error().message;
  }
  reader.drop_cache();
  std::ranges::sort(found, {}, &Damage::offset);
  return found;
}

Scrubber::Scrubber(const Volumes& volumes, SegmentStore& store, MoveStore* moves, const Clock& clock, const ScrubOptions& options)
    : volumes_(volumes), store_(store), moves_(moves), clock_(clock), options_(options), last_step_(clock.now()) {}

Status Scrubber::step(const std::set<std::string>& busy) {
  const auto now = clock_.now();
  const auto rate = static_cast<double>(options_.bytes_per_second);
  allowance_ += rate * std::chrono::duration<double>(std::min<Duration>(now - last_step_, longest_pause)).count();
  allowance_ = std::min(allowance_, rate * std::chrono::duration<double>(longest_pause).count());
  last_step_ = now;
  bool any = true;
  while (any && allowance_ > 0) {
    any = false;
    for (const auto& [name, disk] : volumes_) {
      if (busy.contains(name) || allowance_ <= 0) continue;
      const auto round = round_of(name);
      if (!round) return std::unexpected(round.error());
      const auto file = next_file(**round);
      if (!file) return std::unexpected(file.error());
      if (!*file) continue;
      any = true;
      if (auto done = look_at(**file, *disk); !done) return done;
      allowance_ -= static_cast<double>((*file)->bytes);
      if (auto done = look_at_copies(**file, busy); !done) return done;
      if (auto done = note_progress(**round, **file); !done) return done;
    }
  }
  return {};
}

Result<Scrubber::Round*> Scrubber::round_of(const std::string& volume) {
  const auto [it, added] = rounds_.try_emplace(volume);
  auto& round = it->second;
  if (!added) return &round;
  const auto state = store_.scrub_state(volume);
  if (!state) {
    rounds_.erase(it);
    return std::unexpected(state.error());
  }
  round.state = state->value_or(ScrubState{volume, clock_.utc_now(), {}, {}, {}});
  publish(round);
  return &round;
}

Result<std::optional<Segment>> Scrubber::next_file(Round& round) {
  auto& state = round.state;
  const auto now = clock_.utc_now();
  if (round.ahead.empty()) {
    auto found = store_.after(state.volume, state.reached_at, state.reached_path, files_ahead);
    if (!found) return std::unexpected(found.error());
    round.ahead.assign(std::make_move_iterator(found->rbegin()), std::make_move_iterator(found->rend()));
  }
  if (!round.ahead.empty() && round.ahead.back().end < now - settled_after) {
    auto next = std::move(round.ahead.back());
    round.ahead.pop_back();
    return next;
  }
  round.ahead.clear();
  // All that has settled was read. The next round begins when its time comes; till then, what settles meanwhile is read.
  if (now - state.round_began_at < options_.interval) return std::nullopt;
  state = ScrubState{state.volume, now, {}, {}, now};
  if (auto saved = store_.save(state); !saved) return std::unexpected(saved.error());
  publish(round);
  return std::nullopt;
}

Status Scrubber::look_at(const Segment& segment, Disk& disk) {
  auto found = find_damage(disk, segment);
  if (!found) return std::unexpected(found.error());
  if (found->empty()) return {};
  // Retention may have been faster.
  const std::string paths[] = {segment.path};
  const auto known = store_.known(segment.volume, paths);
  if (!known) return std::unexpected(known.error());
  return known->empty() ? Status{} : note_damage(std::move(*found));
}

Status Scrubber::look_at_copies(const Segment& segment, const std::set<std::string>& busy) {
  if (moves_ == nullptr) return {};
  const SegmentId first[] = {{segment.volume, segment.path}};
  const auto copies = moves_->copies_of(first);
  if (!copies) return std::unexpected(copies.error());
  for (const auto& [of, copy] : *copies) {
    const auto disk = volumes_.find(copy.first);
    if (disk == volumes_.end() || busy.contains(copy.first)) continue;
    Segment second = segment;
    std::tie(second.volume, second.path) = copy;
    auto found = find_damage(*disk->second, second);
    if (!found) return std::unexpected(found.error());
    allowance_ -= static_cast<double>(segment.bytes);
    if (found->empty()) continue;
    // Retention may have been faster.
    const auto still = moves_->copies_of(first);
    if (!still) return std::unexpected(still.error());
    if (still->empty()) continue;
    if (auto noted = note_damage(std::move(*found)); !noted) return noted;
  }
  return {};
}

Status Scrubber::note_damage(std::vector<Damage> found) {
  for (auto& damage : found) {
    damage.found_at = clock_.utc_now();
    log::error("archive", "volume {}: {} is damaged at byte {}, {} to {}: {}", damage.volume, damage.path, damage.offset,
               format_rfc3339(damage.from), format_rfc3339(damage.to), damage.detail);
  }
  if (auto noted = store_.add_damage(found); !noted) return noted;
  const std::lock_guard lock(mutex_);
  ++status_[found.front().volume].damaged_files;
  return {};
}

Status Scrubber::note_progress(Round& round, const Segment& segment) {
  round.state.reached_at = segment.start;
  round.state.reached_path = segment.path;
  round.unsaved_bytes += segment.bytes;
  publish(round);
  if (round.unsaved_bytes < save_every && !round.ahead.empty()) return {};
  round.unsaved_bytes = 0;
  return store_.save(round.state);
}

void Scrubber::publish(const Round& round) {
  const std::lock_guard lock(mutex_);
  auto& status = status_[round.state.volume];
  status.round_began_at = round.state.round_began_at;
  status.reached_at = round.state.reached_at;
  status.last_round_ended_at = round.state.last_round_ended_at;
}

void Scrubber::mended(const std::string& volume) {
  const std::lock_guard lock(mutex_);
  auto& damaged = status_[volume].damaged_files;
  if (damaged > 0) --damaged;  // else it was found before the hub began
}

std::map<std::string, ScrubStatus> Scrubber::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

}  // namespace ccoc::archive
