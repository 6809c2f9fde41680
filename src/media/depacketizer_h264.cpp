#include "depacketizer_formats.h"

namespace ccoc::media {
namespace {

constexpr int stap_a = 24, fu_a = 28;  // RFC 6184 §5.4

class H264Depacketizer final : public VideoDepacketizer {
 public:
  explicit H264Depacketizer(Sink sink) : VideoDepacketizer(Codec::h264, std::move(sink)) {}

 private:
  void read(ByteView payload) override {
    const int type = payload[0] & 0x1f;
    if (type >= 1 && type <= 23) {
      assembler_.add_nal(payload);
    } else if (type == stap_a) {
      add_aggregate(payload.subspan(1), 0);
    } else if (type == fu_a) {
      read_fragment(payload);
    } else {
      assembler_.bad();  // STAP-B, MTAP and FU-B belong to the interleaved mode, which no camera speaks
    }
  }

  /// RFC 6184 §5.8; the reserved bit is ignored, start and end together are a whole NAL unit.
  void read_fragment(ByteView payload) {
    if (payload.size() < 2) return assembler_.bad();
    const bool start = (payload[1] & 0x80) != 0, end = (payload[1] & 0x40) != 0;
    const auto header = static_cast<std::uint8_t>((payload[0] & 0xe0) | (payload[1] & 0x1f));
    const auto rest = payload.subspan(2);
    const int type = header & 0x1f;
    if (type == 0 || type > 23 || (start && end && rest.empty())) return assembler_.bad();
    if (start) {
      assembler_.start_fragment(ByteView(&header, 1), rest);
      if (end) assembler_.continue_fragment(type, {}, true);
    } else {
      assembler_.continue_fragment(type, rest, end);
    }
  }
};

}  // namespace

std::unique_ptr<VideoDepacketizer> make_h264_depacketizer(Depacketizer::Sink sink) {
  return std::make_unique<H264Depacketizer>(std::move(sink));
}

}  // namespace ccoc::media
