#include <algorithm>
#include <numeric>

#include "big_endian.h"
#include "ccoc/media/mp4.h"
#include "ccoc/media/nal.h"
#include "ccoc/media/rtp.h"
#include "mp4_boxes.h"

namespace ccoc::media {
namespace {

using namespace mp4;

std::unexpected<Error> corrupt(const char* what) { return fail(ErrorCode::corrupt, std::string("MP4: ") + what); }
std::unexpected<Error> more() { return fail(ErrorCode::unavailable, "MP4: the bytes end here"); }

struct Box {
  std::uint32_t type = 0;
  ByteView body;
};

/// The box at the front of `bytes`, which holds all of it; `bytes` moves behind it.
Result<Box> take_box(ByteView& bytes) {
  if (bytes.size() < box_header) return corrupt("a box ends within its header");
  const std::size_t size = get_u32(bytes, 0);
  if (size < box_header || size > bytes.size()) return corrupt("a box is longer than what holds it");
  Box box{get_u32(bytes, 4), bytes.subspan(box_header, size - box_header)};
  bytes = bytes.subspan(size);
  return box;
}

/// The body of the first child of this type; empty when there is none.
Result<ByteView> child(ByteView parent, std::uint32_t type) {
  while (!parent.empty()) {
    const auto box = take_box(parent);
    if (!box) return std::unexpected(box.error());
    if (box->type == type) return box->body;
  }
  return ByteView{};
}

/// Follows a path of box types down from `parent`.
template <std::size_t N>
Result<ByteView> descend(ByteView parent, const std::uint32_t (&path)[N]) {
  for (const auto type : path) {
    const auto next = child(parent, type);
    if (!next) return next;
    parent = *next;
  }
  return parent;
}

Result<FileOrigin> read_origin(ByteView body) {
  if (body.size() < 16 + 4 + 16) return corrupt("the origin is torn");
  FileOrigin origin;
  origin.start = UtcTime{Duration{static_cast<std::int64_t>(get_u64(body, 20))}};
  origin.run = get_u64(body, 28);
  auto rest = body.subspan(36);
  for (auto* text : {&origin.camera, &origin.stream}) {
    if (rest.empty() || rest.size() < 1u + rest[0]) return corrupt("the origin is torn");
    *text = as_text(rest.subspan(1, rest[0]));
    rest = rest.subspan(1u + rest[0]);
  }
  return origin;
}

/// The formats of a sample description box; entries that are no video are refused.
Result<std::vector<VideoFormatPtr>> read_formats(ByteView stsd) {
  if (stsd.size() < 8) return corrupt("there is no sample description");
  const std::size_t count = get_u32(stsd, 4);
  if (count == 0 || count > max_formats) return corrupt("the number of sample descriptions is not possible");
  std::vector<VideoFormatPtr> formats;
  auto rest = stsd.subspan(8);
  for (std::size_t i = 0; i < count; ++i) {
    const auto entry = take_box(rest);
    if (!entry) return std::unexpected(entry.error());
    const bool h264 = entry->type == fourcc("avc1") || entry->type == fourcc("avc3");
    const bool h265 = entry->type == fourcc("hvc1") || entry->type == fourcc("hev1");
    if (!h264 && !h265) return fail(ErrorCode::unsupported, "MP4: the track is neither H.264 nor H.265");
    constexpr std::size_t visual_sample_entry = 78;
    if (entry->body.size() < visual_sample_entry) return corrupt("a sample description is torn");
    const auto config = child(entry->body.subspan(visual_sample_entry), h264 ? fourcc("avcC") : fourcc("hvcC"));
    if (!config) return std::unexpected(config.error());
    auto format = parse_decoder_config(h264 ? Codec::h264 : Codec::h265, *config);
    if (!format) return std::unexpected(format.error().within("MP4"));
    formats.push_back(std::make_shared<const VideoFormat>(*std::move(format)));
  }
  return formats;
}

Status read_moov(ByteView moov, FileHeader& header) {
  const auto mdia = descend(moov, {fourcc("trak"), fourcc("mdia")});
  if (!mdia) return std::unexpected(mdia.error());
  const auto mdhd = child(*mdia, fourcc("mdhd"));
  if (!mdhd) return std::unexpected(mdhd.error());
  const std::size_t timescale_at = !mdhd->empty() && mdhd->front() == 1 ? 20 : 12;
  if (mdhd->size() < timescale_at + 4) return corrupt("there is no media header");
  header.timescale = get_u32(*mdhd, timescale_at);
  if (header.timescale == 0) return corrupt("the timescale is zero");
  const auto stsd = descend(*mdia, {fourcc("minf"), fourcc("stbl"), fourcc("stsd")});
  if (!stsd) return std::unexpected(stsd.error());
  auto formats = read_formats(*stsd);
  if (!formats) return std::unexpected(formats.error());
  header.formats = *std::move(formats);
  return {};
}

/// Whether a box of this type stands at this place with this size (any size when 0) and version and flags.
bool box_at(ByteView bytes, std::size_t at, const char (&type)[5], std::size_t size) {
  return get_u32(bytes, at + 4) == fourcc(type) && (size == 0 || get_u32(bytes, at) == size);
}

/// The fixed part of a fragment's header, all of which is there.
const char* check_fixed_part(ByteView bytes) {
  const std::size_t moof = get_u32(bytes, moof_at);
  if (get_u32(bytes, 8) != prft_version_flags || get_u32(bytes, 12) != track_id) return "prft is not as we write it";
  if (!box_at(bytes, mfhd_at, "mfhd", 16) || get_u32(bytes, mfhd_at + 8) != 0) return "mfhd is not as we write it";
  if (!box_at(bytes, traf_at, "traf", moof - (traf_at - moof_at))) return "traf is not as we write it";
  if (!box_at(bytes, tfhd_at, "tfhd", 20) || get_u32(bytes, tfhd_at + 8) != tfhd_version_flags ||
      get_u32(bytes, tfhd_at + 12) != track_id)
    return "tfhd is not as we write it";
  if (!box_at(bytes, tfdt_at, "tfdt", 20) || get_u32(bytes, tfdt_at + 8) != tfdt_version_flags)
    return "tfdt is not as we write it";
  if (!box_at(bytes, trun_at, "trun", moof - (trun_at - moof_at)) ||
      (get_u32(bytes, trun_flags_at) & ~trun_composition_flag) != trun_version_flags)
    return "trun is not as we write it";
  return nullptr;
}

std::size_t bytes_per_sample(ByteView bytes) {
  return (get_u32(bytes, trun_flags_at) & trun_composition_flag) != 0 ? sample_size_with_composition : sample_size;
}

Result<std::vector<Sample>> read_samples(ByteView bytes) {
  const std::size_t each = bytes_per_sample(bytes);
  const std::size_t count = get_u32(bytes, sample_count_at);
  const std::size_t moof = get_u32(bytes, moof_at);
  if (count == 0 || count > max_samples || moof_fixed_size + count * each != moof)
    return corrupt("the number of samples is not that of the table");
  std::vector<Sample> samples(count);
  std::size_t at = samples_at;
  for (auto& sample : samples) {
    sample.duration = get_u32(bytes, at);
    sample.size = get_u32(bytes, at + 4);
    const auto flags = get_u32(bytes, at + 8);
    if (flags != key_sample_flags && flags != other_sample_flags)
      return corrupt("sample flags are not as we write them");
    if (sample.size == 0) return corrupt("a sample has no bytes");
    sample.key = flags == key_sample_flags;
    if (each == sample_size_with_composition)
      sample.composition_offset = static_cast<std::int32_t>(get_u32(bytes, at + 12));
    at += each;
  }
  return samples;
}

}  // namespace

std::int64_t Fragment::duration() const {
  return std::accumulate(samples.begin(), samples.end(), std::int64_t{0},
                         [](std::int64_t sum, const Sample& sample) { return sum + sample.duration; });
}

Result<FileHeader> parse_file_header(ByteView bytes) {
  FileHeader header;
  bool first = true;
  auto rest = bytes;
  for (;;) {
    if (rest.size() < box_header) return more();
    const std::size_t size = get_u32(rest, 0);
    const auto type = get_u32(rest, 4);
    if (first && type != fourcc("ftyp")) return corrupt("the file does not begin with ftyp");
    first = false;
    if (size < box_header || size > max_moov) return corrupt("a box at the front has an impossible size");
    if (type == fourcc("moof") || type == fourcc("mdat") || type == fourcc("prft"))
      return corrupt("there is no moov before the first fragment");
    if (size > rest.size()) return more();
    const auto box = take_box(rest);
    if (!box) return std::unexpected(box.error());
    if (type == fourcc("uuid") && box->body.size() >= 16 &&
        std::equal(origin_uuid.begin(), origin_uuid.end(), box->body.begin())) {
      auto origin = read_origin(box->body);
      if (!origin) return std::unexpected(origin.error());
      header.origin = *std::move(origin);
    }
    if (type != fourcc("moov")) continue;
    if (const auto read = read_moov(box->body, header); !read) return std::unexpected(read.error());
    header.size = bytes.size() - rest.size();
    return header;
  }
}

Result<Fragment> parse_fragment_header(ByteView bytes) {
  if (bytes.size() < box_header) return more();
  if (!box_at(bytes, prft_at, "prft", prft_size)) return corrupt("no fragment begins here");
  if (bytes.size() < samples_at) return more();
  if (!box_at(bytes, moof_at, "moof", 0)) return corrupt("no moof follows prft");
  const std::size_t moof = get_u32(bytes, moof_at);
  if (moof < moof_fixed_size || moof > max_moof) return corrupt("the size of moof is not possible");
  if (const char* broken = check_fixed_part(bytes)) return corrupt(broken);
  const std::size_t header = prft_size + moof + box_header;
  if (bytes.size() < header) return more();

  auto samples = read_samples(bytes);
  if (!samples) return std::unexpected(samples.error());
  std::uint64_t payload = 0;
  for (const auto& sample : *samples) payload += sample.size;
  const std::size_t mdat_at = header - box_header;
  if (get_u32(bytes, data_offset_at) != moof + box_header) return corrupt("the data offset does not lead to mdat");
  if (!box_at(bytes, mdat_at, "mdat", 0) || get_u32(bytes, mdat_at) != box_header + payload)
    return corrupt("the sample sizes do not add up to mdat");
  if (header + payload > max_fragment) return corrupt("a fragment of more than 256 MiB");

  Fragment fragment;
  fragment.size = header + payload;
  fragment.header_size = static_cast<std::uint32_t>(header);
  fragment.sequence = get_u32(bytes, sequence_at);
  fragment.decode_time = static_cast<std::int64_t>(get_u64(bytes, decode_time_at));
  fragment.utc = ntp_to_utc(get_u64(bytes, prft_ntp_at));
  fragment.format_index = get_u32(bytes, description_at);
  if (fragment.decode_time < 0 || fragment.decode_time > std::int64_t{1} << 60)
    return corrupt("impossible decode time");
  if (fragment.format_index == 0 || fragment.format_index > max_formats)
    return corrupt("impossible sample description");
  if (static_cast<std::int64_t>(get_u64(bytes, prft_media_time_at)) !=
      fragment.decode_time + samples->front().composition_offset)
    return corrupt("prft and tfdt do not agree");
  fragment.samples = *std::move(samples);
  return fragment;
}

UtcTime Fragment::decode_utc() const {
  return samples.empty() ? utc : utc - from_ticks(samples.front().composition_offset, video_timescale);
}

Status patch_fragment(std::span<std::uint8_t> header, std::uint32_t sequence, std::int64_t decode_time,
                      std::uint32_t format_index) {
  if (header.size() < samples_at + sample_size_with_composition || !box_at(header, prft_at, "prft", prft_size) ||
      !box_at(header, moof_at, "moof", 0) || check_fixed_part(header) != nullptr)
    return corrupt("this is no fragment header of ours");
  if (decode_time < 0 || format_index == 0)
    return fail(ErrorCode::invalid_argument, "a fragment needs a decode time from 0 and a sample description from 1");
  std::int64_t composition = 0;
  if (bytes_per_sample(header) == sample_size_with_composition)
    composition = static_cast<std::int32_t>(get_u32(header, samples_at + 12));
  set_u32(header, sequence_at, sequence);
  set_u32(header, description_at, format_index);
  set_u64(header, decode_time_at, static_cast<std::uint64_t>(decode_time));
  set_u64(header, prft_media_time_at, static_cast<std::uint64_t>(decode_time + composition));
  return {};
}

}  // namespace ccoc::media
