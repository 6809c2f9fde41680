#include "ccoc/media/depacketizer.h"

#include <algorithm>
#include <charconv>

#include "base64.h"
#include "big_endian.h"
#include "ccoc/media/nal.h"
#include "depacketizer_formats.h"

namespace ccoc::media {
namespace {

/// "Z00AKpWoHgCJ…,aO48gA==": parameter sets in Base64, separated by commas.
void take_sprop(std::string_view list, ParameterSets& sets) {
  for (int i = 0; i < 32 && !list.empty(); ++i) {
    const auto end = std::min(list.find(','), list.size());
    if (const auto set = decode_base64(list.substr(0, end))) sets.add_from_sdp(*set);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

}  // namespace

void VideoDepacketizer::push(const RtpPacket& packet) {
  assembler_.begin_packet(packet.timestamp);
  const auto payload = packet.payload;
  if (payload.size() >= 4 && payload[0] == 0 && payload[1] == 0 && (payload[2] == 1 || (payload[2] == 0 && payload[3] == 1))) {
    // Some cameras put Annex B into the packet, start codes and all.
    for (const auto nal : split_annexb(payload)) assembler_.add_nal(nal);
  } else if (!payload.empty()) {
    read(payload);
  }
  assembler_.end_packet(packet.marker);
}

void VideoDepacketizer::add_aggregate(ByteView units, std::size_t skip) {
  bool first = true;
  while (!units.empty()) {
    if (!first) units = units.subspan(std::min(skip, units.size()));
    first = false;
    const std::size_t size = units.size() < 2 ? 0 : get_u16(units, 0);
    if (size == 0 || size > units.size() - 2) return assembler_.bad();
    assembler_.add_nal(units.subspan(2, size));
    units = units.subspan(2 + size);
  }
}

Result<std::unique_ptr<Depacketizer>> make_depacketizer(const SdpMedia& media, Depacketizer::Sink sink) {
  if (media.encoding == "H264") {
    auto depacketizer = make_h264_depacketizer(std::move(sink));
    take_sprop(media.fmtp_value("sprop-parameter-sets"), depacketizer->sets());
    depacketizer->sets().end_unit();
    return depacketizer;
  }
  if (media.encoding == "H265") {
    const auto text = media.fmtp_value("sprop-max-don-diff");
    unsigned don_diff = 0;
    std::from_chars(text.data(), text.data() + text.size(), don_diff);
    auto depacketizer = make_h265_depacketizer(std::move(sink), don_diff > 0);
    for (const char* key : {"sprop-vps", "sprop-sps", "sprop-pps"}) take_sprop(media.fmtp_value(key), depacketizer->sets());
    depacketizer->sets().end_unit();
    return depacketizer;
  }
  if (media.encoding == "JPEG") return make_jpeg_depacketizer(std::move(sink));
  return fail(ErrorCode::unsupported, "the encoding '" + media.encoding.substr(0, 40) + "' is not H264, H265 or JPEG");
}

bool is_understood(const SdpMedia& media) {
  if (media.kind == "audio") return make_audio_depacketizer(media, nullptr).has_value();
  return media.kind == "video" && make_depacketizer(media, nullptr).has_value();
}

}  // namespace ccoc::media
