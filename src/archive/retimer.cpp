#include "retimer.h"

#include <algorithm>

#include "ccoc/base/log.h"
#include "ccoc/media/checksum.h"
#include "stream_writer.h"
#include "unset_clock.h"

namespace ccoc::archive {
namespace {

constexpr std::size_t files_per_step = 20;
constexpr unsigned most_names = 99;

}  // namespace

Retimer::Retimer(const Volumes& volumes, Ledger& ledger, SegmentStore& store, const Clock& clock)
    : volumes_(volumes), ledger_(ledger), store_(store), clock_(clock) {}

Status Retimer::step() {
  const Reading now{clock_.now(), clock_.utc_now()};
  if (is_unset(now.utc)) {
    if (!unset_) {
      log::error("archive", "the machine's clock was not set, it says {}; footage gets its true times when it is", format_rfc3339(now.utc));
    }
    unset_ = now;
    return {};
  }
  if (!unset_) return {};
  if (!shift_) {
    shift_ = now.utc - (unset_->utc + (now.mono - unset_->mono));
    log::info("archive", "the machine's clock was set to {}; footage from before is re-timed", format_rfc3339(now.utc));
  }
  const auto files = ledger_.recorded_unset(files_per_step);
  for (const auto& segment : files) {
    if (auto done = retime(segment, *shift_); !done) {
      log::warn("archive", "{}: {}", segment.path, done.error().message);
      // A file that is gone or broken is not asked for again; everything else is.
      if (done.error().code != ErrorCode::not_found && done.error().code != ErrorCode::corrupt) return done;
      ledger_.retimed({segment.volume, segment.path});
    }
  }
  return {};
}

Status Retimer::retime(const Segment& segment, Duration shift) {
  auto made = rewrite(segment, shift);
  if (!made) return std::unexpected(made.error());
  IndexBatch batch;
  batch.segments.push_back(*made);
  batch.removed.emplace_back(segment.volume, segment.path);
  // The gaps around it go along; those of 1970 are nobody's.
  const auto gaps = store_.gaps(segment.key, segment.start - std::chrono::hours{1}, segment.end + std::chrono::hours{1});
  if (!gaps) return std::unexpected(gaps.error());
  for (auto gap : *gaps) {
    if (!gap.to || !is_unset(*gap.to)) continue;
    gap.from += shift;
    gap.to = *gap.to + shift;
    batch.gaps.push_back(std::move(gap));
  }
  if (auto told = store_.apply(batch); !told) return told;
  ledger_.retimed({segment.volume, segment.path});
  if (auto gone = volumes_.at(segment.volume)->remove(segment.path); !gone) log::warn("archive", "{}", gone.error().message);
  log::debug("archive", "{} is {} now", segment.path, made->path);
  return {};
}

Result<Segment> Retimer::rewrite(const Segment& segment, Duration shift) {
  const auto volume = volumes_.find(segment.volume);
  if (volume == volumes_.end()) return fail(ErrorCode::not_found, "its volume is not configured here");
  auto& disk = *volume->second;
  auto source = disk.open_read(segment.path);
  if (!source) return std::unexpected(source.error());
  auto table = scan_segment(**source, segment.bytes, OnDamage::skip);
  if (!table) return std::unexpected(table.error());
  auto origin = table->header.origin;
  if (!origin || table->fragments.empty()) return fail(ErrorCode::corrupt, "it holds no footage of this hub");
  const auto facts_shared = std::make_shared<const FragmentTable>(*table);
  SegmentReader reader(std::move(*source), facts_shared, segment.path);
  origin->start += shift;

  auto path = segment.path;
  Result<std::unique_ptr<DiskFile>> file = fail(ErrorCode::internal, "");
  for (unsigned attempt = 1; attempt <= most_names; ++attempt) {
    path = segment_path(segment.key, segment.start + shift, attempt);
    file = disk.create(path);
    if (file || file.error().code != ErrorCode::conflict) break;
  }
  if (!file) return std::unexpected(file.error());

  Segment made = segment;
  made.path = path;
  made.start += shift;
  made.end += shift;
  made.run = static_cast<std::uint64_t>(static_cast<std::int64_t>(segment.run) + shift.count());
  origin->run = made.run;
  made.open = false;
  const auto write = [&]() -> Status {
    const Bytes front = media::make_init_segment(table->header.formats, origin, table->header.audio_formats);
    const ByteView piece(front);
    if (auto done = (*file)->append(std::span(&piece, 1)); !done) return done;
    made.bytes = front.size();
    Bytes payload;
    for (const auto& fragment : table->fragments) {
      payload.resize(static_cast<std::size_t>(fragment.size - fragment.header_size));
      if (auto got = reader.read_bytes(fragment.offset + fragment.header_size, payload); !got) return got;
      media::FragmentPlan plan;
      plan.sequence = fragment.sequence;
      plan.decode_time = fragment.decode_time;
      plan.utc = fragment.utc + shift;
      plan.format_index = fragment.format_index;
      plan.samples = fragment.samples;
      plan.audio = fragment.audio;
      plan.payload_sum = fragment.payload_sum;
      const Bytes header = media::make_fragment_header(plan);
      const std::array<ByteView, 2> pieces{ByteView(header), ByteView(payload)};
      if (auto done = (*file)->append(pieces); !done) return done;
      made.bytes += header.size() + payload.size();
    }
    return (*file)->sync();
  };
  Status done = write();
  file->reset();
  if (done) {
    // Read back as any file is, before the first goes.
    const auto facts = look_into(disk, segment.volume, StreamFolder{segment.key, {}}, path, 1);
    if (!facts) {
      done = std::unexpected(facts.error());
    } else if (facts->fragments != table->fragments.size() || facts->segment.bytes != made.bytes) {
      done = fail(ErrorCode::io, "it was not written as it was");
    } else {
      made.activity = facts->segment.activity;
      made.start = facts->segment.start;
      made.end = facts->segment.end;
    }
  }
  if (done) return made;
  if (auto gone = disk.remove(path); !gone) log::warn("archive", "{}", gone.error().message);
  return std::unexpected(done.error());
}

}  // namespace ccoc::archive
