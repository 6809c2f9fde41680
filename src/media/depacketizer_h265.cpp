#include <algorithm>

#include "depacketizer_formats.h"

namespace ccoc::media {
namespace {

constexpr int aggregation_packet = 48, fragmentation_unit = 49;  // RFC 7798 §4.4

class H265Depacketizer final : public VideoDepacketizer {
 public:
  H265Depacketizer(Sink sink, bool with_don) : VideoDepacketizer(Codec::h265, std::move(sink)), with_don_(with_don) {}

 private:
  /// The bytes after the first `size`; empty when there are not so many.
  static ByteView after(ByteView bytes, std::size_t size) { return bytes.subspan(std::min(size, bytes.size())); }

  void read(ByteView payload) override {
    if (payload.size() < 3) return assembler_.bad();
    const int type = payload[0] >> 1 & 0x3f;
    if (type == aggregation_packet) {
      add_aggregate(after(payload, with_don_ ? 4 : 2), with_don_ ? 1 : 0);
    } else if (type == fragmentation_unit) {
      read_fragment(payload);
    } else if (type < aggregation_packet) {
      if (with_don_) return read_single_with_don(payload);
      assembler_.add_nal(payload);
    } else {
      assembler_.bad();  // PACI and what is not defined
    }
  }

  void read_single_with_don(ByteView payload) {
    if (payload.size() < 5) return assembler_.bad();
    Bytes nal(payload.begin(), payload.begin() + 2);
    nal.insert(nal.end(), payload.begin() + 4, payload.end());
    assembler_.add_nal(nal);
  }

  /// RFC 7798 §4.4.3; start and end together are a whole NAL unit.
  void read_fragment(ByteView payload) {
    const bool start = (payload[2] & 0x80) != 0, end = (payload[2] & 0x40) != 0;
    const int type = payload[2] & 0x3f;
    const auto rest = after(payload, start && with_don_ ? 5 : 3);
    if (type >= aggregation_packet || (start && end && rest.empty())) return assembler_.bad();
    if (start) {
      const std::uint8_t header[2] = {static_cast<std::uint8_t>((payload[0] & 0x81) | type << 1), payload[1]};
      assembler_.start_fragment(header, rest);
      if (end) assembler_.continue_fragment(type, {}, true);
    } else {
      assembler_.continue_fragment(type, rest, end);
    }
  }

  bool with_don_;
};

}  // namespace

std::unique_ptr<VideoDepacketizer> make_h265_depacketizer(Depacketizer::Sink sink, bool with_don) {
  return std::make_unique<H265Depacketizer>(std::move(sink), with_don);
}

}  // namespace ccoc::media
