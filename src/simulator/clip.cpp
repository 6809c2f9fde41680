#include "ccoc/simulator/clip.h"

#include <fstream>
#include <iterator>

#include "ccoc/media/nal.h"
#include "ccoc/media/packetizer.h"
#include "ccoc/media/sdp.h"

namespace ccoc::simulator {
namespace {

constexpr std::size_t max_file = 256 * 1024 * 1024;

using Unit = std::vector<ByteView>;

/// NAL units that stand before the first slice of the next picture (ITU-T H.264 §7.4.1.2.3, H.265 §7.4.2.4.4).
bool opens_unit(media::Codec codec, ByteView nal) {
  const int type = media::nal_type(codec, nal);
  if (codec == media::Codec::h264) return (type >= 6 && type <= 9) || (type >= 14 && type <= 18);
  return (type >= 32 && type <= 35) || type == 39 || (type >= 41 && type <= 44) || (type >= 48 && type <= 55);
}

std::vector<Unit> split_units(media::Codec codec, ByteView annexb) {
  std::vector<Unit> units;
  bool has_picture = true;
  for (const auto nal : media::split_annexb(annexb)) {
    if (nal.empty()) continue;
    const bool vcl = media::is_vcl(codec, nal);
    if (units.empty() || (has_picture && (opens_unit(codec, nal) || (vcl && media::starts_picture(codec, nal))))) {
      units.emplace_back();
      has_picture = false;
    }
    units.back().push_back(nal);
    has_picture = has_picture || vcl;
  }
  return units;
}

void put_u32(std::uint8_t* at, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

void append_nal(Bytes& out, ByteView nal) {
  out.resize(out.size() + 4);
  put_u32(out.data() + out.size() - 4, static_cast<std::uint32_t>(nal.size()));
  out.insert(out.end(), nal.begin(), nal.end());
}

/// The unit, length-prefixed, with the stamp before the first slice.
Bytes with_stamp(media::Codec codec, const Unit& unit) {
  Bytes out;
  bool stamped = false;
  for (const auto nal : unit) {
    if (!stamped && media::is_vcl(codec, nal)) {
      append_nal(out, make_stamp_nal(codec));
      stamped = true;
    }
    append_nal(out, nal);
  }
  return out;
}

struct ParameterSets {
  std::vector<Bytes> vps, sps, pps;
  bool complete(media::Codec codec) const { return !sps.empty() && !pps.empty() && (codec == media::Codec::h264 || !vps.empty()); }
};

ParameterSets parameter_sets(media::Codec codec, const Unit& unit) {
  ParameterSets out;
  for (const auto nal : unit) {
    const int type = media::nal_type(codec, nal);
    const Bytes copy(nal.begin(), nal.end());
    if (type == (codec == media::Codec::h264 ? 7 : 33)) out.sps.push_back(copy);
    if (type == (codec == media::Codec::h264 ? 8 : 34)) out.pps.push_back(copy);
    if (codec == media::Codec::h265 && type == 32) out.vps.push_back(copy);
  }
  return out;
}

bool is_key(media::Codec codec, const Unit& unit) {
  for (const auto nal : unit) {
    if (media::is_random_access(codec, nal)) return true;
  }
  return false;
}

bool has_picture(media::Codec codec, const Unit& unit) {
  for (const auto nal : unit) {
    if (media::is_vcl(codec, nal)) return true;
  }
  return false;
}

}  // namespace

Result<std::shared_ptr<Clip>> Clip::from_annexb(media::Codec codec, ByteView annexb, double fps) {
  auto clip = std::make_shared<Clip>();
  for (const auto& unit : split_units(codec, annexb)) {
    if (!has_picture(codec, unit)) continue;
    const bool key = is_key(codec, unit);
    if (clip->frames_.empty()) {
      auto sets = parameter_sets(codec, unit);
      if (!key || !sets.complete(codec)) continue;
      auto format = media::make_format(codec, std::move(sets.vps), std::move(sets.sps), std::move(sets.pps));
      if (!format) return std::unexpected(format.error());
      clip->format_ = std::move(*format);
    }
    Frame frame{.offset = clip->bytes_.size(), .key = key};
    const auto stamped = with_stamp(codec, unit);
    media::packetize_in_pieces(codec, stamped, media::most_rtp_bytes - media::rtp_header, [&](ByteView head, ByteView body, bool last) {
      media::append_packet(clip->bytes_, {.payload_type = media::video_payload_type, .marker = last}, head, body);
      ++frame.packets;
    });
    frame.size = clip->bytes_.size() - frame.offset;
    const auto stamp = find_stamp_text(ByteView(clip->bytes_).subspan(frame.offset));
    if (!stamp) return fail(ErrorCode::internal, "a frame was packetized without its stamp");
    frame.stamp = frame.offset + *stamp;
    clip->frames_.push_back(frame);
  }
  if (clip->frames_.empty()) {
    return fail(ErrorCode::corrupt, "no key frame with its parameter sets was found; the file must be an " +
                                        std::string(media::to_string(codec)) + " Annex B stream");
  }
  clip->bytes_.shrink_to_fit();
  clip->fps_ = fps > 0 ? fps : clip->format_.fps > 0 ? clip->format_.fps : 25;
  return clip;
}

Result<std::shared_ptr<Clip>> Clip::load(const std::string& path, double fps) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) return std::unexpected(errno_error(errno, path));
  const auto size = static_cast<std::size_t>(in.tellg());
  if (size > max_file) return fail(ErrorCode::limit_exceeded, path + " is longer than 256 MiB; cut it to a few seconds");
  Bytes bytes(size);
  in.seekg(0);
  if (!in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size))) {
    return fail(ErrorCode::io, path + " cannot be read");
  }
  const bool h265 = path.ends_with(".h265") || path.ends_with(".265") || path.ends_with(".hevc");
  auto clip = from_annexb(h265 ? media::Codec::h265 : media::Codec::h264, bytes, fps);
  if (!clip) return std::unexpected(clip.error().within(path));
  return clip;
}

std::span<std::uint8_t> Clip::prepare(const Frame& frame, const Patch& patch) {
  const auto bytes = std::span(bytes_).subspan(frame.offset, frame.size);
  auto sequence = patch.first_sequence;
  for (std::size_t at = 0; at < bytes.size(); ++sequence) {
    std::uint8_t* rtp = bytes.data() + at + 4;
    rtp[2] = static_cast<std::uint8_t>(sequence >> 8);
    rtp[3] = static_cast<std::uint8_t>(sequence);
    put_u32(rtp + 4, patch.timestamp);
    put_u32(rtp + 8, patch.ssrc);
    at += 4 + static_cast<std::size_t>(bytes[at + 2] << 8 | bytes[at + 3]);
  }
  write_stamp(std::span<std::uint8_t, stamp_text_size>(bytes_.data() + frame.stamp, stamp_text_size), patch.stamp);
  return bytes;
}

void Clip::set_channel(std::span<std::uint8_t> frame, std::uint8_t channel) {
  if (frame.empty() || frame[1] == channel) return;
  for (std::size_t at = 0; at < frame.size();) {
    frame[at + 1] = channel;
    at += 4 + static_cast<std::size_t>(frame[at + 2] << 8 | frame[at + 3]);
  }
}

std::string make_sdp(const Clip& clip, const std::string& name, const media::AudioFormatPtr& sound) {
  media::Offer offer;
  offer.name = name;
  offer.video = std::make_shared<const media::VideoFormat>(clip.format());
  offer.framerate = clip.fps();
  offer.audio = sound;
  return media::make_sdp(offer);
}

}  // namespace ccoc::simulator
