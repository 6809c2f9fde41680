#include "flv_reader.h"

#include <algorithm>
#include <iterator>

#include "nal_lengths.h"

namespace ccoc::ingest::bridge {
namespace {

constexpr unsigned avc = 7, hevc = 12;
constexpr unsigned aac = 10, a_law = 7, mu_law = 8;
// Enhanced RTMP's packet types.
constexpr unsigned sequence_start = 0, coded_frames = 1, coded_frames_x = 3;

/// ISO/IEC 14496-3 table 1.18.
constexpr std::uint32_t rates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350};

/// Composition time: 24 bits, signed.
std::uint32_t offset_of(ByteView bytes) {
  const auto raw = static_cast<std::uint32_t>(bytes[0]) << 16 | static_cast<std::uint32_t>(bytes[1]) << 8 | bytes[2];
  return (raw & 0x800000) != 0 ? raw | 0xff000000 : raw;
}

}  // namespace

void FlvReader::video(std::uint32_t time, ByteView body) {
  if (body.size() < 5) return;
  if ((body[0] & 0x80) != 0) {
    const unsigned type = body[0] & 0x0f;
    const auto name = as_text(body.subspan(1, 4));
    if (name != "hvc1" && name != "avc1") return;
    const auto codec = name == "hvc1" ? media::Codec::h265 : media::Codec::h264;
    if (type == sequence_start) return configure(codec, body.subspan(5));
    if (type == coded_frames && body.size() > 8) return picture(codec, time + offset_of(body.subspan(5)), body.subspan(8));
    if (type == coded_frames_x) return picture(codec, time, body.subspan(5));
    return;
  }
  const unsigned id = body[0] & 0x0f;
  if (id != avc && id != hevc) return;
  const auto codec = id == avc ? media::Codec::h264 : media::Codec::h265;
  if (body[1] == 0) return configure(codec, body.subspan(5));
  if (body[1] == 1) picture(codec, time + offset_of(body.subspan(2)), body.subspan(5));
}

void FlvReader::configure(media::Codec codec, ByteView record) {
  length_size_ = length_size(codec, record);
  sink_(Configuration{codec, record});
}

void FlvReader::picture(media::Codec codec, std::uint32_t time, ByteView nals) {
  Picture out;
  out.codec = codec;
  out.whole = true;
  out.time = time * 90;
  out.data = nals;
  Bytes widened;
  if (length_size_ != 4) {
    widened = with_long_lengths(nals, length_size_);
    out.data = widened;
  }
  if (!out.data.empty()) sink_(out);
}

void FlvReader::audio(std::uint32_t time, ByteView body) {
  if (body.size() < 3) return;
  const unsigned id = body[0] >> 4;
  if (id == aac && body[1] == 0) return configure_aac(body.subspan(2));
  if (id == aac && !aac_config_.empty()) return sound(media::AudioCodec::aac, time, 1024, body.subspan(2));
  if (id != a_law && id != mu_law) return;
  sample_rate_ = 8000;
  channels_ = 1;
  const auto codec = id == a_law ? media::AudioCodec::pcma : media::AudioCodec::pcmu;
  sound(codec, time, static_cast<std::uint32_t>(body.size() - 1), body.subspan(1));
}

/// Only the rate is needed here; the hub reads the rest (ISO/IEC 14496-3 §1.6.2.1).
void FlvReader::configure_aac(ByteView config) {
  aac_config_.clear();
  if (config.size() < 2) return;
  const unsigned index = (config[0] & 7u) << 1 | config[1] >> 7;
  if (index >= std::size(rates)) return;
  sample_rate_ = rates[index];
  channels_ = std::clamp((config[1] >> 3) & 15u, 1u, 8u);
  aac_config_.assign(config.begin(), config.end());
}

void FlvReader::sound(media::AudioCodec codec, std::uint32_t time, std::uint32_t duration, ByteView data) {
  Sound out;
  out.codec = codec;
  out.sample_rate = sample_rate_;
  out.channels = channels_;
  out.time = static_cast<std::uint32_t>(std::uint64_t{time} * sample_rate_ / 1000);
  out.duration = duration;
  if (codec == media::AudioCodec::aac) out.config = aac_config_;
  out.data = data;
  sink_(out);
}

}  // namespace ccoc::ingest::bridge
