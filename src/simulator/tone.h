// What simulated microphones hear: a soft tone, another for each camera, that beats once a second. A-law (ITU-T G.711).
#pragma once

#include "ccoc/media/access_unit.h"

namespace ccoc::simulator {

inline constexpr int tone_rate = 8000;       ///< Hz
inline constexpr int tone_payload_type = 8;  ///< RFC 3551 §6

media::AudioFormatPtr tone_format();

/// One second, one byte a sample.
const Bytes& tone_of(unsigned camera);

}  // namespace ccoc::simulator
