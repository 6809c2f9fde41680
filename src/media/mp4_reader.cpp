#include <algorithm>
#include <numeric>

#include "audio_config.h"
#include "big_endian.h"
#include "ccoc/media/checksum.h"
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

/// The entries of a sample description box, in their order.
Result<std::vector<Box>> read_entries(ByteView stsd) {
  if (stsd.size() < 8) return corrupt("there is no sample description");
  const std::size_t count = get_u32(stsd, 4);
  if (count == 0 || count > max_formats) return corrupt("the number of sample descriptions is not possible");
  std::vector<Box> entries;
  auto rest = stsd.subspan(8);
  for (std::size_t i = 0; i < count; ++i) {
    const auto entry = take_box(rest);
    if (!entry) return std::unexpected(entry.error());
    entries.push_back(*entry);
  }
  return entries;
}

/// Takes one descriptor (ISO/IEC 14496-1 §8.3.3) off the front; its tag is 0 when there is none.
std::pair<unsigned, ByteView> take_descriptor(ByteView& bytes) {
  if (bytes.size() < 2) return {0, {}};
  const unsigned tag = bytes[0];
  std::size_t size = 0, at = 1;
  for (int i = 0; i < 4 && at < bytes.size(); ++i) {
    const auto byte = bytes[at++];
    size = size << 7 | (byte & 0x7f);
    if ((byte & 0x80) == 0) break;
  }
  if (size > bytes.size() - at) return {0, {}};
  const auto content = bytes.subspan(at, size);
  bytes = bytes.subspan(at + size);
  return {tag, content};
}

struct ElementaryStream {
  unsigned object_type = 0;
  ByteView specific;
};

/// What an esds box says (ISO/IEC 14496-14 §5.6), as put_elementary_stream writes it.
Result<ElementaryStream> read_elementary_stream(ByteView esds) {
  auto rest = esds.subspan(std::min<std::size_t>(esds.size(), 4));
  auto stream = take_descriptor(rest).second;
  if (stream.size() < 3) return corrupt("an esds is torn");
  stream = stream.subspan(3);
  auto decoder = take_descriptor(stream).second;
  if (decoder.size() < 13) return corrupt("an esds is torn");
  ElementaryStream out;
  out.object_type = decoder[0];
  decoder = decoder.subspan(13);
  out.specific = take_descriptor(decoder).second;
  return out;
}

Result<VideoFormat> read_video_format(const Box& entry) {
  constexpr std::size_t visual_sample_entry = 78, width_at = 24, height_at = 26;
  const bool h264 = entry.type == fourcc("avc1") || entry.type == fourcc("avc3");
  const bool h265 = entry.type == fourcc("hvc1") || entry.type == fourcc("hev1");
  const bool jpeg = entry.type == fourcc("mp4v");
  if (!h264 && !h265 && !jpeg) return fail(ErrorCode::unsupported, "MP4: the track is neither H.264, H.265 nor JPEG");
  if (entry.body.size() < visual_sample_entry) return corrupt("a sample description is torn");
  const auto boxes = entry.body.subspan(visual_sample_entry);
  if (jpeg) {
    const auto esds = child(boxes, fourcc("esds"));
    if (!esds) return std::unexpected(esds.error());
    const auto stream = read_elementary_stream(*esds);
    if (!stream) return std::unexpected(stream.error());
    if (stream->object_type != jpeg_object_type) return fail(ErrorCode::unsupported, "MP4: the track is not JPEG");
    VideoFormat format;
    format.codec = Codec::mjpeg;
    format.width = get_u16(entry.body, width_at);
    format.height = get_u16(entry.body, height_at);
    format.codec_string = "mp4v.6C";
    return format;
  }
  const auto config = child(boxes, h264 ? fourcc("avcC") : fourcc("hvcC"));
  if (!config) return std::unexpected(config.error());
  auto format = parse_decoder_config(h264 ? Codec::h264 : Codec::h265, *config);
  if (!format) return std::unexpected(format.error().within("MP4"));
  return format;
}

Result<AudioFormat> read_audio_format(const Box& entry) {
  constexpr std::size_t audio_sample_entry = 28, channels_at = 16, rate_at = 24;
  if (entry.body.size() < audio_sample_entry) return corrupt("a sample description is torn");
  const auto boxes = entry.body.subspan(audio_sample_entry);
  AudioFormat format;
  format.channels = get_u16(entry.body, channels_at);
  format.sample_rate = get_u32(entry.body, rate_at) >> 16;
  if (entry.type == fourcc("mp4a")) {
    const auto esds = child(boxes, fourcc("esds"));
    if (!esds) return std::unexpected(esds.error());
    const auto stream = read_elementary_stream(*esds);
    if (!stream) return std::unexpected(stream.error());
    if (stream->object_type != aac_object_type) return fail(ErrorCode::unsupported, "MP4: the sound is not AAC");
    const auto config = parse_audio_specific_config(stream->specific);
    if (!config) return std::unexpected(config.error().within("MP4"));
    return config->format;
  }
  if (entry.type == fourcc("Opus")) {
    format.codec = AudioCodec::opus;
    format.sample_rate = 48'000;
    format.codec_string = "opus";
  } else if (entry.type == fourcc("ulaw") || entry.type == fourcc("alaw")) {
    const bool mu = entry.type == fourcc("ulaw");
    format.codec = mu ? AudioCodec::pcmu : AudioCodec::pcma;
    format.codec_string = mu ? "ulaw" : "alaw";
  } else {
    return fail(ErrorCode::unsupported, "MP4: the sound is none of ours");
  }
  if (format.channels == 0 || format.channels > 8 || format.sample_rate == 0) return corrupt("impossible sound");
  return format;
}

/// Every entry read by `read`.
template <class Format, class Read>
Result<std::vector<std::shared_ptr<const Format>>> read_formats(ByteView stsd, Read read) {
  const auto entries = read_entries(stsd);
  if (!entries) return std::unexpected(entries.error());
  std::vector<std::shared_ptr<const Format>> formats;
  for (const auto& entry : *entries) {
    auto format = read(entry);
    if (!format) return std::unexpected(format.error());
    formats.push_back(std::make_shared<const Format>(*std::move(format)));
  }
  return formats;
}

Status read_track(ByteView trak, bool first, FileHeader& header) {
  const auto mdia = child(trak, fourcc("mdia"));
  if (!mdia) return std::unexpected(mdia.error());
  const auto mdhd = child(*mdia, fourcc("mdhd"));
  if (!mdhd) return std::unexpected(mdhd.error());
  const std::size_t timescale_at = !mdhd->empty() && mdhd->front() == 1 ? 20 : 12;
  if (mdhd->size() < timescale_at + 4) return corrupt("there is no media header");
  const auto timescale = get_u32(*mdhd, timescale_at);
  if (timescale == 0) return corrupt("the timescale is zero");
  const auto stsd = descend(*mdia, {fourcc("minf"), fourcc("stbl"), fourcc("stsd")});
  if (!stsd) return std::unexpected(stsd.error());
  if (first) {
    header.timescale = timescale;
    auto formats = read_formats<VideoFormat>(*stsd, read_video_format);
    if (!formats) return std::unexpected(formats.error());
    header.formats = *std::move(formats);
    return {};
  }
  if (timescale != header.timescale) return corrupt("the tracks have different timescales");
  auto formats = read_formats<AudioFormat>(*stsd, read_audio_format);
  if (!formats) return std::unexpected(formats.error());
  header.audio_formats = *std::move(formats);
  return {};
}

/// The first track is the video, the second, if there is one, the sound.
Status read_moov(ByteView moov, FileHeader& header) {
  int tracks = 0;
  while (!moov.empty() && tracks < 2) {
    const auto box = take_box(moov);
    if (!box) return std::unexpected(box.error());
    if (box->type != fourcc("trak")) continue;
    if (const auto read = read_track(box->body, tracks++ == 0, header); !read) return read;
  }
  if (tracks == 0) return corrupt("there is no track");
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
  const std::size_t traf = get_u32(bytes, traf_at);
  if (!box_at(bytes, traf_at, "traf", 0) || traf < samples_at - traf_at || traf > moof - (traf_at - moof_at))
    return "traf is not as we write it";
  if (!box_at(bytes, tfhd_at, "tfhd", 20) || get_u32(bytes, tfhd_at + 8) != tfhd_version_flags || get_u32(bytes, tfhd_at + 12) != track_id)
    return "tfhd is not as we write it";
  if (!box_at(bytes, tfdt_at, "tfdt", 20) || get_u32(bytes, tfdt_at + 8) != tfdt_version_flags) return "tfdt is not as we write it";
  if (!box_at(bytes, trun_at, "trun", traf - (trun_at - traf_at)) ||
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
  const std::size_t traf = get_u32(bytes, traf_at);
  if (count == 0 || count > max_samples || samples_at - traf_at + count * each != traf)
    return corrupt("the number of samples is not that of the table");
  std::vector<Sample> samples(count);
  std::size_t at = samples_at;
  for (auto& sample : samples) {
    sample.duration = get_u32(bytes, at);
    sample.size = get_u32(bytes, at + 4);
    const auto flags = get_u32(bytes, at + 8);
    const auto kind = flags & ~quantizer_mask;
    if (kind != key_sample_flags && kind != other_sample_flags) return corrupt("sample flags are not as we write them");
    if (sample.size == 0) return corrupt("a sample has no bytes");
    sample.key = kind == key_sample_flags;
    sample.quantizer = static_cast<std::uint8_t>(flags & quantizer_mask);
    if (each == sample_size_with_composition) sample.composition_offset = static_cast<std::int32_t>(get_u32(bytes, at + 12));
    at += each;
  }
  return samples;
}

/// Whether the checksums stand there.
bool has_sums(ByteView bytes, std::size_t at) {
  return bytes.size() >= at + sums_size && box_at(bytes, at, "uuid", sums_size) &&
         std::equal(checksum_uuid.begin(), checksum_uuid.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at + box_header));
}

/// Where the trafs end and, if there are any, the checksums in moof begin; all of moof is there.
std::size_t trafs_end(ByteView bytes) {
  const std::size_t moof_end = moof_at + get_u32(bytes, moof_at);
  return has_sums(bytes, moof_end - sums_size) ? moof_end - sums_size : moof_end;
}

/// Where the sound's traf stands; 0 when there is none.
std::size_t audio_traf_at(ByteView bytes) {
  const std::size_t at = traf_at + get_u32(bytes, traf_at);
  return at < trafs_end(bytes) ? at : 0;
}

/// Where the checksums stand, at the end of moof or behind it; 0 when there are none. All of the header is there.
std::size_t sums_at(ByteView bytes) {
  const std::size_t moof_end = moof_at + get_u32(bytes, moof_at);
  if (trafs_end(bytes) < moof_end) return trafs_end(bytes);
  return has_sums(bytes, moof_end) ? moof_end : 0;
}

/// The header's own checksum, over the header alone.
std::uint64_t header_sum(ByteView header, std::size_t sums_at) {
  constexpr std::uint8_t zero[8] = {};
  Checksum sum;
  sum.add(header.first(sums_at + header_sum_at));
  sum.add(zero);
  sum.add(header.subspan(sums_at + payload_sum_at));
  return sum.value();
}

/// The sound's traf, all of which is there.
Result<AudioRun> read_audio_run(ByteView bytes, std::size_t at, std::size_t data_offset) {
  const std::size_t size = trafs_end(bytes) - at;
  if (size < audio_samples_at) return corrupt("the sound's traf is not as we write it");
  const auto traf = bytes.subspan(at, size);
  const bool ours = box_at(traf, 0, "traf", size) && box_at(traf, audio_tfhd_at, "tfhd", 20) &&
                    get_u32(traf, audio_tfhd_at + 8) == tfhd_version_flags && get_u32(traf, audio_tfhd_at + 12) == audio_track_id &&
                    box_at(traf, audio_tfdt_at, "tfdt", 20) && get_u32(traf, audio_tfdt_at + 8) == tfdt_version_flags &&
                    box_at(traf, audio_trun_at, "trun", size - audio_trun_at) &&
                    get_u32(traf, audio_trun_at + 8) == audio_trun_version_flags;
  const std::size_t count = get_u32(traf, audio_sample_count_at);
  if (!ours || count == 0 || count > max_samples || audio_samples_at + count * audio_sample_size != size ||
      get_u32(traf, audio_data_offset_at) != data_offset)
    return corrupt("the sound's traf is not as we write it");
  AudioRun run;
  run.format_index = get_u32(traf, audio_description_at);
  run.decode_time = static_cast<std::int64_t>(get_u64(traf, audio_decode_time_at));
  if (run.format_index == 0 || run.format_index > max_formats) return corrupt("impossible sample description");
  if (run.decode_time < 0 || run.decode_time > std::int64_t{1} << 60) return corrupt("impossible decode time");
  run.samples.resize(count);
  std::size_t sample_at = audio_samples_at;
  for (auto& sample : run.samples) {
    sample.duration = get_u32(traf, sample_at);
    sample.size = get_u32(traf, sample_at + 4);
    if (sample.size == 0) return corrupt("a sample has no bytes");
    sample_at += audio_sample_size;
  }
  return run;
}

}  // namespace

std::uint64_t Fragment::audio_offset() const {
  return std::accumulate(samples.begin(), samples.end(), offset + header_size,
                         [](std::uint64_t sum, const Sample& sample) { return sum + sample.size; });
}

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
    if (type == fourcc("uuid") && box->body.size() >= 16 && std::equal(origin_uuid.begin(), origin_uuid.end(), box->body.begin())) {
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
  const std::size_t moof_end = prft_size + moof;
  if (bytes.size() < moof_end + box_header) return more();
  const bool sums_behind = get_u32(bytes, moof_end + 4) == fourcc("uuid");
  const std::size_t header = moof_end + (sums_behind ? sums_size : 0) + box_header;
  if (bytes.size() < header) return more();
  if (sums_behind && !has_sums(bytes, moof_end)) return corrupt("a box behind moof is none of ours");
  const std::size_t sums = sums_at(bytes);
  if (sums != 0 && get_u64(bytes, sums + header_sum_at) != header_sum(bytes.first(header), sums))
    return corrupt("the checksum of a fragment's header is wrong");
  const std::size_t data_offset = header - prft_size;

  auto samples = read_samples(bytes);
  if (!samples) return std::unexpected(samples.error());
  std::uint64_t payload = 0;
  for (const auto& sample : *samples) payload += sample.size;
  AudioRun audio;
  if (const auto at = audio_traf_at(bytes); at != 0) {
    auto run = read_audio_run(bytes, at, data_offset + static_cast<std::size_t>(payload));
    if (!run) return std::unexpected(run.error());
    audio = *std::move(run);
    for (const auto& sample : audio.samples) payload += sample.size;
  }
  const std::size_t mdat_at = header - box_header;
  if (get_u32(bytes, data_offset_at) != data_offset) return corrupt("the data offset does not lead to mdat");
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
  if (fragment.decode_time < 0 || fragment.decode_time > std::int64_t{1} << 60) return corrupt("impossible decode time");
  if (fragment.format_index == 0 || fragment.format_index > max_formats) return corrupt("impossible sample description");
  if (static_cast<std::int64_t>(get_u64(bytes, prft_media_time_at)) != fragment.decode_time + samples->front().composition_offset)
    return corrupt("prft and tfdt do not agree");
  fragment.samples = *std::move(samples);
  fragment.audio = std::move(audio);
  if (sums != 0) fragment.payload_sum = get_u64(bytes, sums + payload_sum_at);
  return fragment;
}

UtcTime Fragment::decode_utc() const {
  return samples.empty() ? utc : utc - from_ticks(samples.front().composition_offset, video_timescale);
}

Status patch_fragment(std::span<std::uint8_t> header, std::uint32_t sequence, std::int64_t decode_time, std::uint32_t format_index,
                      std::uint32_t audio_format_index) {
  if (header.size() < samples_at + sample_size_with_composition || !box_at(header, prft_at, "prft", prft_size) ||
      !box_at(header, moof_at, "moof", 0) || check_fixed_part(header) != nullptr)
    return corrupt("this is no fragment header of ours");
  if (decode_time < 0 || format_index == 0 || audio_format_index == 0)
    return fail(ErrorCode::invalid_argument, "a fragment needs a decode time from 0 and sample descriptions from 1");
  if (const auto at = audio_traf_at(header); at != 0) {
    if (header.size() < at + audio_samples_at) return corrupt("this is no fragment header of ours");
    const auto moved = decode_time - static_cast<std::int64_t>(get_u64(header, decode_time_at));
    const auto audio_time = static_cast<std::int64_t>(get_u64(header, at + audio_decode_time_at)) + moved;
    set_u64(header, at + audio_decode_time_at, static_cast<std::uint64_t>(std::max<std::int64_t>(audio_time, 0)));
    set_u32(header, at + audio_description_at, audio_format_index);
  }
  std::int64_t composition = 0;
  if (bytes_per_sample(header) == sample_size_with_composition) composition = static_cast<std::int32_t>(get_u32(header, samples_at + 12));
  set_u32(header, sequence_at, sequence);
  set_u32(header, description_at, format_index);
  set_u64(header, decode_time_at, static_cast<std::uint64_t>(decode_time));
  set_u64(header, prft_media_time_at, static_cast<std::uint64_t>(decode_time + composition));
  if (const auto sums = sums_at(header); sums != 0) set_u64(header, sums + header_sum_at, header_sum(header, sums));
  return {};
}

}  // namespace ccoc::media
