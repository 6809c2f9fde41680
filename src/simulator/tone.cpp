#include "tone.h"

#include <array>
#include <bit>
#include <cmath>
#include <numbers>

namespace ccoc::simulator {
namespace {

constexpr unsigned tones = 24;  ///< two octaves

/// ITU-T G.711 table 1a: sign, segment, position in it; every second bit inverted. `sample` has 13 bits.
std::uint8_t to_a_law(int sample) {
  const bool positive = sample >= 0;
  const auto size = static_cast<unsigned>(positive ? sample : -sample - 1);
  const unsigned segment = size < 32 ? 0 : static_cast<unsigned>(std::bit_width(size)) - 5;
  const unsigned position = segment == 0 ? size >> 1 : size >> segment;
  return static_cast<std::uint8_t>(((positive ? 0x80u : 0u) | segment << 4 | (position & 15)) ^ 0x55u);
}

Bytes make_tone(double frequency) {
  Bytes out(tone_rate);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double t = static_cast<double>(i) / tone_rate;
    const double loudness = 60 + 400 * std::exp(-12 * t);
    out[i] = to_a_law(static_cast<int>(loudness * std::sin(2 * std::numbers::pi * frequency * t)));
  }
  return out;
}

}  // namespace

media::AudioFormatPtr tone_format() {
  static const auto format = std::make_shared<const media::AudioFormat>(
      media::AudioFormat{.codec = media::AudioCodec::pcma, .sample_rate = tone_rate, .channels = 1, .config = {}, .codec_string = "alaw"});
  return format;
}

const Bytes& tone_of(unsigned camera) {
  static const auto all = [] {
    std::array<Bytes, tones> made;
    // Whole periods a second, so that the second can be repeated without a click.
    for (unsigned i = 0; i < tones; ++i) made[i] = make_tone(std::round(220 * std::exp2(i / 12.0)));
    return made;
  }();
  return all[camera % tones];
}

}  // namespace ccoc::simulator
