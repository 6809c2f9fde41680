// Frames of sound from RTP: AAC (RFC 3640, RFC 6416), G.711 (RFC 3551 §4.5.14), Opus (RFC 7587).
#include <algorithm>
#include <charconv>

#include "audio_config.h"
#include "big_endian.h"
#include "bit_reader.h"
#include "ccoc/media/depacketizer.h"

namespace ccoc::media {
namespace {

constexpr std::size_t max_frame = 64 * 1024;
constexpr std::size_t max_frames_in_packet = 64;

/// What all formats share: the sink, the counts, whether something is missing.
class AudioDepacketizer : public Depacketizer {
 public:
  AudioDepacketizer(AudioFormat format, std::uint32_t clock_rate, AudioSink sink)
      : format_(std::make_shared<const AudioFormat>(std::move(format))), clock_rate_(clock_rate), sink_(std::move(sink)) {}

  void push(const RtpPacket& packet) final {
    if (!packet.payload.empty()) read(packet);
  }
  void lost(unsigned count) final {
    if (count == 0) return;
    after_loss_ = true;
    drop_partial();
  }
  void flush() final {}
  const DepacketizerCounts& counts() const final { return counts_; }

 protected:
  virtual void read(const RtpPacket& packet) = 0;
  /// Forgets the beginning of a frame whose rest will not come.
  virtual void drop_partial() {}

  void deliver(ByteView frame, std::uint32_t timestamp, std::uint32_t duration) {
    if (frame.empty() || frame.size() > max_frame || duration == 0) return bad();
    ++counts_.units;
    RawAudio out;
    out.format = format_;
    out.data = std::make_shared<const Bytes>(frame.begin(), frame.end());
    out.rtp_timestamp = timestamp;
    out.clock_rate = clock_rate_;
    out.duration = duration;
    out.after_loss = std::exchange(after_loss_, false);
    sink_(std::move(out));
  }
  void bad() {
    ++counts_.bad_packets;
    after_loss_ = true;
  }
  const AudioFormat& format() const { return *format_; }
  std::uint32_t clock_rate() const { return clock_rate_; }

 private:
  const AudioFormatPtr format_;
  const std::uint32_t clock_rate_;
  AudioSink sink_;
  DepacketizerCounts counts_;
  bool after_loss_ = false;
};

/// G.711: the payload is the sound, one byte a sample.
class PlainDepacketizer final : public AudioDepacketizer {
 public:
  using AudioDepacketizer::AudioDepacketizer;

 private:
  void read(const RtpPacket& packet) override {
    deliver(packet.payload, packet.timestamp, static_cast<std::uint32_t>(packet.payload.size() / format().channels));
  }
};

/// How long an Opus packet lasts, in samples of 48 kHz (RFC 6716 §3.1); 0 when it cannot be.
std::uint32_t opus_duration(ByteView packet) {
  static constexpr std::uint32_t silk[] = {480, 960, 1920, 2880}, hybrid[] = {480, 960}, celt[] = {120, 240, 480, 960};
  const unsigned config = packet[0] >> 3;
  const auto frame = config < 12 ? silk[config % 4] : config < 16 ? hybrid[config % 2] : celt[config % 4];
  std::uint32_t frames = (packet[0] & 3) == 0 ? 1 : 2;
  if ((packet[0] & 3) == 3) frames = packet.size() < 2 ? 0 : packet[1] & 63;
  constexpr std::uint32_t longest = 5760;
  return frame * frames <= longest ? frame * frames : 0;
}

class OpusDepacketizer final : public AudioDepacketizer {
 public:
  using AudioDepacketizer::AudioDepacketizer;

 private:
  void read(const RtpPacket& packet) override { deliver(packet.payload, packet.timestamp, opus_duration(packet.payload)); }
};

/// AAC keeps the beginning of a frame that goes on in the next packet.
class AacDepacketizer : public AudioDepacketizer {
 public:
  AacDepacketizer(const AacConfig& config, std::uint32_t clock_rate, AudioSink sink)
      : AudioDepacketizer(config.format, clock_rate, std::move(sink)),
        // The clock ticks as the decoder's output does, or as its core does.
        frame_ticks_(static_cast<std::uint32_t>(std::uint64_t{config.frame_samples} * clock_rate / config.core_rate)) {}

 protected:
  void drop_partial() override { partial_.clear(); }
  std::uint32_t frame_ticks() const { return frame_ticks_; }

  Bytes partial_;
  std::uint32_t partial_timestamp_ = 0;

 private:
  const std::uint32_t frame_ticks_;
};

/// RFC 3640 §3.2: a table of sizes, then the frames; or one piece of a frame.
class GenericAacDepacketizer final : public AacDepacketizer {
 public:
  struct Layout {
    unsigned size_bits = 13, index_bits = 3, index_delta_bits = 3;
  };
  GenericAacDepacketizer(const AacConfig& config, std::uint32_t clock_rate, Layout layout, AudioSink sink)
      : AacDepacketizer(config, clock_rate, std::move(sink)), layout_(layout) {}

 private:
  void read(const RtpPacket& packet) override {
    const auto payload = packet.payload;
    if (payload.size() < 2) return bad();
    const std::size_t header_bits = get_u16(payload, 0), header_bytes = (header_bits + 7) / 8;
    if (header_bytes > payload.size() - 2) return bad();
    const auto sizes = read_sizes(payload.subspan(2, header_bytes), header_bits);
    auto rest = payload.subspan(2 + header_bytes);
    if (sizes.empty()) return bad();
    if (sizes.size() == 1 && (sizes[0] > rest.size() || !partial_.empty())) return add_piece(packet, rest, sizes[0]);
    partial_.clear();
    auto timestamp = packet.timestamp;
    for (const auto size : sizes) {
      if (size > rest.size()) return bad();
      deliver(rest.first(size), timestamp, frame_ticks());
      rest = rest.subspan(size);
      timestamp += frame_ticks();
    }
  }

  std::vector<std::size_t> read_sizes(ByteView header, std::size_t header_bits) const {
    BitReader bits(header, false);
    std::vector<std::size_t> sizes;
    while (sizes.size() < max_frames_in_packet) {
      const auto index = sizes.empty() ? layout_.index_bits : layout_.index_delta_bits;
      if (bits.position() + layout_.size_bits + index > header_bits) break;
      sizes.push_back(bits.bits(layout_.size_bits));
      bits.skip(index);
    }
    return sizes;
  }

  void add_piece(const RtpPacket& packet, ByteView piece, std::size_t whole) {
    if (packet.timestamp != partial_timestamp_) partial_.clear();
    partial_timestamp_ = packet.timestamp;
    put_bytes(partial_, piece);
    if (partial_.size() < whole && !packet.marker) return;
    const auto frame = std::exchange(partial_, {});
    if (frame.size() != whole) return bad();
    deliver(frame, packet.timestamp, frame_ticks());
  }

  const Layout layout_;
};

/// RFC 6416 §6.1 without configuration in-band: each frame behind its length; the marker ends the element.
class LatmDepacketizer final : public AacDepacketizer {
 public:
  LatmDepacketizer(const AacConfig& config, std::uint32_t clock_rate, AudioSink sink)
      : AacDepacketizer(config, clock_rate, std::move(sink)), subframes_(config.subframes) {}

 private:
  void read(const RtpPacket& packet) override {
    if (packet.timestamp != partial_timestamp_) partial_.clear();
    partial_timestamp_ = packet.timestamp;
    if (partial_.size() + packet.payload.size() > max_frame) {
      partial_.clear();
      return bad();
    }
    put_bytes(partial_, packet.payload);
    if (!packet.marker && !is_whole()) return;
    const auto element = std::exchange(partial_, {});
    ByteView rest(element);
    auto timestamp = packet.timestamp;
    while (!rest.empty()) {
      const auto size = take_length(rest);
      if (!size || *size > rest.size()) return bad();
      deliver(rest.first(*size), timestamp, frame_ticks());
      rest = rest.subspan(*size);
      timestamp += frame_ticks();
    }
  }

  /// PayloadLengthInfo (ISO/IEC 14496-3 §1.7.3.1): bytes added up, the first below 255 is the last.
  static std::optional<std::size_t> take_length(ByteView& bytes) {
    std::size_t size = 0;
    while (!bytes.empty()) {
      const auto byte = bytes[0];
      bytes = bytes.subspan(1);
      size += byte;
      if (byte < 255) return size;
    }
    return std::nullopt;
  }

  /// Some never set the marker: so many frames as were announced make an element.
  bool is_whole() const {
    ByteView rest(partial_);
    for (unsigned i = 0; i < subframes_; ++i) {
      const auto size = take_length(rest);
      if (!size || *size > rest.size()) return false;
      rest = rest.subspan(*size);
    }
    return rest.empty();
  }

  const unsigned subframes_;
};

std::optional<Bytes> decode_hex(std::string_view text) {
  if (text.empty() || text.size() % 2 != 0 || text.size() > 512) return std::nullopt;
  Bytes out(text.size() / 2);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto pair = text.substr(2 * i, 2);
    const auto [end, error] = std::from_chars(pair.data(), pair.data() + 2, out[i], 16);
    if (error != std::errc{} || end != pair.data() + 2) return std::nullopt;
  }
  return out;
}

/// A number of a fmtp parameter; `otherwise` when it is not there.
unsigned parameter(const SdpMedia& media, std::string_view key, unsigned otherwise) {
  const auto text = media.fmtp_value(key);
  unsigned value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Result<std::unique_ptr<Depacketizer>> make_generic_aac(const SdpMedia& media, AudioSink sink) {
  const auto described = decode_hex(media.fmtp_value("config"));
  const auto config = described ? parse_audio_specific_config(*described) : assume_aac(media.clock_rate, media.channels);
  if (!config) return std::unexpected(config.error());
  std::string mode(media.fmtp_value("mode"));
  std::ranges::transform(mode, mode.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const bool low = mode == "aac-lbr";
  GenericAacDepacketizer::Layout layout;
  layout.size_bits = parameter(media, "sizelength", low ? 6 : 13);
  layout.index_bits = parameter(media, "indexlength", low ? 2 : 3);
  layout.index_delta_bits = parameter(media, "indexdeltalength", low ? 2 : 3);
  const bool more = parameter(media, "ctsdeltalength", 0) + parameter(media, "dtsdeltalength", 0) +
                        parameter(media, "randomaccessindication", 0) + parameter(media, "streamstateindication", 0) +
                        parameter(media, "auxiliarydatasizelength", 0) >
                    0;
  if (more || layout.size_bits == 0 || layout.size_bits > 16 || layout.index_bits > 16 || layout.index_delta_bits > 16)
    return fail(ErrorCode::unsupported, "AAC in an arrangement that is not known (RFC 3640)");
  return std::make_unique<GenericAacDepacketizer>(*config, media.clock_rate, layout, std::move(sink));
}

Result<std::unique_ptr<Depacketizer>> make_latm(const SdpMedia& media, AudioSink sink) {
  const auto described = decode_hex(media.fmtp_value("config"));
  if (!described || parameter(media, "cpresent", 1) != 0) return fail(ErrorCode::unsupported, "AAC (LATM) that describes itself in-band");
  const auto config = parse_stream_mux_config(*described);
  if (!config) return std::unexpected(config.error());
  return std::make_unique<LatmDepacketizer>(*config, media.clock_rate, std::move(sink));
}

AudioFormat plain_format(AudioCodec codec, const char* name, const SdpMedia& media) {
  AudioFormat format;
  format.codec = codec;
  format.sample_rate = media.clock_rate;
  format.channels = static_cast<unsigned>(std::clamp(media.channels, 1, 2));
  format.codec_string = name;
  return format;
}

}  // namespace

std::string_view to_string(AudioCodec codec) {
  switch (codec) {
    case AudioCodec::aac: return "aac";
    case AudioCodec::pcmu: return "pcmu";
    case AudioCodec::pcma: return "pcma";
    case AudioCodec::opus: return "opus";
  }
  return "aac";
}

Result<std::unique_ptr<Depacketizer>> make_audio_depacketizer(const SdpMedia& media, AudioSink sink) {
  constexpr std::uint32_t highest_rate = 192'000;
  if (media.clock_rate == 0 || media.clock_rate > highest_rate) return fail(ErrorCode::unsupported, "sound at an impossible rate");
  if (media.encoding == "MPEG4-GENERIC") return make_generic_aac(media, std::move(sink));
  if (media.encoding == "MP4A-LATM") return make_latm(media, std::move(sink));
  if (media.encoding == "PCMU" || media.encoding == "PCMA") {
    const bool mu = media.encoding == "PCMU";
    auto format = plain_format(mu ? AudioCodec::pcmu : AudioCodec::pcma, mu ? "ulaw" : "alaw", media);
    return std::make_unique<PlainDepacketizer>(std::move(format), media.clock_rate, std::move(sink));
  }
  if (media.encoding == "OPUS") {
    // The SDP always says 48000/2 (RFC 7587 §7); whether it is stereo, the sender may tell.
    auto format = plain_format(AudioCodec::opus, "opus", media);
    format.sample_rate = 48'000;
    format.channels = parameter(media, "sprop-stereo", 0) == 1 ? 2 : 1;
    return std::make_unique<OpusDepacketizer>(std::move(format), 48'000, std::move(sink));
  }
  return fail(ErrorCode::unsupported, "the sound '" + media.encoding.substr(0, 40) + "' is not known");
}

}  // namespace ccoc::media
