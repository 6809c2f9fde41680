#include "black_picture.h"

#include <algorithm>

namespace ccoc::simulator {
namespace {

constexpr unsigned macroblock = 16;

/// Bits of a NAL unit (ITU-T H.264 §7.2, §9.1).
class BitWriter {
 public:
  void bits(std::uint32_t value, unsigned count) {
    for (; count > 0; --count) bit(value >> (count - 1) & 1u);
  }
  void ue(std::uint32_t value) {
    unsigned length = 0;
    while ((value + 1) >> (length + 1) != 0) ++length;
    bits(0, length);
    bits(value + 1, length + 1);
  }
  void align() {
    while (used_ != 0) bit(0);
  }
  void end() {
    bit(1);
    align();
  }
  const Bytes& bytes() const { return bytes_; }

 private:
  void bit(std::uint32_t value) {
    if (used_ == 0) bytes_.push_back(0);
    bytes_.back() = static_cast<std::uint8_t>(bytes_.back() | value << (7 - used_));
    used_ = (used_ + 1) % 8;
  }
  Bytes bytes_;
  unsigned used_ = 0;
};

/// Behind a start code, with emulation prevention (§7.4.1).
void append_nal(Bytes& out, std::uint8_t header, const Bytes& payload) {
  out.insert(out.end(), {0, 0, 0, 1, header});
  unsigned zeros = 0;
  for (const auto byte : payload) {
    if (zeros >= 2 && byte <= 3) {
      out.push_back(3);
      zeros = 0;
    }
    out.push_back(byte);
    zeros = byte == 0 ? zeros + 1 : 0;
  }
}

Bytes sequence(unsigned width, unsigned height) {
  const unsigned columns = (width + macroblock - 1) / macroblock, rows = (height + macroblock - 1) / macroblock;
  BitWriter out;
  out.bits(66, 8);    // Baseline
  out.bits(0xc0, 8);  // constrained
  out.bits(51, 8);    // level 5.1
  out.ue(0);
  out.ue(0);  // frame_num of 4 bits
  out.ue(2);  // order of output is that of decoding
  out.ue(1);
  out.bits(0, 1);
  out.ue(columns - 1);
  out.ue(rows - 1);
  out.bits(3, 2);  // frames only, direct 8×8
  const unsigned right = (columns * macroblock - width) / 2, bottom = (rows * macroblock - height) / 2;
  out.bits(right + bottom > 0 ? 1 : 0, 1);
  if (right + bottom > 0) {
    for (const auto crop : {0u, right, 0u, bottom}) out.ue(crop);
  }
  out.bits(0, 1);  // no VUI
  out.end();
  return out.bytes();
}

Bytes picture_set() {
  BitWriter out;
  out.ue(0);
  out.ue(0);
  out.bits(0, 2);  // CAVLC
  for (int i = 0; i < 3; ++i) out.ue(0);
  out.bits(0, 3);
  for (int i = 0; i < 3; ++i) out.ue(0);
  out.bits(0b100, 3);  // deblocking can be switched off
  out.end();
  return out.bytes();
}

/// The first macroblock in plain samples; each other one is predicted from its neighbours and is as black (§8.3.3.3).
Bytes slice(unsigned columns, unsigned rows) {
  constexpr std::uint32_t black = 16, grey = 128;
  BitWriter out;
  out.ue(0);
  out.ue(7);  // I slices only
  out.ue(0);
  out.bits(0, 4);
  out.ue(0);
  out.bits(0, 2);
  out.ue(0);   // slice_qp_delta
  out.ue(1);   // no deblocking
  out.ue(25);  // I_PCM
  out.align();
  for (int i = 0; i < 256; ++i) out.bits(black, 8);
  for (int i = 0; i < 128; ++i) out.bits(grey, 8);
  for (unsigned at = 1; at < columns * rows; ++at) {
    out.ue(3);       // I_16x16, DC prediction, no residual
    out.bits(3, 2);  // chroma by DC, the same quantiser
    // No coefficients; the code depends on how many the neighbours have, and plain samples count as 16 (§9.2.1).
    const bool beside_plain = at == 1 || at == columns;
    out.bits(beside_plain ? 3 : 1, beside_plain ? 6 : 1);
  }
  out.end();
  return out.bytes();
}

}  // namespace

Bytes black_picture(unsigned width, unsigned height) {
  width = std::clamp(width, 32u, 4096u);
  height = std::clamp(height, 32u, 4096u);
  Bytes out;
  append_nal(out, 0x67, sequence(width, height));
  append_nal(out, 0x68, picture_set());
  append_nal(out, 0x65, slice((width + macroblock - 1) / macroblock, (height + macroblock - 1) / macroblock));
  return out;
}

}  // namespace ccoc::simulator
