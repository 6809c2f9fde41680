#include "ccoc/playback/hls.h"

#include <algorithm>

#include "ccoc/media/mp4.h"
#include "ccoc/playback/range_file.h"

namespace ccoc::playback {
namespace {

using archive::Segment;
using archive::SegmentReader;
using media::Fragment;

constexpr Duration usual_length = std::chrono::seconds{4};
constexpr Duration length_in_long_ranges = std::chrono::seconds{10};
constexpr Duration long_range = std::chrono::hours{1};
constexpr Duration seamless = std::chrono::milliseconds{100};
constexpr unsigned most_fragments = 600;
constexpr std::uint64_t most_bytes = 128u << 20;

/// What HLS carries of a fragment's sound; null: nothing.
media::AudioFormatPtr sound_of(const SegmentReader& reader, const Fragment& fragment) {
  const auto& formats = reader.header().audio_formats;
  if (formats.empty()) return nullptr;
  const auto& format = formats[std::min<std::size_t>(fragment.audio.format_index, formats.size()) - 1];
  const bool carried = format->codec == media::AudioCodec::aac || format->codec == media::AudioCodec::opus;
  return carried ? format : nullptr;
}

const media::VideoFormatPtr& pictures_of(const SegmentReader& reader, const Fragment& fragment) {
  return reader.header().formats[fragment.format_index - 1];
}

template <class FormatPtr>
bool same(const FormatPtr& a, const FormatPtr& b) {
  return a == b || (a && b && *a == *b);
}

/// Collects fragments into segments.
class Planner {
 public:
  explicit Planner(Duration wanted) : wanted_(wanted) {}

  void add(const Segment& file, const SegmentReader& reader, const Fragment& fragment) {
    const auto start = reader.start_of(fragment), end = reader.end_of(fragment);
    const auto& pictures = pictures_of(reader, fragment);
    const auto sound = sound_of(reader, fragment);
    const bool other_file = file.path != path_;
    const bool other_format = !same(pictures, pictures_) || !same(sound, sound_);
    const bool full = !plan_.segments.empty() && start - plan_.segments.back().start >= wanted_;
    if (other_file || other_format || (full && fragment.starts_with_key())) {
      if (!fragment.starts_with_key()) return;  // nothing can begin here
      HlsSegment next;
      next.start = start;
      next.new_init = other_format;
      const bool hole = file.run != run_ || start - plan_.end > seamless;
      next.discontinuity = !plan_.segments.empty() && (other_format || hole);
      plan_.segments.push_back(next);
      path_ = file.path;
      run_ = file.run;
      pictures_ = pictures;
      sound_ = sound;
    }
    auto& segment = plan_.segments.back();
    ++segment.fragments;
    segment.length = end - segment.start;
    plan_.longest = std::max(plan_.longest, segment.length);
    plan_.end = end;
    add_footage(plan_.spans, {start, end});
  }

  HlsPlan take() { return std::move(plan_); }

 private:
  const Duration wanted_;
  HlsPlan plan_;
  std::string path_;
  std::uint64_t run_ = 0;
  media::VideoFormatPtr pictures_;
  media::AudioFormatPtr sound_;
};

struct Found {
  std::shared_ptr<SegmentReader> reader;
  std::size_t first = 0;
};

/// The file and fragment that begin at `start` exactly.
Result<Found> find_start(archive::Catalog& catalog, const archive::StreamKey& key, UtcTime start) {
  const auto file = catalog.at_or_after(key, start);
  if (!file) return std::unexpected(file.error());
  const auto gone = [] { return fail(ErrorCode::not_found, "that piece of footage is not there any more"); };
  if (!*file) return gone();
  auto reader = catalog.open(**file);
  if (!reader) return std::unexpected(reader.error());
  const auto& fragments = (*reader)->fragments();
  const auto found = std::ranges::find_if(fragments, [&](const Fragment& f) { return (*reader)->start_of(f) == start; });
  if (found == fragments.end() || !found->starts_with_key()) return gone();
  return Found{std::move(*reader), static_cast<std::size_t>(found - fragments.begin())};
}

/// One fragment, on the timeline that begins at the playlist's origin.
Status append(Bytes& out, SegmentReader& reader, const Fragment& fragment, std::int64_t base, std::uint32_t sequence) {
  const bool sound = sound_of(reader, fragment) != nullptr && !fragment.audio.samples.empty();
  media::FragmentPlan plan;
  plan.sequence = sequence;
  plan.decode_time = base + fragment.decode_time;
  plan.utc = fragment.utc;
  plan.samples = fragment.samples;
  if (sound) {
    plan.audio = fragment.audio;
    plan.audio.format_index = 1;
    plan.audio.decode_time = std::max<std::int64_t>(0, base + fragment.audio.decode_time);
  }
  const Bytes header = media::make_fragment_header(plan);
  const auto from = fragment.offset + fragment.header_size;
  const auto end = sound ? fragment.offset + fragment.size : fragment.audio_offset();
  if (out.size() + header.size() + (end - from) > most_bytes) return fail(ErrorCode::limit_exceeded, "the segment is too large");
  out.insert(out.end(), header.begin(), header.end());
  const auto at = out.size();
  out.resize(at + static_cast<std::size_t>(end - from));
  return reader.read_bytes(from, std::span(out).subspan(at));
}

}  // namespace

Result<HlsPlan> plan_hls(archive::Catalog& catalog, const archive::StreamKey& key, UtcTime from, UtcTime to) {
  if (from >= to) return fail(ErrorCode::invalid_argument, "'to' must be later than 'from'", "to");
  if (to - from > longest_range) return fail(ErrorCode::invalid_argument, "a range is at most 24 hours long", "to");
  const auto files = catalog.find(key, from, to);
  if (!files) return std::unexpected(files.error());
  Planner planner(to - from > long_range ? length_in_long_ranges : usual_length);
  bool begun = false;
  for (const auto& file : *files) {
    const auto reader = catalog.open(file);
    if (!reader && reader.error().code == ErrorCode::not_found) continue;  // retention was faster
    if (!reader) return std::unexpected(reader.error());
    const auto& fragments = (*reader)->fragments();
    std::size_t first = 0;
    while (first < fragments.size() && !fragments[first].starts_with_key()) ++first;
    for (auto i = first; !begun && i < fragments.size() && (*reader)->start_of(fragments[i]) <= from; ++i) {
      if (fragments[i].starts_with_key()) first = i;
    }
    for (auto i = first; i < fragments.size() && (*reader)->start_of(fragments[i]) < to; ++i) {
      if (pictures_of(**reader, fragments[i])->codec == media::Codec::mjpeg) {
        return fail(ErrorCode::unsupported, "HLS does not carry Motion JPEG");
      }
      planner.add(file, **reader, fragments[i]);
      begun = true;
    }
  }
  auto plan = planner.take();
  if (plan.segments.empty()) {
    return fail(ErrorCode::not_found, "nothing is recorded of " + key.camera + "/" + key.stream + " between " + format_rfc3339(from) +
                                          " and " + format_rfc3339(to));
  }
  return plan;
}

Result<Bytes> hls_init(archive::Catalog& catalog, const archive::StreamKey& key, UtcTime start) {
  const auto found = find_start(catalog, key, start);
  if (!found) return std::unexpected(found.error());
  const auto& fragment = found->reader->fragments()[found->first];
  std::vector<media::AudioFormatPtr> sound;
  if (auto format = sound_of(*found->reader, fragment)) sound.push_back(std::move(format));
  return media::make_init_segment({pictures_of(*found->reader, fragment)}, std::nullopt, sound);
}

Result<Bytes> hls_segment(archive::Catalog& catalog, const archive::StreamKey& key, UtcTime start, unsigned fragments, UtcTime origin,
                          UtcTime not_before) {
  if (fragments == 0 || fragments > most_fragments || origin > start) {
    return fail(ErrorCode::not_found, "there is no such segment");
  }
  const auto found = find_start(catalog, key, start);
  if (!found) return std::unexpected(found.error());
  auto& reader = *found->reader;
  const auto& all = reader.fragments();
  if (fragments > all.size() - found->first || reader.end_of(all[found->first + fragments - 1]) <= not_before)
    return fail(ErrorCode::not_found, "there is no such segment");
  // Exact ticks within a file, real time between files.
  const auto& front = all.front();
  const auto base = to_ticks(reader.start_of(front) - origin, video_timescale) - front.decode_time;
  Bytes out;
  for (unsigned i = 0; i < fragments; ++i) {
    const auto& fragment = all[found->first + i];
    if (base + fragment.decode_time < 0) return fail(ErrorCode::not_found, "there is no such segment");
    if (auto done = append(out, reader, fragment, base, i + 1); !done) return std::unexpected(done.error());
  }
  return out;
}

}  // namespace ccoc::playback
