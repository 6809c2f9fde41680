// The bodies of FLV tags to messages for the hub (Adobe's FLV specification 10.1 §E.4; H.265 as Enhanced RTMP 1 and as the
// codec number 12 that many encoders use).
#pragma once

#include <functional>

#include "ccoc/ingest/bridge_wire.h"

namespace ccoc::ingest::bridge {

/// One sender's. One thread. What is not understood is left aside.
class FlvReader {
 public:
  using Sink = std::function<void(const Message&)>;
  explicit FlvReader(Sink sink) : sink_(std::move(sink)) {}

  /// `time`: of decoding, ms.
  void video(std::uint32_t time, ByteView body);
  void audio(std::uint32_t time, ByteView body);

 private:
  void configure(media::Codec codec, ByteView record);
  void picture(media::Codec codec, std::uint32_t time, ByteView nals);
  void configure_aac(ByteView config);
  void sound(media::AudioCodec codec, std::uint32_t time, std::uint32_t duration, ByteView data);

  Sink sink_;
  unsigned length_size_ = 4;
  Bytes aac_config_;
  std::uint32_t sample_rate_ = 0, channels_ = 1;
};

}  // namespace ccoc::ingest::bridge
