#include "ccoc/playback/range_file.h"

#include <algorithm>
#include <cstdio>
#include <list>
#include <mutex>

#include "ccoc/media/mp4.h"

namespace ccoc::playback {
namespace {

using archive::Segment;
using archive::SegmentReader;

constexpr std::size_t most_open_files = 4;

/// One fragment of one file at its place in the whole.
struct Piece {
  std::uint64_t at = 0;    ///< in the virtual file
  std::uint64_t from = 0;  ///< in the real one
  std::uint64_t size = 0;
  std::int64_t decode_time = 0;
  std::uint32_t header_size = 0;
  std::uint32_t segment = 0;
  std::uint32_t format_index = 1;
  std::uint32_t audio_format_index = 1;
};

/// FNV-1a, 64 bits: tells apart what the same range held at different times; no protection against malice.
class Fingerprint {
 public:
  void add(ByteView bytes) {
    for (const auto byte : bytes) hash_ = (hash_ ^ byte) * 1099511628211ull;
  }
  void add(std::uint64_t value) {
    for (int i = 0; i < 8; ++i) hash_ = (hash_ ^ ((value >> (8 * i)) & 0xff)) * 1099511628211ull;
  }
  std::string text() const {
    char buffer[20];
    std::snprintf(buffer, sizeof buffer, "%016llx", static_cast<unsigned long long>(hash_));
    return buffer;
  }

 private:
  std::uint64_t hash_ = 14695981039346656037ull;
};

class RangeFile final : public VirtualFile {
 public:
  RangeFile(archive::Catalog& catalog, std::vector<Segment> segments, Bytes init, std::vector<Piece> pieces,
            std::vector<archive::Span> spans, std::string tag)
      : catalog_(catalog),
        segments_(std::move(segments)),
        init_(std::move(init)),
        pieces_(std::move(pieces)),
        size_(pieces_.back().at + pieces_.back().size),
        spans_(std::move(spans)),
        tag_(std::move(tag)) {}

  std::uint64_t size() const override { return size_; }
  archive::Span covers() const override { return {spans_.front().from, spans_.back().to}; }
  const std::vector<archive::Span>& spans() const override { return spans_; }
  std::string tag() const override { return tag_; }

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    if (offset >= size_) return 0;
    into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_ - offset)));
    std::size_t done = 0;
    if (offset < init_.size()) {
      done = std::min<std::size_t>(into.size(), init_.size() - static_cast<std::size_t>(offset));
      std::copy_n(init_.begin() + static_cast<std::ptrdiff_t>(offset), done, into.begin());
    }
    auto index = static_cast<std::size_t>(std::ranges::upper_bound(pieces_, offset + done, {}, &Piece::at) - pieces_.begin());
    index -= index > 0 ? 1 : 0;
    for (; done < into.size(); ++index) {
      auto read = read_piece(index, offset + done - pieces_[index].at, into.subspan(done));
      if (!read) return read;
      done += *read;
    }
    return done;
  }

 private:
  /// From `offset` within the piece, as far as the piece and `into` go.
  Result<std::size_t> read_piece(std::size_t index, std::uint64_t offset, std::span<std::uint8_t> into) {
    const auto& piece = pieces_[index];
    const std::lock_guard lock(mutex_);
    const auto reader = open(piece.segment);
    if (!reader) return std::unexpected(reader.error());
    std::size_t done = 0;
    if (offset < piece.header_size) {
      Bytes header(piece.header_size);
      if (auto read = (*reader)->read_bytes(piece.from, header); !read) return std::unexpected(read.error());
      const auto sequence = static_cast<std::uint32_t>(index + 1);
      if (auto ok = media::patch_fragment(header, sequence, piece.decode_time, piece.format_index, piece.audio_format_index); !ok) {
        return std::unexpected(ok.error());
      }
      done = std::min<std::size_t>(into.size(), header.size() - static_cast<std::size_t>(offset));
      std::copy_n(header.begin() + static_cast<std::ptrdiff_t>(offset), done, into.begin());
      offset += done;
    }
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size - offset, into.size() - done));
    if (count > 0) {
      auto read = (*reader)->read_bytes(piece.from + offset, into.subspan(done, count));
      if (!read) return std::unexpected(read.error());
    }
    return done + count;
  }

  Result<std::shared_ptr<SegmentReader>> open(std::uint32_t segment) {
    const auto found = std::ranges::find(open_, segment, &std::pair<std::uint32_t, std::shared_ptr<SegmentReader>>::first);
    if (found != open_.end()) {
      open_.splice(open_.begin(), open_, found);
      return open_.front().second;
    }
    auto reader = catalog_.open(segments_[segment]);
    if (!reader) return reader;
    open_.emplace_front(segment, *reader);
    if (open_.size() > most_open_files) open_.pop_back();
    return reader;
  }

  archive::Catalog& catalog_;
  const std::vector<Segment> segments_;
  const Bytes init_;
  const std::vector<Piece> pieces_;
  const std::uint64_t size_;
  const std::vector<archive::Span> spans_;
  const std::string tag_;
  std::mutex mutex_;
  std::list<std::pair<std::uint32_t, std::shared_ptr<SegmentReader>>> open_;
};

/// Collects formats in order of appearance, each once.
template <class FormatPtr>
std::uint32_t format_index(std::vector<FormatPtr>& formats, const FormatPtr& format) {
  const auto same = std::ranges::find_if(formats, [&](const auto& known) { return *known == *format; });
  if (same != formats.end()) return static_cast<std::uint32_t>(same - formats.begin()) + 1;
  formats.push_back(format);
  return static_cast<std::uint32_t>(formats.size());
}

}  // namespace

void add_footage(std::vector<archive::Span>& spans, archive::Span more) {
  if (!spans.empty() && more.from - spans.back().to <= tolerated_hole) {
    spans.back().to = std::max(spans.back().to, more.to);
  } else {
    spans.push_back(more);
  }
}

Result<std::unique_ptr<VirtualFile>> export_range(archive::Catalog& catalog, const archive::StreamKey& key, UtcTime from, UtcTime to) {
  if (from >= to) return fail(ErrorCode::invalid_argument, "'to' must be later than 'from'", "to");
  if (to - from > longest_range) return fail(ErrorCode::invalid_argument, "a range is at most 24 hours long", "to");
  auto segments = catalog.find(key, from, to);
  if (!segments) return std::unexpected(segments.error());

  std::vector<Piece> pieces;
  std::vector<media::VideoFormatPtr> formats;
  std::vector<media::AudioFormatPtr> audio_formats;
  std::vector<Segment> used;
  std::vector<archive::Span> spans;
  std::int64_t decode_end = 0;
  for (auto& segment : *segments) {
    const auto reader = catalog.open(segment);
    if (!reader) {
      if (reader.error().code == ErrorCode::not_found) continue;  // retention was faster
      return std::unexpected(reader.error());
    }
    const auto& fragments = (*reader)->fragments();
    std::size_t first = 0;
    while (first < fragments.size() && !fragments[first].starts_with_key()) ++first;
    if (pieces.empty()) {
      for (std::size_t i = first; i < fragments.size() && (*reader)->start_of(fragments[i]) <= from; ++i) {
        if (fragments[i].starts_with_key()) first = i;
      }
    }
    const auto number = static_cast<std::uint32_t>(used.size());
    bool any = false;
    std::int64_t base = 0;
    for (std::size_t i = first; i < fragments.size(); ++i) {
      const auto& fragment = fragments[i];
      const auto start = (*reader)->start_of(fragment);
      if (start >= to) break;
      add_footage(spans, {start, (*reader)->end_of(fragment)});
      // Real time between files, exact ticks within one.
      if (!any) base = std::max(decode_end, to_ticks(start - spans.front().from, video_timescale)) - fragment.decode_time;
      any = true;
      const auto& format = (*reader)->header().formats[fragment.format_index - 1];
      Piece piece;
      piece.from = fragment.offset;
      piece.size = fragment.size;
      piece.decode_time = base + fragment.decode_time;
      piece.header_size = fragment.header_size;
      piece.segment = number;
      piece.format_index = format_index(formats, format);
      if (!fragment.audio.samples.empty()) {
        const auto& sound = (*reader)->header().audio_formats[fragment.audio.format_index - 1];
        piece.audio_format_index = format_index(audio_formats, sound);
      }
      pieces.push_back(piece);
      decode_end = piece.decode_time + fragment.duration();
    }
    if (any) used.push_back(std::move(segment));
  }
  if (pieces.empty()) {
    return fail(ErrorCode::not_found, "nothing is recorded of " + key.camera + "/" + key.stream + " between " + format_rfc3339(from) +
                                          " and " + format_rfc3339(to));
  }

  Bytes init = media::make_init_segment(formats, media::FileOrigin{key.camera, key.stream, spans.front().from, 0}, audio_formats);
  Fingerprint fingerprint;
  fingerprint.add(init);
  std::uint64_t at = init.size();
  for (auto& piece : pieces) {
    piece.at = at;
    at += piece.size;
    fingerprint.add(as_bytes(used[piece.segment].path));
    fingerprint.add(piece.from);
    fingerprint.add(piece.size);
    fingerprint.add(static_cast<std::uint64_t>(piece.decode_time));
  }
  return std::make_unique<RangeFile>(catalog, std::move(used), std::move(init), std::move(pieces), std::move(spans), fingerprint.text());
}

}  // namespace ccoc::playback
