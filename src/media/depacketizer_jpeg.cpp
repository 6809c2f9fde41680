// Motion JPEG from RTP (RFC 2435): the packets carry only the scan; the file's headers are made here.
#include <algorithm>
#include <array>

#include "big_endian.h"
#include "ccoc/media/jpeg.h"
#include "depacketizer_formats.h"

namespace ccoc::media {
namespace {

constexpr std::size_t max_picture = 8 * 1024 * 1024;

// The typical tables of ITU-T T.81 §K.1 (in zigzag order) and §K.3.
constexpr std::array<std::uint8_t, 64> luma_quantizers = {16, 11, 12,  14,  12,  10, 16, 14,  13,  14,  18,  17,  16, 19,  24,  40,
                                                          26, 24, 22,  22,  24,  49, 35, 37,  29,  40,  58,  51,  61, 60,  57,  51,
                                                          56, 55, 64,  72,  92,  78, 64, 68,  87,  69,  55,  56,  80, 109, 81,  87,
                                                          95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99};
constexpr std::array<std::uint8_t, 64> chroma_quantizers = {
    17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99};

constexpr std::array<std::uint8_t, 16> luma_dc_counts = {0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0};
constexpr std::array<std::uint8_t, 16> chroma_dc_counts = {0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0};
constexpr std::array<std::uint8_t, 12> dc_values = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
constexpr std::array<std::uint8_t, 16> luma_ac_counts = {0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d};
constexpr std::array<std::uint8_t, 162> luma_ac_values = {
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71, 0x14, 0x32, 0x81,
    0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18,
    0x19, 0x1a, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
    0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75,
    0x76, 0x77, 0x78, 0x79, 0x7a, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
    0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3,
    0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5,
    0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa};
constexpr std::array<std::uint8_t, 16> chroma_ac_counts = {0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77};
constexpr std::array<std::uint8_t, 162> chroma_ac_values = {
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22, 0x32, 0x81, 0x08,
    0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25,
    0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47,
    0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74,
    0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97,
    0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba,
    0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe2, 0xe3, 0xe4,
    0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa};

/// Two tables of 64 quantizers for a quality from 1 to 99 (RFC 2435 §4.2).
Bytes quantizers_for(unsigned quality) {
  const unsigned factor = std::clamp(quality, 1u, 99u);
  const unsigned scale = factor < 50 ? 5000 / factor : 200 - factor * 2;
  Bytes out;
  for (const auto& table : {luma_quantizers, chroma_quantizers}) {
    for (const unsigned value : table) put_u8(out, std::clamp((value * scale + 50) / 100, 1u, 255u));
  }
  return out;
}

/// The JPEG-specific headers of one packet (RFC 2435 §3.1).
struct Header {
  std::size_t offset = 0;
  unsigned type = 0, quality = 0, width = 0, height = 0;
  unsigned restart_interval = 0;
  ByteView quantizers;  ///< in the first packet of a picture with quality 128 and more
  ByteView scan;
};

std::optional<Header> read_header(ByteView payload) {
  if (payload.size() < 8) return std::nullopt;
  Header header;
  header.offset = get_u32(payload, 0) & 0xffffff;
  header.type = payload[4];
  header.quality = payload[5];
  header.width = payload[6] * 8u;
  header.height = payload[7] * 8u;
  auto rest = payload.subspan(8);
  if (header.type >= 64 && header.type <= 127) {
    if (rest.size() < 4) return std::nullopt;
    header.restart_interval = get_u16(rest, 0);
    rest = rest.subspan(4);
  }
  if (header.quality >= 128 && header.offset == 0) {
    if (rest.size() < 4) return std::nullopt;
    const std::size_t length = get_u16(rest, 2);
    const bool wide = rest[1] != 0;  // tables of 16 bits
    if (wide || length > rest.size() - 4) return std::nullopt;
    header.quantizers = rest.subspan(4, length);
    rest = rest.subspan(4 + length);
  }
  header.scan = rest;
  // 4:2:2 and 4:2:0 (§4.1); other types are not defined.
  if ((header.type & 63) > 1 || header.type > 127) return std::nullopt;
  return header;
}

/// A marker segment: its length is filled in by the caller, which knows it.
void put_segment(Bytes& out, unsigned marker, std::size_t content) {
  put_u16(out, 0xff00 | marker);
  put_u16(out, static_cast<unsigned>(content + 2));
}

void put_huffman(Bytes& out, unsigned table, ByteView counts, ByteView values) {
  put_segment(out, 0xc4, 1 + counts.size() + values.size());
  put_u8(out, table);
  put_bytes(out, counts);
  put_bytes(out, values);
}

/// Everything before the scan (T.81 annex B). `quantizers`: one table for all components, or two.
Bytes make_headers(const Header& header, ByteView quantizers) {
  Bytes out;
  out.reserve(700);
  put_u16(out, 0xffd8);
  const unsigned tables = quantizers.size() >= 128 ? 2 : 1;
  for (unsigned i = 0; i < tables; ++i) {
    put_segment(out, 0xdb, 65);
    put_u8(out, i);
    put_bytes(out, quantizers.subspan(64 * i, 64));
  }
  if (header.restart_interval > 0) {
    put_segment(out, 0xdd, 2);
    put_u16(out, header.restart_interval);
  }
  put_segment(out, 0xc0, 15);
  put_u8(out, 8);
  put_u16(out, header.height);
  put_u16(out, header.width);
  put_u8(out, 3);
  const unsigned luma_sampling = (header.type & 63) == 0 ? 0x21 : 0x22;
  for (unsigned component = 0; component < 3; ++component) {
    put_u8(out, component + 1);
    put_u8(out, component == 0 ? luma_sampling : 0x11);
    put_u8(out, component == 0 ? 0 : tables - 1);
  }
  put_huffman(out, 0x00, luma_dc_counts, dc_values);
  put_huffman(out, 0x10, luma_ac_counts, luma_ac_values);
  put_huffman(out, 0x01, chroma_dc_counts, dc_values);
  put_huffman(out, 0x11, chroma_ac_counts, chroma_ac_values);
  put_segment(out, 0xda, 10);
  put_u8(out, 3);
  for (unsigned component = 0; component < 3; ++component) {
    put_u8(out, component + 1);
    put_u8(out, component == 0 ? 0x00 : 0x11);
  }
  put_u8(out, 0);
  put_u8(out, 63);
  put_u8(out, 0);
  return out;
}

class JpegDepacketizer final : public Depacketizer {
 public:
  explicit JpegDepacketizer(Sink sink) : sink_(std::move(sink)) {}

  void push(const RtpPacket& packet) override {
    const auto header = read_header(packet.payload);
    if (!header) {
      ++counts_.bad_packets;
      return spoil();
    }
    if (header->offset == 0) begin(*header, packet.timestamp);
    add(*header, packet.timestamp);
    if (packet.marker) finish();
  }
  void lost(unsigned count) override {
    if (count > 0) spoil();
  }
  void flush() override {}
  const DepacketizerCounts& counts() const override { return counts_; }

 private:
  /// A picture with a hole cannot be shown: it is dropped, and the next one is whole again.
  void spoil() {
    if (!open_) return;
    open_ = false;
    ++counts_.damaged_units;
  }

  void begin(const Header& header, std::uint32_t timestamp) {
    spoil();
    Bytes made;
    ByteView quantizers = header.quantizers;
    if (header.quality < 128) {
      if (header.quality != made_quality_) made_quantizers_ = quantizers_for(header.quality);
      made_quality_ = header.quality;
      quantizers = made_quantizers_;
    } else if (quantizers.empty()) {
      // They may be left out where they are the same for all pictures with this quality.
      if (header.quality == 255 || header.quality != kept_quality_) return no_tables();
      quantizers = kept_quantizers_;
    } else {
      kept_quality_ = header.quality;
      kept_quantizers_.assign(quantizers.begin(), quantizers.end());
    }
    if (quantizers.size() < 64 || header.width == 0 || header.height == 0) return no_tables();
    file_ = make_headers(header, quantizers);
    headers_ = file_.size();
    timestamp_ = timestamp;
    if (!format_ || format_->width != header.width || format_->height != header.height) {
      auto format = parse_jpeg(file_);
      if (!format) return no_tables();
      format_ = std::make_shared<const VideoFormat>(*std::move(format));
    }
    open_ = true;
  }

  void no_tables() { ++counts_.dropped_before_format; }

  void add(const Header& header, std::uint32_t timestamp) {
    if (!open_) return;
    const bool fits =
        timestamp == timestamp_ && header.offset == file_.size() - headers_ && file_.size() + header.scan.size() <= max_picture;
    if (!fits) return spoil();
    put_bytes(file_, header.scan);
  }

  void finish() {
    if (!std::exchange(open_, false)) return;
    if (file_.size() == headers_) return;
    if (get_u16(file_, file_.size() - 2) != 0xffd9) put_u16(file_, 0xffd9);
    ++counts_.units;
    RawUnit unit;
    unit.format = format_;
    unit.data = std::make_shared<const Bytes>(file_.begin(), file_.end());
    unit.rtp_timestamp = timestamp_;
    unit.key = true;
    sink_(std::move(unit));
  }

  Sink sink_;
  DepacketizerCounts counts_;
  Bytes file_;  ///< the picture being joined, headers in front
  std::size_t headers_ = 0;
  bool open_ = false;
  std::uint32_t timestamp_ = 0;
  VideoFormatPtr format_;
  unsigned made_quality_ = 0, kept_quality_ = 0;
  Bytes made_quantizers_, kept_quantizers_;
};

}  // namespace

std::unique_ptr<Depacketizer> make_jpeg_depacketizer(Depacketizer::Sink sink) {
  return std::make_unique<JpegDepacketizer>(std::move(sink));
}

}  // namespace ccoc::media
