#include "mover.h"

#include <algorithm>
#include <utility>

#include "ccoc/archive/audit.h"
#include "ccoc/base/log.h"
#include "ccoc/media/checksum.h"
#include "side_files.h"

namespace ccoc::archive {
namespace {

constexpr std::size_t piece_size = 4u << 20;
constexpr std::size_t files_at_once = 20;  ///< of one camera, before the next has its turn
/// Footage that was recorded before its camera asked for a second copy gets one, too, if it is not older.
constexpr Duration copied_back_to = std::chrono::hours{24 * 3};

/// Reads `file` in pieces; the checksum of all of it.
template <class Take>
Result<std::uint64_t> read_all(DiskFile& file, std::uint64_t size, Take take) {
  media::Checksum sum;
  Bytes buffer;
  for (std::uint64_t at = 0; at < size;) {
    buffer.resize(static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, size - at)));
    const auto got = file.read_at(at, buffer);
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return fail(ErrorCode::corrupt, "it is shorter than the index says");
    const auto piece = ByteView(buffer).first(*got);
    sum.add(piece);
    if (Status taken = take(piece); !taken) return std::unexpected(taken.error());
    at += *got;
  }
  return sum.value();
}

Status remove_if_there(Disk& disk, const std::string& path) {
  auto gone = disk.remove(path);
  return gone || gone.error().code == ErrorCode::not_found ? Status{} : gone;
}

/// A copy under way is written down like a move to where it will be.
Move making(const SegmentId& copy) { return {copy, copy.first}; }
bool is_copy(const Move& move) { return move.from.first == move.target; }

}  // namespace

Mover::Mover(const Volumes& volumes, std::set<std::string> far, std::set<std::string> copy_targets, const Ledger& ledger,
             SegmentStore& store, MoveStore& moves, const Clock& clock)
    : volumes_(volumes),
      far_(std::move(far)),
      copy_targets_(std::move(copy_targets)),
      ledger_(ledger),
      store_(store),
      moves_(moves),
      clock_(clock) {}

Result<MoveReport> Mover::step(const MovePolicy& policy, std::size_t batch) {
  MoveReport report;
  if (!settled_) {
    if (auto done = settle(); !done) return std::unexpected(done.error());
  }
  auto done = mend(policy, batch, report);
  if (done) done = move_old(policy, batch, report);
  if (done) done = make_copies(policy, batch, report);
  if (!done) return std::unexpected(done.error());
  return report;
}

Status Mover::settle() {
  const bool swept = sweep_arrivals();
  const auto moves = moves_.pending();
  if (!moves) return std::unexpected(moves.error());
  for (const auto& move : *moves) {
    if (auto done = is_copy(move) ? settle_copy(move.from) : settle(move); !done) {
      log::info("archive", "{}: its move is not finished yet: {}", move.from.second, done.error().message);
      if (done.error().code != ErrorCode::io && done.error().code != ErrorCode::unavailable) continue;
      return {};  // the volume may come back: once more at the next step
    }
  }
  settled_ = swept;
  return {};
}

/// Each is a part, or all, of a file that is still where it came from. False: a volume could not be asked.
bool Mover::sweep_arrivals() {
  bool all = true;
  for (const auto& name : copy_targets_) {
    auto& disk = *volumes_.at(name);
    const auto left = disk.list(arriving_folder);
    if (!left) {
      all = all && left.error().code == ErrorCode::not_found;
      continue;
    }
    for (const auto& file : *left) {
      all = remove_if_there(disk, std::string(arriving_folder) + "/" + file.name).has_value() && all;
    }
  }
  return all;
}

/// A copy bears its name when it is whole: it is one from now on, unless its first has another. One whose first the index does not
/// know may be all that is left: it stays, and `check` tells of it.
Status Mover::settle_copy(const SegmentId& copy) {
  const auto volume = volumes_.find(copy.first);
  if (volume == volumes_.end()) return fail(ErrorCode::unavailable, "its volume is not configured here");
  auto& disk = *volume->second;
  if (const auto file = disk.open_read(copy.second); !file) {
    return file.error().code == ErrorCode::not_found ? moves_.end(making(copy)) : std::unexpected(file.error());
  }
  const std::lock_guard keeping(moves_.keeping);
  const auto first = first_of(copy);
  if (!first) return std::unexpected(first.error());
  if (!*first) {
    log::warn("archive", "volume {}: {} is a copy of what the index does not know; it is left alone", copy.first, copy.second);
    return moves_.end(making(copy));
  }
  const auto copies = moves_.copies_of(std::span(&**first, 1));
  if (!copies) return std::unexpected(copies.error());
  const bool others = std::ranges::any_of(*copies, [&](const Copy& other) { return other.copy != copy; });
  if (others) {
    if (auto gone = remove_if_there(disk, copy.second); !gone) return gone;
  }
  if (auto safe = disk.sync_all(); !safe) return safe;
  return others ? moves_.end(making(copy)) : moves_.add({**first, copy});
}

/// The footage that a copy is of, by its name: it may have been moved since, or be a copy itself whose first was lost.
Result<std::optional<SegmentId>> Mover::first_of(const SegmentId& copy) {
  const auto named = first_by_name(copy.second);
  if (!named) return std::nullopt;
  for (const auto& path : {named->second, copy.second}) {
    for (const auto& [volume, disk] : volumes_) {
      const SegmentId first{volume, path};
      if (first == copy) continue;
      const auto known = store_.known(volume, std::span(&path, 1));
      if (!known) return std::unexpected(known.error());
      if (!known->empty()) return first;
    }
  }
  return std::nullopt;
}

/// A row of the target tells that the file arrived whole, and the one it came from goes, with the row that recovery may have made
/// of it anew; else what came of the new one goes.
Status Mover::settle(const Move& move) {
  const auto& path = move.from.second;
  const auto from = volumes_.find(move.from.first);
  const auto to = volumes_.find(move.target);
  if (from == volumes_.end() || to == volumes_.end()) return fail(ErrorCode::unavailable, "its volume is not configured here");
  const std::vector<std::string> paths{path};
  if (ledger_.knows({move.target, path}) || ledger_.knows(move.from)) {
    return fail(ErrorCode::unavailable, "what recovery found is not in the index yet");
  }
  const auto arrived = store_.known(move.target, paths);
  if (!arrived) return std::unexpected(arrived.error());
  // On the platter before the move is forgotten: a power cut must not bring back what nobody would look at any more.
  if (arrived->empty()) {
    if (auto gone = remove_if_there(*to->second, path); !gone) return gone;
    if (auto safe = to->second->sync_all(); !safe) return safe;
  } else {
    if (auto gone = remove_if_there(*from->second, path); !gone) return gone;
    IndexBatch batch;
    batch.removed.push_back(move.from);
    if (auto forgotten = store_.apply(batch); !forgotten) return forgotten;
    if (auto safe = from->second->sync_all(); !safe) return safe;
  }
  return moves_.end(move);
}

Status Mover::move_old(const MovePolicy& policy, std::size_t batch, MoveReport& report) {
  if (policy.rules.empty()) return {};
  auto rules = policy.rules;
  std::ranges::stable_sort(rules, {}, &MoveRule::after);
  const auto cameras = store_.cameras();
  if (!cameras) return std::unexpected(cameras.error());
  const auto now = clock_.utc_now();
  // The coldest first, so that nothing is moved twice.
  for (std::size_t i = rules.size(); i-- > 0;) {
    const auto& rule = rules[i];
    for (const auto& camera : *cameras) {
      if (rule.applies && !rule.applies(camera)) continue;
      for (const auto& [volume, disk] : volumes_) {
        const bool colder = std::any_of(rules.begin() + static_cast<std::ptrdiff_t>(i), rules.end(), [&](const MoveRule& other) {
          return other.to == volume && (!other.applies || other.applies(camera));
        });
        if (colder) continue;
        if (report.files_moved >= batch) {
          report.more = true;
          return {};
        }
        const auto old = store_.oldest(camera, volume, now - rule.after, std::min(files_at_once, batch - report.files_moved));
        if (!old) return std::unexpected(old.error());
        const auto moved_before = report.files_moved;
        // When the target does not take it, or the source does not give it, the next camera may have better luck.
        if (auto done = move_files(policy, *old, rule.to, report); !done) note(report, done.error());
        if (policy.cancelled && policy.cancelled()) return {};
        report.more = report.more || (old->size() == files_at_once && report.files_moved > moved_before);
      }
    }
  }
  return {};
}

Status Mover::move_files(const MovePolicy& policy, std::span<const Segment> segments, const std::string& target, MoveReport& report) {
  const bool nothing_else_is_pending = std::exchange(settled_, false);
  std::vector<const Segment*> arrived;
  Status done;
  for (const auto& segment : segments) {
    if (policy.cancelled && policy.cancelled()) break;
    if (ledger_.knows({segment.volume, segment.path})) continue;
    done = moves_.begin({{segment.volume, segment.path}, target});
    if (done) done = bring(policy, segment, target, segment.path);
    if (!done) break;
    arrived.push_back(&segment);
  }
  if (auto finished = finish(arrived, target, report); !finished) return finished;
  settled_ = done && nothing_else_is_pending;
  return done;
}

/// Of what stands on the target under its own name: the index is told, and the first goes. The disks are waited for once for all.
Status Mover::finish(std::span<const Segment* const> arrived, const std::string& target, MoveReport& report) {
  if (arrived.empty()) return {};
  if (auto safe = volumes_.at(target)->sync_all(); !safe) return safe;
  std::set<std::string> emptied;
  for (const auto* segment : arrived) {
    const auto told = store_.relocate(*segment, target);
    if (!told && told.error().code != ErrorCode::not_found) return told;
    const auto& obsolete = told ? segment->volume : target;  // retention may have taken it meanwhile
    auto& disk = *volumes_.at(obsolete);
    if (auto gone = remove_if_there(disk, segment->path); !gone) return gone;
    // The last file of a day takes the folder with it; one that is not empty stays.
    if (disk.remove(segment->path.substr(0, segment->path.rfind('/')))) log::debug("archive", "{}: moved", segment->path);
    emptied.insert(obsolete);
    if (!told) continue;
    ++report.files_moved;
    report.bytes_moved += segment->bytes;
  }
  // The move is forgotten when a power cut cannot bring the first back any more.
  for (const auto& volume : emptied) {
    if (auto safe = volumes_.at(volume)->sync_all(); !safe) return safe;
  }
  for (const auto* segment : arrived) {
    if (auto ended = moves_.end({{segment->volume, segment->path}, target}); !ended) return ended;
  }
  return {};
}

/// A file appears under its own name when its bytes are whole and safe, so that recovery never takes a part of it for footage. That
/// it bears this name is safe after the target's next sync_all().
Status Mover::bring(const MovePolicy& policy, const Segment& segment, const std::string& target, const std::string& path) {
  const auto to = volumes_.find(target);
  if (to == volumes_.end()) return fail(ErrorCode::unavailable, "the volume '" + target + "' is not configured here");
  const auto arriving = arrival_path(path);
  if (far_.contains(target)) return copy_file(policy, segment, target, path);
  if (auto gone = remove_if_there(*to->second, arriving); !gone) return gone;
  if (auto copied = copy_file(policy, segment, target, arriving); !copied) return copied;
  auto named = to->second->rename(arriving, path);
  if (!named && named.error().code == ErrorCode::conflict) {
    // Left by an attempt that was cut off; footage that the index knows is never written over.
    const std::vector<std::string> paths{path};
    const auto known = store_.known(target, paths);
    if (!known) return std::unexpected(known.error());
    if (!known->empty()) return fail(ErrorCode::conflict, target + " holds another file " + path);
    if (auto gone = to->second->remove(path); !gone) return gone;
    named = to->second->rename(arriving, path);
  }
  return named;
}

Status Mover::copy_file(const MovePolicy& policy, const Segment& segment, const std::string& target, const std::string& path) {
  const auto from = volumes_.find(segment.volume);
  const auto to = volumes_.find(target);
  if (from == volumes_.end() || to == volumes_.end()) return fail(ErrorCode::unavailable, "its volume is not configured here");
  auto source = from->second->open_read(segment.path);
  if (!source) return std::unexpected(source.error());
  auto made = to->second->create(path);
  if (!made && made.error().code == ErrorCode::conflict) {
    // Left by an attempt that was cut off; footage that the index knows is never written over.
    const std::vector<std::string> paths{path};
    const auto known = store_.known(target, paths);
    if (!known) return std::unexpected(known.error());
    if (!known->empty()) return fail(ErrorCode::conflict, target + " holds another file " + path);
    if (auto gone = to->second->remove(path); !gone) return gone;
    made = to->second->create(path);
  }
  if (!made) return std::unexpected(made.error());
  const auto write = [&](ByteView piece) -> Status {
    if (policy.cancelled && policy.cancelled()) return fail(ErrorCode::unavailable, "the hub stops");
    return (*made)->append(std::span(&piece, 1));
  };
  const auto sum = read_all(**source, segment.bytes, write);
  Status done = sum ? (*made)->sync() : std::unexpected(sum.error());
  made->reset();
  if (done) {
    // What was written is read back before the first is removed.
    auto copy = to->second->open_read(path);
    if (copy) {
      const auto read_back = read_all(**copy, segment.bytes, [](ByteView) { return Status{}; });
      (*copy)->drop_cache();
      if (!read_back) done = std::unexpected(read_back.error());
      if (read_back && *read_back != *sum) done = fail(ErrorCode::corrupt, target + " does not give back what was written to it");
    } else {
      done = std::unexpected(copy.error());
    }
  }
  (*source)->drop_cache();
  if (done) return {};
  if (auto gone = to->second->remove(path); !gone && gone.error().code != ErrorCode::not_found) {
    log::debug("archive", "{}: {}", path, gone.error().message);
  }
  return std::unexpected(done.error().within(segment.path + " to " + target));
}

/// What the scrubber has found.
Status Mover::mend(const MovePolicy& policy, std::size_t batch, MoveReport& report) {
  const auto files = moves_.mendable(batch);
  if (!files) return std::unexpected(files.error());
  for (const auto& file : *files) {
    if (policy.cancelled && policy.cancelled()) return {};
    const SegmentId id{file.damaged.volume, file.damaged.path};
    if (hopeless_.contains(id)) continue;
    if (auto done = mend_one(policy, file); !done) {
      if (done.error().code == ErrorCode::corrupt) hopeless_.insert(id);
      note(report, done.error());
      continue;
    }
    log::info("archive", "volume {}: {} is mended from {} on {}", id.first, id.second, file.other.path, file.other.volume);
    report.mended.push_back(id.first);
  }
  return {};
}

/// `corrupt`: the other is damaged, too. Between the removal and the new name the file is missing, as the damage table says it is.
Status Mover::mend_one(const MovePolicy& policy, const Mendable& file) {
  const auto& damaged = file.damaged;
  const auto& other = file.other;
  const auto from = volumes_.find(other.volume);
  const auto to = volumes_.find(damaged.volume);
  if (from == volumes_.end() || to == volumes_.end()) return fail(ErrorCode::unavailable, "its volume is not configured here");
  const auto whole = find_damage(*from->second, other);
  if (!whole) return std::unexpected(whole.error());
  if (!whole->empty()) return fail(ErrorCode::corrupt, damaged.path + " is damaged, and so is its copy: " + whole->front().detail);
  const auto arriving = far_.contains(damaged.volume) ? damaged.path : arrival_path(damaged.path);
  Status done = remove_if_there(*to->second, arriving);
  if (done) done = copy_file(policy, other, damaged.volume, arriving);
  if (done) done = replace(file, arriving);
  if (done) done = to->second->sync_all();
  return done ? moves_.mended({damaged.volume, damaged.path}) : done;
}

/// Gives what has arrived the damaged file's name, unless retention was faster.
Status Mover::replace(const Mendable& file, const std::string& arriving) {
  auto& disk = *volumes_.at(file.damaged.volume);
  const std::lock_guard keeping(moves_.keeping);
  const auto known = store_.known(file.first.first, std::span(&file.first.second, 1));
  if (!known) return std::unexpected(known.error());
  if (known->empty()) return remove_if_there(disk, arriving);
  if (arriving == file.damaged.path) return {};
  if (auto gone = remove_if_there(disk, file.damaged.path); !gone) return gone;
  return disk.rename(arriving, file.damaged.path);
}

Status Mover::make_copies(const MovePolicy& policy, std::size_t batch, MoveReport& report) {
  if (!policy.copies_of) return {};
  const auto cameras = store_.cameras();
  if (!cameras) return std::unexpected(cameras.error());
  for (const auto& camera : *cameras) {
    if (policy.copies_of(camera) < 2) continue;
    if (report.files_copied >= batch) {
      report.more = true;
      return {};
    }
    const auto missing = moves_.uncopied(camera, clock_.utc_now() - copied_back_to, std::min(files_at_once, batch - report.files_copied));
    if (!missing) return std::unexpected(missing.error());
    if (auto done = copy_files(policy, *missing, report); !done) return done;
    if (policy.cancelled && policy.cancelled()) return {};
    report.more = report.more || missing->size() == files_at_once;
  }
  return {};
}

/// A file that cannot be copied is tried again later; what its copying has left is looked after at the next step.
Status Mover::copy_files(const MovePolicy& policy, std::span<const Segment> segments, MoveReport& report) {
  const bool nothing_else_is_pending = std::exchange(settled_, false);
  std::vector<Copy> made;
  std::set<std::string> targets;
  Status done;
  for (const auto& segment : segments) {
    if (policy.cancelled && policy.cancelled()) break;
    const SegmentId first{segment.volume, segment.path};
    if (ledger_.knows(first)) continue;
    const auto target = std::ranges::find_if(copy_targets_, [&](const std::string& name) { return name != segment.volume; });
    if (target == copy_targets_.end()) {
      note(report, Error{ErrorCode::unavailable, "there is no second volume for the copies of " + segment.key.camera, {}});
      break;
    }
    const Copy copy{first, {*target, copy_path(first)}};
    done = moves_.begin(making(copy.copy));
    if (done) done = bring(policy, segment, *target, copy.copy.second);
    if (!done) break;
    made.push_back(copy);
    targets.insert(*target);
  }
  if (!done) note(report, done.error());
  for (const auto& target : targets) {
    if (auto safe = volumes_.at(target)->sync_all(); !safe) return safe;
  }
  for (const auto& copy : made) {
    if (auto kept = keep(copy, report); !kept) return kept;
  }
  settled_ = done && nothing_else_is_pending;
  return {};
}

/// Tells the index of a copy, unless retention has taken the first meanwhile.
Status Mover::keep(const Copy& copy, MoveReport& report) {
  const std::lock_guard keeping(moves_.keeping);
  const auto known = store_.known(copy.of.first, std::span(&copy.of.second, 1));
  if (!known) return std::unexpected(known.error());
  if (known->empty()) {
    auto gone = remove_if_there(*volumes_.at(copy.copy.first), copy.copy.second);
    return gone ? moves_.end(making(copy.copy)) : gone;
  }
  if (auto told = moves_.add(copy); !told) return told;
  ++report.files_copied;
  return {};
}

void Mover::note(MoveReport& report, const Error& error) {
  if (report.problem.empty()) report.problem = error.message;
}

}  // namespace ccoc::archive
