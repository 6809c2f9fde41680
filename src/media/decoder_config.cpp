// VideoFormat from parameter sets, and the decoder configuration records of ISO/IEC 14496-15.
#include <algorithm>
#include <bit>
#include <cstdio>

#include "big_endian.h"
#include "ccoc/media/nal.h"
#include "sps.h"

namespace ccoc::media {
namespace {

constexpr std::size_t max_record = 128 * 1024;

template <class... Values>
std::string print(const char* format, Values... values) {
  char text[64];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

/// RFC 6381 §3.3, ISO/IEC 14496-15 Annex E.
std::string h265_codec_string(const SpsInfo& sps) {
  const auto& ptl = sps.profile_tier_level;
  std::string text = "hvc1.";
  if (const int space = ptl[0] >> 6; space > 0) text += static_cast<char>('A' + space - 1);
  text += print("%d.", ptl[0] & 0x1f);
  std::uint32_t compatibility = 0;  // in reverse bit order
  for (unsigned i = 0; i < 32; ++i) compatibility |= (get_u32(ptl, 1) >> (31 - i) & 1u) << i;
  text += print("%X.%c%d", compatibility, (ptl[0] & 0x20) != 0 ? 'H' : 'L', ptl[11]);
  std::size_t constraints = 6;
  while (constraints > 0 && ptl[4 + constraints] == 0) --constraints;
  for (std::size_t i = 0; i < constraints; ++i) text += print(".%X", ptl[5 + i]);
  return text;
}

void put_sets(Bytes& out, const std::vector<Bytes>& sets, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    put_u16(out, static_cast<unsigned>(sets[i].size()));
    put_bytes(out, sets[i]);
  }
}

std::size_t countable(const std::vector<Bytes>& sets, std::size_t limit) { return std::min(sets.size(), limit); }

Bytes avc_record(const VideoFormat& format) {
  Bytes out;
  const ByteView sps = format.sps.front();
  put_u8(out, 1);
  put_bytes(out, sps.subspan(1, 3));  // profile, compatibility, level
  put_u8(out, 0xfc | 3);              // lengths of 4 bytes
  const auto sps_count = countable(format.sps, 31);
  put_u8(out, 0xe0 | static_cast<unsigned>(sps_count));
  put_sets(out, format.sps, sps_count);
  const auto pps_count = countable(format.pps, 255);
  put_u8(out, static_cast<unsigned>(pps_count));
  put_sets(out, format.pps, pps_count);
  const auto profile = sps[1];
  const auto info = parse_h264_sps(sps);
  if (info && (profile == 100 || profile == 110 || profile == 122 || profile == 144 || profile == 244)) {
    put_u8(out, 0xfc | info->chroma_format_idc);
    put_u8(out, 0xf8 | (info->bit_depth_luma - 8));
    put_u8(out, 0xf8 | (info->bit_depth_chroma - 8));
    put_u8(out, 0);  // no SPS extensions
  }
  return out;
}

Bytes hevc_record(const VideoFormat& format) {
  Bytes out;
  const auto info = parse_h265_sps(format.sps.front()).value_or(SpsInfo{});
  put_u8(out, 1);
  put_bytes(out, info.profile_tier_level);
  put_u16(out, 0xf000);  // min_spatial_segmentation_idc: not said
  put_u8(out, 0xfc);     // parallelismType: not said
  put_u8(out, 0xfc | info.chroma_format_idc);
  put_u8(out, 0xf8 | (info.bit_depth_luma - 8));
  put_u8(out, 0xf8 | (info.bit_depth_chroma - 8));
  put_u16(out, 0);  // avgFrameRate: not said
  put_u8(out, info.temporal_layers << 3 | (info.temporal_id_nested ? 4u : 0u) | 3u);
  const std::pair<unsigned, const std::vector<Bytes>*> arrays[] = {{32, &format.vps}, {33, &format.sps}, {34, &format.pps}};
  put_u8(out, static_cast<unsigned>(std::ranges::count_if(arrays, [](const auto& a) { return !a.second->empty(); })));
  for (const auto& [type, sets] : arrays) {
    if (sets->empty()) continue;
    const auto count = countable(*sets, 64);
    put_u8(out, 0x80 | type);  // array_completeness, as the sample entry hvc1 wants it
    put_u16(out, static_cast<unsigned>(count));
    put_sets(out, *sets, count);
  }
  return out;
}

/// Takes `count` sets, each behind its 16-bit length, off the front of `bytes`; false when they don't fit.
bool take_sets(ByteView& bytes, std::size_t count, std::vector<Bytes>& into) {
  for (std::size_t i = 0; i < count; ++i) {
    if (bytes.size() < 2) return false;
    const std::size_t size = get_u16(bytes, 0);
    if (size > bytes.size() - 2) return false;
    if (size > 0) into.emplace_back(bytes.begin() + 2, bytes.begin() + 2 + static_cast<std::ptrdiff_t>(size));
    bytes = bytes.subspan(2 + size);
  }
  return true;
}

std::unexpected<Error> torn_record() { return fail(ErrorCode::corrupt, "the decoder configuration record ends too early"); }

}  // namespace

Result<VideoFormat> make_format(Codec codec, std::vector<Bytes> vps, std::vector<Bytes> sps, std::vector<Bytes> pps) {
  if (sps.empty()) return fail(ErrorCode::corrupt, "there is no sequence parameter set");
  const auto info = parse_sps(codec, sps.front());
  if (!info) return std::unexpected(info.error());
  VideoFormat format;
  format.codec = codec;
  format.width = info->width;
  format.height = info->height;
  format.fps = info->fps;
  format.reorder_frames = info->reorder_frames;
  format.codec_string =
      codec == Codec::h265 ? h265_codec_string(*info) : print("avc1.%02x%02x%02x", sps.front()[1], sps.front()[2], sps.front()[3]);
  format.vps = std::move(vps);
  format.sps = std::move(sps);
  format.pps = std::move(pps);
  return format;
}

Bytes decoder_config(const VideoFormat& format) {
  if (format.sps.empty() || format.sps.front().size() < 4) return {};
  return format.codec == Codec::h264 ? avc_record(format) : hevc_record(format);
}

Result<VideoFormat> parse_decoder_config(Codec codec, ByteView record) {
  if (record.size() > max_record) return fail(ErrorCode::corrupt, "the decoder configuration record is too long");
  std::vector<Bytes> vps, sps, pps;
  if (codec == Codec::h264) {
    if (record.size() < 7) return torn_record();
    if (record[0] != 1) return fail(ErrorCode::corrupt, "the version of the decoder configuration record is not 1");
    const std::size_t sps_count = record[5] & 0x1f;
    auto rest = record.subspan(6);
    if (!take_sets(rest, sps_count, sps) || rest.empty()) return torn_record();
    const std::size_t pps_count = rest[0];
    rest = rest.subspan(1);
    if (!take_sets(rest, pps_count, pps)) return torn_record();
  } else {
    if (record.size() < 23) return torn_record();
    if (record[0] != 1) return fail(ErrorCode::corrupt, "the version of the decoder configuration record is not 1");
    auto rest = record.subspan(23);
    for (unsigned i = 0; i < record[22]; ++i) {
      if (rest.size() < 3) return torn_record();
      const int type = rest[0] & 0x3f;
      const std::size_t count = get_u16(rest, 1);
      rest = rest.subspan(3);
      std::vector<Bytes> other;
      if (!take_sets(rest, count, type == 32 ? vps : type == 33 ? sps : type == 34 ? pps : other)) return torn_record();
    }
  }
  return make_format(codec, std::move(vps), std::move(sps), std::move(pps));
}

}  // namespace ccoc::media
