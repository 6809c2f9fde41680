#include "ccoc/archive/segment_reader.h"

#include <algorithm>

#include "ccoc/media/checksum.h"

namespace ccoc::archive {
namespace {

constexpr std::size_t first_look = 4096;
constexpr std::size_t longest_header = (1u << 20) + 4096;

/// Parses a structure at `offset`, reading as much as it needs, never beyond `limit`.
template <class Parse>
auto parse_at(DiskFile& file, std::uint64_t offset, std::uint64_t limit, Bytes& buffer, Parse parse) -> decltype(parse(ByteView{})) {
  for (std::size_t want = first_look;; want *= 4) {
    const auto available = static_cast<std::size_t>(std::min<std::uint64_t>(limit - offset, want));
    buffer.resize(available);
    const auto got = file.read_at(offset, buffer);
    if (!got) return std::unexpected(got.error());
    auto parsed = parse(ByteView(buffer).first(*got));
    const bool short_of_bytes = !parsed && parsed.error().code == ErrorCode::unavailable;
    if (!short_of_bytes || *got < want || want > longest_header) return parsed;
  }
}

/// Where the next fragment begins, from `from` on: nothing when there is none before `limit`.
Result<std::optional<std::uint64_t>> find_fragment(DiskFile& file, std::uint64_t from, std::uint64_t limit) {
  constexpr std::uint8_t mark[] = {0, 0, 0, 32, 'p', 'r', 'f', 't'};
  constexpr std::size_t piece = 1u << 20;
  Bytes bytes, header;
  while (from + sizeof mark <= limit) {
    bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(piece, limit - from)));
    const auto got = file.read_at(from, bytes);
    if (!got) return std::unexpected(got.error());
    const auto end = bytes.begin() + static_cast<std::ptrdiff_t>(*got);
    for (auto at = bytes.begin();; ++at) {
      at = std::search(at, end, std::begin(mark), std::end(mark));
      if (at == end) break;
      const auto offset = from + static_cast<std::uint64_t>(at - bytes.begin());
      const auto fragment = parse_at(file, offset, limit, header, [](ByteView b) { return media::parse_fragment_header(b); });
      if (fragment && offset + fragment->size <= limit) return offset;
    }
    if (*got < bytes.size() || bytes.size() < piece) break;
    from += piece - sizeof mark;
  }
  return std::nullopt;
}

bool ends_the_scan(ErrorCode code) { return code == ErrorCode::unavailable || code == ErrorCode::corrupt; }

/// Whether the file's header describes what the fragment holds.
bool fits(const media::Fragment& fragment, const media::FileHeader& header) {
  const bool known_format = fragment.format_index >= 1 && fragment.format_index <= header.formats.size();
  if (!known_format || fragment.audio.format_index > std::max<std::size_t>(header.audio_formats.size(), 1)) return false;
  return fragment.audio.samples.empty() || !header.audio_formats.empty();
}

/// Whole NAL units, each behind its length in four bytes; or a JPEG file.
bool is_whole(media::Codec codec, ByteView sample) {
  if (sample.empty()) return false;
  if (codec == media::Codec::mjpeg) return sample.size() > 4 && sample[0] == 0xff && sample[1] == 0xd8;
  while (!sample.empty()) {
    if (sample.size() < 4) return false;
    const std::size_t length =
        (std::size_t{sample[0]} << 24) | (std::size_t{sample[1]} << 16) | (std::size_t{sample[2]} << 8) | std::size_t{sample[3]};
    if (length == 0 || length > sample.size() - 4) return false;
    sample = sample.subspan(4 + length);
  }
  return true;
}

}  // namespace

std::size_t FragmentTable::memory() const {
  std::size_t sum = sizeof *this + fragments.capacity() * sizeof(media::Fragment);
  for (const auto& fragment : fragments) {
    sum += fragment.samples.capacity() * sizeof(media::Sample) + fragment.audio.samples.capacity() * sizeof(media::AudioSample);
  }
  return sum;
}

Result<FragmentTable> scan_segment(DiskFile& file, std::uint64_t limit, OnDamage on_damage) {
  FragmentTable table;
  Bytes buffer;
  auto header = parse_at(file, 0, limit, buffer, [](ByteView bytes) { return media::parse_file_header(bytes); });
  if (!header) {
    if (header.error().code == ErrorCode::unavailable) {
      return fail(ErrorCode::corrupt, "the file ends inside its header");
    }
    return std::unexpected(header.error());
  }
  table.header = std::move(*header);
  table.whole_bytes = table.header.size;
  if (auto more = scan_more(file, limit, table, on_damage); !more) return std::unexpected(more.error());
  return table;
}

Status scan_more(DiskFile& file, std::uint64_t limit, FragmentTable& table, OnDamage on_damage) {
  Bytes buffer;
  for (auto at = table.whole_bytes; at < limit;) {
    auto fragment = parse_at(file, at, limit, buffer, [](ByteView bytes) { return media::parse_fragment_header(bytes); });
    if (!fragment && !ends_the_scan(fragment.error().code)) return std::unexpected(fragment.error());
    if (fragment && !fragment->samples.empty() && fragment->size <= limit - at && fits(*fragment, table.header)) {
      fragment->offset = at;
      at = table.whole_bytes = at + fragment->size;
      table.fragments.push_back(std::move(*fragment));
      continue;
    }
    if (on_damage == OnDamage::stop) break;
    const auto next = find_fragment(file, at + 1, limit);
    if (!next) return std::unexpected(next.error());
    if (!*next) break;
    at = **next;
  }
  return {};
}

SegmentReader::SegmentReader(std::unique_ptr<DiskFile> file, FragmentTablePtr table, std::string name)
    : file_(std::move(file)), table_(std::move(table)), name_(std::move(name)) {}

UtcTime SegmentReader::start_of(const media::Fragment& fragment) const {
  const auto& header = table_->header;
  if (!header.origin) return fragment.decode_utc();
  return header.origin->start + from_ticks(fragment.decode_time, header.timescale);
}

UtcTime SegmentReader::end_of(const media::Fragment& fragment) const {
  const auto& header = table_->header;
  if (!header.origin) return fragment.decode_utc() + from_ticks(fragment.duration(), header.timescale);
  return header.origin->start + from_ticks(fragment.decode_time + fragment.duration(), header.timescale);
}

Status SegmentReader::refresh(std::uint64_t limit) {
  if (limit <= table_->whole_bytes) return {};
  auto longer = std::make_shared<FragmentTable>(*table_);
  if (auto more = scan_more(*file_, limit, *longer); !more) return std::unexpected(more.error().within(name_));
  table_ = std::move(longer);
  return {};
}

Result<SegmentReader::Contents> SegmentReader::read(const media::Fragment& fragment, bool with_sound) {
  const auto end = with_sound ? fragment.offset + fragment.size : fragment.audio_offset();
  Bytes bytes(static_cast<std::size_t>(end - fragment.offset - fragment.header_size));
  if (auto got = read_bytes(fragment.offset + fragment.header_size, bytes); !got) return std::unexpected(got.error());
  Contents contents;
  contents.pictures.reserve(fragment.samples.size());
  ByteView rest(bytes);
  auto decode_time = fragment.decode_time;
  for (const auto& sample : fragment.samples) {
    if (sample.size > rest.size()) return fail(ErrorCode::corrupt, name_ + ": a sample is longer than its fragment");
    auto unit = make_unit(fragment, sample, decode_time, rest.first(sample.size));
    if (!unit) return std::unexpected(unit.error());
    contents.pictures.push_back(std::move(*unit));
    rest = rest.subspan(sample.size);
    decode_time += sample.duration;
  }
  if (with_sound) contents.sound = make_sound(fragment, rest);
  return contents;
}

std::vector<media::AudioUnitPtr> SegmentReader::make_sound(const media::Fragment& fragment, ByteView bytes) const {
  std::vector<media::AudioUnitPtr> units;
  const auto& header = table_->header;
  const auto start = header.origin ? header.origin->start : fragment.decode_utc();
  auto decode_time = fragment.audio.decode_time;
  for (const auto& sample : fragment.audio.samples) {
    if (sample.size > bytes.size()) break;
    const auto ticks = header.origin ? decode_time : decode_time - fragment.decode_time;
    auto unit = std::make_shared<media::AudioUnit>();
    unit->format = header.audio_formats[fragment.audio.format_index - 1];
    unit->data = std::make_shared<const Bytes>(bytes.begin(), bytes.begin() + sample.size);
    unit->capture_time = start + from_ticks(ticks, header.timescale);
    unit->media_time = to_ticks(start.time_since_epoch(), video_timescale) + ticks;
    unit->duration = sample.duration;
    units.push_back(std::move(unit));
    bytes = bytes.subspan(sample.size);
    decode_time += sample.duration;
  }
  return units;
}

Result<media::AccessUnitPtr> SegmentReader::read_first(const media::Fragment& fragment) {
  if (fragment.samples.empty() || fragment.samples.front().size > fragment.size - fragment.header_size) {
    return fail(ErrorCode::corrupt, name_ + ": a fragment without a whole sample");
  }
  Bytes bytes(fragment.samples.front().size);
  if (auto got = read_bytes(fragment.offset + fragment.header_size, bytes); !got) return std::unexpected(got.error());
  return make_unit(fragment, fragment.samples.front(), fragment.decode_time, bytes);
}

Status SegmentReader::verify(const media::Fragment& fragment) {
  if (!fragment.payload_sum) {
    const auto contents = read(fragment);
    return contents ? Status{} : std::unexpected(contents.error());
  }
  constexpr std::uint64_t chunk = 1u << 20;
  const auto end = fragment.offset + fragment.size;
  media::Checksum sum;
  Bytes bytes;
  for (auto at = fragment.offset + fragment.header_size; at < end; at += bytes.size()) {
    bytes.resize(static_cast<std::size_t>(std::min(chunk, end - at)));
    if (auto got = read_bytes(at, bytes); !got) return got;
    sum.add(bytes);
  }
  if (sum.value() == *fragment.payload_sum) return {};
  return fail(ErrorCode::corrupt, name_ + ": the checksum of the fragment at byte " + std::to_string(fragment.offset) + " is wrong");
}

Status SegmentReader::read_bytes(std::uint64_t offset, std::span<std::uint8_t> into) {
  const auto got = file_->read_at(offset, into);
  if (!got) return std::unexpected(got.error().within(name_));
  if (*got != into.size()) return fail(ErrorCode::corrupt, name_ + ": the file is shorter than it was");
  return {};
}

Result<media::AccessUnitPtr> SegmentReader::make_unit(const media::Fragment& fragment, const media::Sample& sample,
                                                      std::int64_t decode_time, ByteView bytes) const {
  const auto& header = table_->header;
  if (!is_whole(header.formats[fragment.format_index - 1]->codec, bytes))
    return fail(ErrorCode::corrupt, name_ + ": a sample is not made of whole NAL units");
  auto unit = std::make_shared<media::AccessUnit>();
  unit->format = header.formats[fragment.format_index - 1];
  unit->data = std::make_shared<const Bytes>(bytes.begin(), bytes.end());
  const auto start = header.origin ? header.origin->start : fragment.decode_utc();
  const auto ticks = header.origin ? decode_time : decode_time - fragment.decode_time;
  unit->capture_time = start + from_ticks(ticks, header.timescale);
  unit->media_time = to_ticks(start.time_since_epoch(), video_timescale) + ticks;
  unit->composition_offset = sample.composition_offset;
  unit->key = sample.key;
  return unit;
}

}  // namespace ccoc::archive
