// A track of sound: its description (the first byte chooses the encoding, the second tells how long the configuration is),
// then packets.
#include <array>

#include "depacketizer_fuzz.h"

using namespace ccoc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  constexpr std::array encodings = {"MPEG4-GENERIC", "MP4A-LATM", "OPUS", "PCMA"};
  const std::size_t length = std::min<std::size_t>(data[1], size - 2);
  media::SdpMedia sdp;
  sdp.kind = "audio";
  sdp.encoding = encodings[data[0] % encodings.size()];
  sdp.clock_rate = (data[0] & 4) != 0 ? 48000 : 16000;
  sdp.channels = (data[0] & 8) != 0 ? 2 : 1;
  std::string config;
  for (std::size_t i = 0; i < length; ++i) {
    config += "0123456789abcdef"[data[2 + i] >> 4];
    config += "0123456789abcdef"[data[2 + i] & 15];
  }
  if (!config.empty()) sdp.fmtp.emplace_back("config", config);
  sdp.fmtp.emplace_back("cpresent", "0");
  if ((data[0] & 16) != 0) sdp.fmtp.emplace_back("mode", "AAC-lbr");
  const auto depacketizer = media::make_audio_depacketizer(sdp, [](media::RawAudio&& sound) {
    check(sound.format && sound.data && !sound.data->empty() && sound.duration > 0 && sound.clock_rate > 0);
    check(sound.format->channels >= 1 && sound.format->channels <= 8 && sound.format->sample_rate > 0);
  });
  if (depacketizer) feed_packets(**depacketizer, {data + 2 + length, size - 2 - length});
  return 0;
}
