#include "ccoc/simulator/stamp.h"

#include <cstring>

namespace ccoc::simulator {
namespace {

constexpr std::array<std::uint8_t, 16> uuid{0x63, 0x63, 0x6f, 0x63, 0x9d, 0x41, 0x4e, 0x7c, 0x8f, 0x2a, 0xb1, 0x5e, 0x73, 0x74, 0x6d, 0x70};

void put_hex(std::span<std::uint8_t> out, std::uint64_t value) {
  static constexpr char digits[] = "0123456789abcdef";
  for (auto at = out.rbegin(); at != out.rend(); ++at, value >>= 4) *at = static_cast<std::uint8_t>(digits[value & 15]);
}

std::optional<std::uint64_t> get_hex(ByteView text) {
  std::uint64_t value = 0;
  for (const auto c : text) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return std::nullopt;
    value = value << 4 | static_cast<unsigned>(digit);
  }
  return value;
}

}  // namespace

std::optional<std::size_t> find_stamp_text(ByteView bytes) {
  const void* at = bytes.empty() ? nullptr : memmem(bytes.data(), bytes.size(), uuid.data(), uuid.size());
  if (at == nullptr) return std::nullopt;
  const auto text = static_cast<std::size_t>(static_cast<const std::uint8_t*>(at) - bytes.data()) + uuid.size();
  if (bytes.size() - text < stamp_text_size) return std::nullopt;
  return text;
}

std::optional<Stamp> find_stamp(ByteView access_unit) {
  const auto at = find_stamp_text(access_unit);
  if (!at) return std::nullopt;
  const auto text = access_unit.subspan(*at, stamp_text_size);
  const auto sent = get_hex(text.first(16));
  const auto camera = get_hex(text.subspan(16, 8));
  const auto frame = get_hex(text.subspan(24, 16));
  if (!sent || !camera || !frame) return std::nullopt;
  return Stamp{UtcTime{Duration{static_cast<std::int64_t>(*sent)}}, static_cast<std::uint32_t>(*camera), *frame};
}

Bytes make_stamp_nal(media::Codec codec) {
  Bytes out;
  if (codec == media::Codec::h264) {
    out = {0x06};
  } else {
    out = {39 << 1, 0x01};
  }
  out.push_back(5);  // user_data_unregistered
  out.push_back(static_cast<std::uint8_t>(uuid.size() + stamp_text_size));
  out.insert(out.end(), uuid.begin(), uuid.end());
  out.insert(out.end(), stamp_text_size, '0');
  out.push_back(0x80);
  return out;
}

void write_stamp(std::span<std::uint8_t, stamp_text_size> text, const Stamp& stamp) {
  put_hex(text.first<16>(), static_cast<std::uint64_t>(stamp.sent.time_since_epoch().count()));
  put_hex(text.subspan<16, 8>(), stamp.camera);
  put_hex(text.subspan<24, 16>(), stamp.frame);
}

}  // namespace ccoc::simulator
