#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "big_endian.h"
#include "ccoc/media/checksum.h"
#include "ccoc/media/mp4.h"
#include "ccoc/media/nal.h"
#include "ccoc/media/rtp.h"
#include "mp4_boxes.h"

namespace ccoc::media {
namespace {

using namespace mp4;

/// 1904-01-01 to 1970-01-01 in seconds: the epoch of creation times (§8.2.2.3).
constexpr std::int64_t mp4_to_unix_seconds = 2'082'844'800;

/// A box: its size is filled in when the scope ends.
class Box {
 public:
  Box(Bytes& out, const char (&type)[5]) : out_(out), start_(out.size()) {
    put_u32(out_, 0);
    put_u32(out_, fourcc(type));
  }
  Box(Bytes& out, const char (&type)[5], std::uint32_t version_flags) : Box(out, type) { put_u32(out_, version_flags); }
  ~Box() { set_u32(out_, start_, static_cast<std::uint32_t>(out_.size() - start_)); }
  Box(const Box&) = delete;
  Box& operator=(const Box&) = delete;

 private:
  Bytes& out_;
  std::size_t start_;
};

constexpr std::uint32_t version_1 = 1u << 24;

void put_zeros(Bytes& out, std::size_t count) { out.resize(out.size() + count); }

void put_text(Bytes& out, std::string_view text) { put_bytes(out, as_bytes(text)); }

void put_matrix(Bytes& out) {
  for (const std::uint32_t v : {0x00010000u, 0u, 0u, 0u, 0x00010000u, 0u, 0u, 0u, 0x40000000u}) put_u32(out, v);
}

/// Creation and modification time.
void put_times(Bytes& out, std::uint64_t time) {
  put_u64(out, time);
  put_u64(out, time);
}

void put_origin(Bytes& out, const FileOrigin& origin) {
  Box box(out, "uuid");
  put_bytes(out, origin_uuid);
  put_u32(out, 0);  // version
  put_u64(out, static_cast<std::uint64_t>(origin.start.time_since_epoch().count()));
  put_u64(out, origin.run);
  for (const std::string_view text : {std::string_view(origin.camera), std::string_view(origin.stream)}) {
    const auto kept = text.substr(0, 255);
    put_u8(out, static_cast<unsigned>(kept.size()));
    put_text(out, kept);
  }
}

/// A descriptor of ISO/IEC 14496-1 §8.3.3: a tag, the length in four bytes, the content.
void put_descriptor(Bytes& out, unsigned tag, ByteView content) {
  put_u8(out, tag);
  for (const int shift : {21, 14, 7}) put_u8(out, 0x80 | (content.size() >> shift & 0x7f));
  put_u8(out, content.size() & 0x7f);
  put_bytes(out, content);
}

/// esds (ISO/IEC 14496-14 §5.6): what the stream is, and the decoder's own description when there is one.
void put_elementary_stream(Bytes& out, unsigned object_type, unsigned stream_type, ByteView specific) {
  constexpr unsigned es_tag = 3, decoder_config_tag = 4, specific_tag = 5, sync_tag = 6;
  Bytes decoder;
  put_u8(decoder, object_type);
  put_u8(decoder, stream_type << 2 | 1);
  put_zeros(decoder, 3 + 4 + 4);  // buffer size, rates: not said
  if (!specific.empty()) put_descriptor(decoder, specific_tag, specific);
  Bytes stream;
  put_u16(stream, 0);  // ES_ID: the track's
  put_u8(stream, 0);
  put_descriptor(stream, decoder_config_tag, decoder);
  put_descriptor(stream, sync_tag, Bytes{2});
  Box esds(out, "esds", 0);
  put_descriptor(out, es_tag, stream);
}

void put_visual_entry(Bytes& out, const VideoFormat& format) {
  put_zeros(out, 6);
  put_u16(out, 1);  // data reference
  put_zeros(out, 16);
  put_u16(out, std::min(format.width, 0xffffu));
  put_u16(out, std::min(format.height, 0xffffu));
  put_u32(out, 0x00480000);  // 72 dpi
  put_u32(out, 0x00480000);
  put_u32(out, 0);
  put_u16(out, 1);  // frames per sample
  put_zeros(out, 32);
  put_u16(out, 24);  // depth
  put_u16(out, 0xffff);
}

/// VisualSampleEntry with avcC, hvcC or esds (ISO/IEC 14496-12 §12.1.3, 14496-15 §5.4.2, §8.4.1, 14496-14 §5.6).
void put_sample_entry(Bytes& out, const VideoFormat& format) {
  switch (format.codec) {
    case Codec::h264: {
      Box entry(out, "avc1");
      put_visual_entry(out, format);
      Box config(out, "avcC");
      return put_bytes(out, decoder_config(format));
    }
    case Codec::h265: {
      Box entry(out, "hvc1");
      put_visual_entry(out, format);
      Box config(out, "hvcC");
      return put_bytes(out, decoder_config(format));
    }
    case Codec::mjpeg: {
      Box entry(out, "mp4v");
      put_visual_entry(out, format);
      constexpr unsigned visual_stream = 4;
      return put_elementary_stream(out, jpeg_object_type, visual_stream, {});
    }
  }
}

void put_audio_entry(Bytes& out, const AudioFormat& format) {
  put_zeros(out, 6);
  put_u16(out, 1);  // data reference
  put_zeros(out, 8);
  put_u16(out, format.channels);
  put_u16(out, 16);  // bits a sample, decoded
  put_u32(out, 0);
  put_u32(out, format.sample_rate <= 0xffff ? format.sample_rate << 16 : 0);
}

/// AudioSampleEntry (ISO/IEC 14496-12 §12.2.3): mp4a with esds, Opus with dOps (Opus in ISOBMFF §4.3), ulaw, alaw.
void put_sample_entry(Bytes& out, const AudioFormat& format) {
  switch (format.codec) {
    case AudioCodec::aac: {
      Box entry(out, "mp4a");
      put_audio_entry(out, format);
      constexpr unsigned audio_stream = 5;
      return put_elementary_stream(out, aac_object_type, audio_stream, format.config);
    }
    case AudioCodec::opus: {
      Box entry(out, "Opus");
      put_audio_entry(out, format);
      Box config(out, "dOps");
      put_u8(out, 0);
      put_u8(out, format.channels);
      put_u16(out, 0);  // live: nothing to skip at the beginning
      put_u32(out, format.sample_rate);
      return put_zeros(out, 3);  // gain, mapping of one or two channels
    }
    case AudioCodec::pcmu: {
      Box entry(out, "ulaw");
      return put_audio_entry(out, format);
    }
    case AudioCodec::pcma: {
      Box entry(out, "alaw");
      return put_audio_entry(out, format);
    }
  }
}

template <class FormatPtr>
void put_sample_table(Bytes& out, const std::vector<FormatPtr>& formats) {
  Box stbl(out, "stbl");
  {
    Box stsd(out, "stsd", 0);
    put_u32(out, static_cast<std::uint32_t>(formats.size()));
    for (const auto& format : formats) put_sample_entry(out, *format);
  }
  // All samples are in fragments, so the tables are empty.
  for (const auto* type : {&"stts", &"stsc", &"stco"}) {
    Box table(out, *type, 0);
    put_u32(out, 0);
  }
  Box stsz(out, "stsz", 0);
  put_u64(out, 0);
}

template <class FormatPtr>
void put_media(Bytes& out, const std::vector<FormatPtr>& formats, std::uint64_t time) {
  constexpr bool video = std::is_same_v<FormatPtr, VideoFormatPtr>;
  Box mdia(out, "mdia");
  {
    Box mdhd(out, "mdhd", version_1);
    put_times(out, time);
    put_u32(out, video_timescale);
    put_u64(out, 0);       // duration: in the fragments
    put_u16(out, 0x55c4);  // "und"
    put_u16(out, 0);
  }
  {
    Box hdlr(out, "hdlr", 0);
    put_u32(out, 0);
    put_text(out, video ? "vide" : "soun");
    put_zeros(out, 12);
    put_text(out, video ? "video" : "sound");
    put_u8(out, 0);
  }
  Box minf(out, "minf");
  if (video) {
    Box vmhd(out, "vmhd", 1);
    put_zeros(out, 8);
  } else {
    Box smhd(out, "smhd", 0);
    put_u32(out, 0);
  }
  {
    Box dinf(out, "dinf");
    Box dref(out, "dref", 0);
    put_u32(out, 1);
    Box url(out, "url ", 1);  // in this file
  }
  put_sample_table(out, formats);
}

template <class FormatPtr>
void put_track(Bytes& out, const std::vector<FormatPtr>& formats, std::uint64_t time) {
  Box trak(out, "trak");
  {
    constexpr bool video = std::is_same_v<FormatPtr, VideoFormatPtr>;
    Box tkhd(out, "tkhd", version_1 | 7);  // enabled, in movie, in preview
    put_times(out, time);
    put_u32(out, video ? track_id : audio_track_id);
    put_u32(out, 0);
    put_u64(out, 0);  // duration
    put_zeros(out, 12);
    put_u32(out, video ? 0 : 0x01000000);  // volume
    put_matrix(out);
    if constexpr (video) {
      put_u32(out, formats.front()->width << 16);
      put_u32(out, formats.front()->height << 16);
    } else {
      put_u64(out, 0);
    }
  }
  put_media(out, formats, time);
}

/// Tells that a track's samples are in fragments.
void put_track_extends(Bytes& out, std::uint32_t track) {
  Box trex(out, "trex", 0);
  put_u32(out, track);
  put_u32(out, 1);
  put_zeros(out, 12);
}

void put_fragment_head(Bytes& out, std::uint32_t track, std::uint32_t format_index, std::int64_t decode_time) {
  {
    Box tfhd(out, "tfhd", tfhd_version_flags);
    put_u32(out, track);
    put_u32(out, format_index);
  }
  Box tfdt(out, "tfdt", tfdt_version_flags);
  put_u64(out, static_cast<std::uint64_t>(decode_time));
}

/// The header's own sum is filled in when the header is whole.
void put_sums(Bytes& out, std::uint64_t payload_sum) {
  Box sums(out, "uuid");
  put_bytes(out, checksum_uuid);
  put_u64(out, 0);
  put_u64(out, payload_sum);
}

/// A broken invariant of the caller.
void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "mp4: %s\n", what);
  std::abort();
}

}  // namespace

Bytes make_init_segment(const std::vector<VideoFormatPtr>& formats, const std::optional<FileOrigin>& origin,
                        const std::vector<AudioFormatPtr>& audio_formats) {
  require(!formats.empty() && formats.size() <= max_formats, "an init segment needs 1 to 64 formats");
  require(audio_formats.size() <= max_formats, "an init segment has at most 64 formats of sound");
  require(std::ranges::all_of(formats, [](const auto& f) { return f && (f->codec == Codec::mjpeg || !f->sps.empty()); }),
          "a format has no SPS");
  std::uint64_t time = 0;
  if (origin) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(origin->start).time_since_epoch().count();
    time = static_cast<std::uint64_t>(std::max<std::int64_t>(seconds + mp4_to_unix_seconds, 0));
  }
  Bytes out;
  out.reserve(1024 + 256 * formats.size());
  {
    Box ftyp(out, "ftyp");
    put_text(out, "iso6");
    put_u32(out, 0);
    put_text(out, "iso6iso5mp41");
  }
  if (origin) put_origin(out, *origin);
  Box moov(out, "moov");
  {
    Box mvhd(out, "mvhd", version_1);
    put_times(out, time);
    put_u32(out, video_timescale);
    put_u64(out, 0);
    put_u32(out, 0x00010000);  // rate 1
    put_u16(out, 0x0100);      // volume 1
    put_zeros(out, 10);
    put_matrix(out);
    put_zeros(out, 24);
    put_u32(out, audio_track_id + 1);
  }
  put_track(out, formats, time);
  if (!audio_formats.empty()) put_track(out, audio_formats, time);
  Box mvex(out, "mvex");
  put_track_extends(out, track_id);
  if (!audio_formats.empty()) put_track_extends(out, audio_track_id);
  return out;
}

Bytes make_fragment_header(const FragmentPlan& plan) {
  require(!plan.samples.empty() && plan.samples.size() <= max_samples, "a fragment needs 1 to 10 000 samples");
  require(plan.decode_time >= 0, "decode time before the file's start");
  std::uint64_t payload = 0;
  bool composition = false;
  for (const auto& sample : plan.samples) {
    require(sample.size > 0, "a sample without bytes");
    payload += sample.size;
    composition = composition || sample.composition_offset != 0;
  }
  require(plan.audio.samples.size() <= max_samples && plan.audio.decode_time >= 0, "impossible sound");
  const std::uint64_t pictures = payload;
  for (const auto& sample : plan.audio.samples) {
    require(sample.size > 0, "a sample without bytes");
    payload += sample.size;
  }
  const std::size_t each = composition ? sample_size_with_composition : sample_size;
  std::size_t moof = moof_fixed_size + plan.samples.size() * each;
  if (!plan.audio.samples.empty()) moof += audio_samples_at + plan.audio.samples.size() * audio_sample_size;
  if (plan.payload_sum) moof += sums_size;
  const std::size_t header = prft_size + moof + box_header;
  const std::size_t data_offset = header - prft_size;  // from the beginning of moof
  require(header + payload <= max_fragment, "a fragment of more than 256 MiB");

  Bytes out;
  out.reserve(header);
  {
    Box prft(out, "prft", prft_version_flags);
    put_u32(out, track_id);
    put_u64(out, utc_to_ntp(plan.utc));
    put_u64(out, static_cast<std::uint64_t>(plan.decode_time + plan.samples.front().composition_offset));
  }
  {
    Box box(out, "moof");
    {
      Box mfhd(out, "mfhd", 0);
      put_u32(out, plan.sequence);
    }
    {
      Box traf(out, "traf");
      put_fragment_head(out, track_id, plan.format_index, plan.decode_time);
      Box trun(out, "trun", trun_version_flags | (composition ? trun_composition_flag : 0));
      put_u32(out, static_cast<std::uint32_t>(plan.samples.size()));
      put_u32(out, static_cast<std::uint32_t>(data_offset));
      for (const auto& sample : plan.samples) {
        put_u32(out, sample.duration);
        put_u32(out, sample.size);
        put_u32(out, (sample.key ? key_sample_flags : other_sample_flags) | sample.quantizer);
        if (composition) put_u32(out, static_cast<std::uint32_t>(sample.composition_offset));
      }
    }
    if (!plan.audio.samples.empty()) {
      Box traf(out, "traf");
      put_fragment_head(out, audio_track_id, plan.audio.format_index, plan.audio.decode_time);
      Box trun(out, "trun", audio_trun_version_flags);
      put_u32(out, static_cast<std::uint32_t>(plan.audio.samples.size()));
      put_u32(out, static_cast<std::uint32_t>(data_offset + pictures));
      for (const auto& sample : plan.audio.samples) {
        put_u32(out, sample.duration);
        put_u32(out, sample.size);
      }
    }
    if (plan.payload_sum) put_sums(out, *plan.payload_sum);
  }
  put_u32(out, static_cast<std::uint32_t>(box_header + payload));
  put_u32(out, fourcc("mdat"));
  if (plan.payload_sum) set_u64(out, prft_size + moof - sums_size + header_sum_at, checksum(out));
  return out;
}

}  // namespace ccoc::media
