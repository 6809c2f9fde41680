// Reads bits: of a NAL unit's payload, leaving out emulation prevention bytes (ITU-T H.264 §7.4.1), or of plain bytes.
// Never reads past the end: it then yields zeros and ok() turns false for good.
#pragma once

#include "ccoc/base/bytes.h"

namespace ccoc::media {

class BitReader {
 public:
  explicit BitReader(ByteView payload, bool emulation_prevention = true) : bytes_(payload), emulation_prevention_(emulation_prevention) {}

  bool ok() const { return ok_; }
  /// Bits read so far, counting those of left-out bytes.
  std::size_t position() const { return at_ * 8 - left_; }

  std::uint32_t bit() {
    if (left_ == 0 && !next_byte()) return 0;
    --left_;
    return current_ >> left_ & 1u;
  }
  /// u(n), n ≤ 32.
  std::uint32_t bits(unsigned count) {
    std::uint32_t value = 0;
    for (; count > 0; --count) value = value << 1 | bit();
    return value;
  }
  bool flag() { return bit() != 0; }
  void skip(unsigned count) {
    for (; count > 0; --count) bit();
  }
  /// ue(v), ITU-T H.264 §9.1; a code over 32 bits is a failure.
  std::uint32_t ue() {
    unsigned zeros = 0;
    while (bit() == 0) {
      if (!ok_ || ++zeros > 32) return fail();
    }
    if (zeros == 32) return bits(32) == 0 ? 0xffffffffu : fail();
    return (1u << zeros) - 1 + bits(zeros);
  }
  /// ue(v) that must not exceed `limit`.
  std::uint32_t ue(std::uint32_t limit) {
    const auto value = ue();
    return value <= limit ? value : fail();
  }
  /// se(v).
  std::int32_t se() {
    const auto code = ue();
    const auto magnitude = static_cast<std::int32_t>(code / 2 + code % 2);
    return code % 2 == 1 ? magnitude : -magnitude;
  }

 private:
  std::uint32_t fail() {
    ok_ = false;
    return 0;
  }
  bool next_byte() {
    if (ok_ && emulation_prevention_ && zeros_ >= 2 && at_ < bytes_.size() && bytes_[at_] == 3) {
      ++at_;
      zeros_ = 0;
    }
    if (!ok_ || at_ >= bytes_.size()) {
      ok_ = false;
      return false;
    }
    current_ = bytes_[at_++];
    zeros_ = current_ == 0 ? zeros_ + 1 : 0;
    left_ = 8;
    return true;
  }

  ByteView bytes_;
  bool emulation_prevention_;
  std::size_t at_ = 0;
  unsigned zeros_ = 0, left_ = 0;
  std::uint8_t current_ = 0;
  bool ok_ = true;
};

}  // namespace ccoc::media
