#include "audio_config.h"

#include <algorithm>
#include <array>

#include "big_endian.h"
#include "bit_reader.h"
#include "ccoc/media/audio.h"

namespace ccoc::media {
namespace {

/// ISO/IEC 14496-3 table 1.18.
constexpr std::array<std::uint32_t, 13> rates = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350};
constexpr std::uint32_t highest_rate = 192'000;
constexpr unsigned aac_lc = 2, sbr = 5, parametric_stereo = 29;

unsigned read_object_type(BitReader& bits) {
  const auto type = bits.bits(5);
  return type == 31 ? 32 + bits.bits(6) : type;
}

std::uint32_t read_rate(BitReader& bits) {
  const auto index = bits.bits(4);
  if (index == 15) return bits.bits(24);
  return index < rates.size() ? rates[index] : 0;
}

/// GASpecificConfig (§4.4.1) follows these object types.
bool has_general_audio_config(unsigned type) {
  constexpr std::array types = {1u, 2u, 3u, 4u, 6u, 7u, 17u, 19u, 20u, 21u, 22u, 23u};
  return std::ranges::find(types, type) != types.end();
}

/// Reads one AudioSpecificConfig; nothing of what may follow it for compatible signalling of SBR.
Result<AacConfig> read_config(BitReader& bits) {
  AacConfig out;
  const unsigned named = read_object_type(bits);
  unsigned type = named;
  out.core_rate = out.format.sample_rate = read_rate(bits);
  const unsigned channels = bits.bits(4);
  if (type == sbr || type == parametric_stereo) {
    out.format.sample_rate = read_rate(bits);
    type = read_object_type(bits);
  }
  if (has_general_audio_config(type)) {
    if (bits.flag()) out.frame_samples = 960;
    if (bits.flag()) bits.skip(14);  // delay of the core coder
    bits.skip(1);                    // extensions: none at these object types
  }
  if (!bits.ok()) return fail(ErrorCode::corrupt, "the AudioSpecificConfig ends too early");
  const bool rate_is_possible =
      out.core_rate > 0 && out.core_rate <= highest_rate && out.format.sample_rate > 0 && out.format.sample_rate <= highest_rate;
  if (!rate_is_possible || channels == 0 || channels > 7)
    return fail(ErrorCode::corrupt, "the AudioSpecificConfig names an impossible rate or number of channels");
  out.format.codec = AudioCodec::aac;
  out.format.channels = channels == 7 ? 8 : channels;
  out.format.codec_string = "mp4a.40." + std::to_string(named);
  return out;
}

/// Compatible signalling of SBR behind a configuration (§1.6.5.2); nothing is skipped where there is none.
void skip_sbr_extension(BitReader& bits) {
  constexpr std::uint32_t sync = 0x2b7;
  auto ahead = bits;
  if (ahead.bits(11) != sync || read_object_type(ahead) != sbr || !ahead.ok()) return;
  if (ahead.flag()) read_rate(ahead);
  bits = ahead;
}

/// `count` bits of `from`, from bit `first` on, as whole bytes.
Bytes cut_bits(ByteView from, std::size_t first, std::size_t count) {
  Bytes out((count + 7) / 8);
  for (std::size_t i = 0; i < count; ++i) {
    const auto bit = from[(first + i) / 8] >> (7 - (first + i) % 8) & 1;
    out[i / 8] = static_cast<std::uint8_t>(out[i / 8] | bit << (7 - i % 8));
  }
  return out;
}

}  // namespace

Result<AacConfig> parse_audio_specific_config(ByteView config) {
  BitReader bits(config, false);
  auto read = read_config(bits);
  if (read) read->format.config = Bytes(config.begin(), config.end());
  return read;
}

Result<AudioFormat> make_aac_format(ByteView config) {
  auto read = parse_audio_specific_config(config);
  if (!read) return std::unexpected(read.error());
  return std::move(read->format);
}

Result<AacConfig> parse_stream_mux_config(ByteView config) {
  BitReader bits(config, false);
  const bool version = bits.flag();
  bits.skip(1);  // all streams have the same framing: there is one only
  const auto subframes = bits.bits(6) + 1;
  const auto programs = bits.bits(4) + 1, layers = bits.bits(3) + 1;
  if (version || programs != 1 || layers != 1) return fail(ErrorCode::unsupported, "the StreamMuxConfig describes more than one stream");
  constexpr std::size_t config_at = 1 + 1 + 6 + 4 + 3;
  auto read = read_config(bits);
  if (!read) return read;
  const std::size_t end = bits.position();
  skip_sbr_extension(bits);
  // Some end here, without frameLengthType.
  if (bits.bits(3) != 0 && bits.ok()) return fail(ErrorCode::unsupported, "the StreamMuxConfig describes frames of a fixed length");
  read->format.config = cut_bits(config, config_at, end - config_at);
  read->subframes = subframes;
  return read;
}

Result<AacConfig> assume_aac(std::uint32_t sample_rate, int channels) {
  const auto rate = std::ranges::find(rates, sample_rate);
  if (rate == rates.end() || channels < 1 || channels > 6)
    return fail(ErrorCode::unsupported, "AAC without a configuration, at a rate that AAC does not have");
  const auto index = static_cast<unsigned>(rate - rates.begin());
  Bytes config;
  put_u16(config, aac_lc << 11 | index << 7 | static_cast<unsigned>(channels) << 3);
  return parse_audio_specific_config(config);
}

}  // namespace ccoc::media
