#include "ccoc/media/nal.h"

#include <algorithm>
#include <cstring>

#include "annexb.h"
#include "big_endian.h"
#include "bit_reader.h"
#include "sps.h"

namespace ccoc::media {
namespace {

ByteView without_trailing_zeros(ByteView nal) {
  while (!nal.empty() && nal.back() == 0) nal = nal.first(nal.size() - 1);
  return nal;
}

constexpr std::uint8_t start_code[] = {0, 0, 0, 1};

void put_annexb(Bytes& out, ByteView nal) {
  put_bytes(out, start_code);
  put_bytes(out, nal);
}

}  // namespace

std::size_t find_start_code(ByteView bytes, std::size_t from) {
  std::size_t at = from;
  while (at + 3 <= bytes.size()) {
    const auto* one = static_cast<const std::uint8_t*>(std::memchr(bytes.data() + at + 2, 1, bytes.size() - at - 2));
    if (one == nullptr) break;
    const auto position = static_cast<std::size_t>(one - bytes.data());
    if (bytes[position - 1] == 0 && bytes[position - 2] == 0) return position - 2;
    at = position - 1;
  }
  return bytes.size();
}

std::string_view to_string(Codec codec) {
  switch (codec) {
    case Codec::h264: return "h264";
    case Codec::h265: return "h265";
    case Codec::mjpeg: return "mjpeg";
  }
  return "h264";
}

int nal_type(Codec codec, ByteView nal) {
  if (nal.empty()) return 0;
  return codec == Codec::h264 ? nal[0] & 0x1f : nal[0] >> 1 & 0x3f;
}

bool is_vcl(Codec codec, ByteView nal) {
  if (nal.empty()) return false;
  const int type = nal_type(codec, nal);
  return codec == Codec::h264 ? type >= 1 && type <= 5 : type < 32;
}

bool is_parameter_set(Codec codec, ByteView nal) {
  const int type = nal_type(codec, nal);
  return codec == Codec::h264 ? type == 7 || type == 8 : type >= 32 && type <= 34;
}

bool starts_picture(Codec codec, ByteView nal) {
  if (codec == Codec::h265) return nal.size() > 2 && is_vcl(codec, nal) && (nal[2] & 0x80) != 0;
  const int type = nal_type(codec, nal);
  // Partitions B and C (types 3, 4) carry no first_mb_in_slice.
  return nal.size() > 1 && (type == 1 || type == 2 || type == 5) && (nal[1] & 0x80) != 0;
}

bool is_random_access(Codec codec, ByteView nal) {
  const int type = nal_type(codec, nal);
  return codec == Codec::h264 ? type == 5 : type >= 16 && type <= 23;
}

std::optional<int> recovery_point(Codec codec, ByteView nal) {
  const bool sei = codec == Codec::h264 ? nal_type(codec, nal) == 6 : nal_type(codec, nal) == 39;
  if (!sei || nal.size() > max_parameter_set) return std::nullopt;
  BitReader in(nal.subspan(std::min<std::size_t>(nal.size(), codec == Codec::h264 ? 1 : 2)));
  const auto number = [&in] {
    std::uint32_t sum = 0, byte = 0;
    do {
      byte = in.bits(8);
      sum += byte;
    } while (byte == 255 && in.ok());
    return sum;
  };
  for (;;) {
    const auto type = number();
    const auto size = number();
    if (!in.ok() || (type == 0x80 && size == 0)) return std::nullopt;
    if (type == 6) {
      const auto count = codec == Codec::h264 ? static_cast<int>(in.ue(65536)) : in.se();
      return in.ok() ? std::optional(count) : std::nullopt;
    }
    in.skip(std::min<std::uint32_t>(size, max_parameter_set) * 8);
  }
}

bool for_each_nal(ByteView data, const std::function<void(ByteView)>& visit) {
  while (data.size() >= 4) {
    const std::size_t size = get_u32(data, 0);
    if (size > data.size() - 4) return false;
    if (size > 0) visit(data.subspan(4, size));
    data = data.subspan(4 + size);
  }
  return data.empty();
}

std::vector<ByteView> split_annexb(ByteView annexb) {
  std::vector<ByteView> nals;
  std::size_t code = find_start_code(annexb, 0);
  while (code < annexb.size()) {
    const auto start = code + 3;
    code = find_start_code(annexb, start);
    const auto nal = without_trailing_zeros(annexb.subspan(start, code - start));
    if (!nal.empty()) nals.push_back(nal);
  }
  return nals;
}

Bytes to_annexb(const AccessUnit& unit) {
  const Codec codec = unit.format->codec;
  const ByteView data = *unit.data;
  if (codec == Codec::mjpeg) return Bytes(data.begin(), data.end());
  const int sps_type = codec == Codec::h264 ? 7 : 33;
  const int delimiter_type = codec == Codec::h264 ? 9 : 35;
  bool sets_missing = unit.key;
  std::size_t extra = 0;
  if (unit.key) {
    for_each_nal(data, [&](ByteView nal) { sets_missing = sets_missing && nal_type(codec, nal) != sps_type; });
  }
  const auto* sets = sets_missing ? unit.format.get() : nullptr;
  if (sets != nullptr) {
    for (const auto* kind : {&sets->vps, &sets->sps, &sets->pps})
      for (const auto& set : *kind) extra += 4 + set.size();
  }
  Bytes out;
  out.reserve(data.size() + extra);
  // The sets go in front of all but an access unit delimiter, which must be first (§7.4.1.2.3).
  const auto put_sets = [&] {
    if (sets == nullptr) return;
    for (const auto* kind : {&sets->vps, &sets->sps, &sets->pps})
      for (const auto& set : *kind) put_annexb(out, set);
    sets = nullptr;
  };
  for_each_nal(data, [&](ByteView nal) {
    if (!out.empty() || nal_type(codec, nal) != delimiter_type) put_sets();
    put_annexb(out, nal);
  });
  return out;
}

ByteView trim_parameter_set(ByteView nal) {
  nal = without_trailing_zeros(nal);
  while (nal.size() >= 3 && nal.back() == 1 && nal[nal.size() - 2] == 0 && nal[nal.size() - 3] == 0)
    nal = without_trailing_zeros(nal.first(nal.size() - 1));
  return nal;
}

Result<SpsInfo> parse_sps(Codec codec, ByteView nal) { return codec == Codec::h264 ? parse_h264_sps(nal) : parse_h265_sps(nal); }

std::optional<std::uint32_t> parameter_set_id(Codec codec, ByteView nal) {
  if (nal.size() > max_parameter_set) return std::nullopt;
  const int type = nal_type(codec, nal);
  if (type == (codec == Codec::h264 ? 7 : 33)) {
    const auto sps = parse_sps(codec, nal);
    return sps ? std::optional(sps->id) : std::nullopt;
  }
  const std::size_t header = codec == Codec::h264 ? 1 : 2;
  if (nal.size() <= header) return std::nullopt;
  BitReader in(nal.subspan(header));
  const bool vps = codec == Codec::h265 && type == 32;
  const auto id = vps ? in.bits(4) : in.ue(codec == Codec::h264 ? 255 : 63);
  return in.ok() ? std::optional(id) : std::nullopt;
}

}  // namespace ccoc::media
