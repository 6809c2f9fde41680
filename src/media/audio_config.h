// What describes AAC: AudioSpecificConfig, alone or inside a StreamMuxConfig (ISO/IEC 14496-3 §1.6.2.1, §1.7.3).
#pragma once

#include "ccoc/base/result.h"
#include "ccoc/media/access_unit.h"

namespace ccoc::media {

struct AacConfig {
  AudioFormat format;             ///< `config` is the AudioSpecificConfig
  unsigned frame_samples = 1024;  ///< of the core decoder
  std::uint32_t core_rate = 0;    ///< Hz, of the core decoder; half the sample rate with SBR
  unsigned subframes = 1;         ///< in one audioMuxElement
};

/// `corrupt` when it ends too early or says what cannot be.
Result<AacConfig> parse_audio_specific_config(ByteView config);
/// Of an RTP session by RFC 6416 with cpresent=0; `unsupported` for more than one program or layer.
Result<AacConfig> parse_stream_mux_config(ByteView config);
/// AAC LC, for cameras that do not describe it; `unsupported` when there is no such rate or number of channels.
Result<AacConfig> assume_aac(std::uint32_t sample_rate, int channels);

}  // namespace ccoc::media
