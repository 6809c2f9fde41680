// The payload formats behind make_depacketizer.
#pragma once

#include "unit_assembler.h"

namespace ccoc::media {

/// What the payload formats made of NAL units share.
class VideoDepacketizer : public Depacketizer {
 public:
  VideoDepacketizer(Codec codec, Sink sink) : assembler_(codec, std::move(sink)) {}
  void push(const RtpPacket& packet) final;
  void lost(unsigned count) final {
    if (count > 0) assembler_.lost();
  }
  void flush() final { assembler_.flush(); }
  const DepacketizerCounts& counts() const final { return assembler_.counts(); }
  ParameterSets& sets() { return assembler_.sets(); }

 protected:
  virtual void read(ByteView payload) = 0;
  /// NAL units behind their lengths in 2 bytes, `skip` bytes of decoding order number before each but the first.
  void add_aggregate(ByteView units, std::size_t skip);
  UnitAssembler assembler_;
};

/// RFC 6184: single NAL unit, STAP-A, FU-A.
std::unique_ptr<VideoDepacketizer> make_h264_depacketizer(Depacketizer::Sink sink);
/// RFC 7798: single NAL unit, AP, FU; `with_don` when sprop-max-don-diff > 0.
std::unique_ptr<VideoDepacketizer> make_h265_depacketizer(Depacketizer::Sink sink, bool with_don);

/// RFC 2435, types 0, 1, 64 and 65, up to 2040 × 2040.
std::unique_ptr<Depacketizer> make_jpeg_depacketizer(Depacketizer::Sink sink);

}  // namespace ccoc::media
