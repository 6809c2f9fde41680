// A camera of an ApiWorld that sends in real time.
#pragma once

#include <atomic>
#include <thread>

#include "support/api_world.h"
#include "support/process.h"
#include "unit/media/streams.h"

namespace ccoc::test {

/// tests/data/clips/pattern.h265 as an endless loop.
inline const PictureLoop& pattern_h265() {
  static const PictureLoop loop = [] {
    const auto clip = media::test::load_clip(media::Codec::h265);
    PictureLoop made{clip.format, {}};
    for (const auto& nals : clip.pictures) {
      const bool key = std::ranges::any_of(nals, [](const Bytes& nal) { return media::is_random_access(media::Codec::h265, nal); });
      made.pictures.push_back({std::make_shared<const Bytes>(media::test::join(nals)), key});
    }
    return made;
  }();
  return loop;
}

/// Without the frames in which an encoder swings in and out: they are no tone, and a loop would play them at each joint.
inline std::vector<SharedBytes> steady_part_of(const std::vector<SharedBytes>& frames) {
  EXPECT_GT(frames.size(), 40u);
  return {frames.begin() + 2, frames.end() - 2};
}

/// Frames of a tone of 440 Hz: AAC-LC, 16 kHz, one channel, 1024 samples each; made with ffmpeg.
inline const std::vector<SharedBytes>& aac_tone() {
  static const auto frames = [] {
    std::string adts;
    Process({"ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=440:sample_rate=16000:duration=4", "-c:a", "aac", "-f", "adts", "-"})
        .wait(&adts);
    std::vector<SharedBytes> out;
    for (std::size_t at = 0; at + 7 <= adts.size();) {  // ISO/IEC 14496-3 §1.A.2.2.1
      const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(adts[at + i])); };
      const auto size = (byte(3) & 3) << 11 | byte(4) << 3 | byte(5) >> 5;
      if (size < 7 || at + size > adts.size()) break;
      out.push_back(std::make_shared<const Bytes>(adts.begin() + static_cast<std::ptrdiff_t>(at + 7),
                                                  adts.begin() + static_cast<std::ptrdiff_t>(at + size)));
      at += size;
    }
    return steady_part_of(out);
  }();
  return frames;
}

/// The same tone in G.711 A-law: 8 kHz, 320 samples a piece.
inline const std::vector<SharedBytes>& a_law_tone() {
  static const auto pieces = [] {
    std::string all;
    Process({"ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=440:sample_rate=8000:duration=4", "-f", "alaw", "-"}).wait(&all);
    std::vector<SharedBytes> out;
    for (auto rest = as_bytes(all); rest.size() >= 320; rest = rest.subspan(320))
      out.push_back(std::make_shared<const Bytes>(rest.begin(), rest.begin() + 320));
    EXPECT_GT(out.size(), 40u);
    return out;
  }();
  return pieces;
}

/// The same tone in Opus: packets of 20 ms, one channel.
inline const std::vector<SharedBytes>& opus_tone() {
  static const auto packets = [] {
    std::string ogg;
    Process({"ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=440:sample_rate=48000:duration=4", "-c:a", "libopus", "-f", "ogg", "-"})
        .wait(&ogg);
    std::vector<SharedBytes> out;
    Bytes packet;
    for (auto rest = as_bytes(ogg); rest.size() > 27;) {  // a page (RFC 3533 §6)
      const auto lengths = rest.subspan(27, rest[26]);
      rest = rest.subspan(27 + lengths.size());
      for (const auto length : lengths) {
        packet.insert(packet.end(), rest.begin(), rest.begin() + length);
        rest = rest.subspan(length);
        if (length < 255) out.push_back(std::make_shared<const Bytes>(std::exchange(packet, {})));
      }
    }
    out.erase(out.begin(), out.begin() + 2);  // two headers (RFC 7845 §5)
    return steady_part_of(out);
  }();
  return packets;
}

/// A microphone on the clock of a camera.
class Microphone {
 public:
  /// `broken`: AAC whose description cannot be right.
  enum class Kind { none, g711, aac, opus, broken };
  Microphone(Kind kind, UtcTime start) : kind_(kind), start_(start) {
    media::AudioFormat format;
    if (kind == Kind::aac)
      format = {media::AudioCodec::aac, 16000, 1, {0x14, 0x08}, "mp4a.40.2"};
    else if (kind == Kind::broken)
      format = {media::AudioCodec::aac, 16000, 1, {0xff, 0xff, 0xff, 0xff}, "mp4a.40.2"};
    else if (kind == Kind::opus)
      format = {media::AudioCodec::opus, 48000, 1, {}, "opus"};
    else
      format = {media::AudioCodec::pcma, 8000, 1, {}, "alaw"};
    format_ = std::make_shared<const media::AudioFormat>(std::move(format));
  }
  /// The next piece that is over by then; null when it lasts longer.
  media::AudioUnitPtr next(UtcTime until) {
    const bool aac = kind_ == Kind::aac || kind_ == Kind::broken;
    const std::int64_t ticks = aac ? 5760 : kind_ == Kind::opus ? 1800 : 3600;
    const auto end = start_ + from_ticks((number_ + 1) * ticks, video_timescale);
    if (kind_ == Kind::none || end > until) return nullptr;
    const auto& tone = aac ? aac_tone() : kind_ == Kind::opus ? opus_tone() : a_law_tone();
    auto unit = std::make_shared<media::AudioUnit>();
    unit->format = format_;
    unit->data = tone[static_cast<std::size_t>(number_) % tone.size()];
    unit->media_time = number_ * ticks;
    unit->duration = ticks;
    unit->capture_time = start_ + from_ticks(number_ * ticks, video_timescale);
    ++number_;
    return unit;
  }

 private:
  const Kind kind_;
  const UtcTime start_;
  media::AudioFormatPtr format_;
  std::int64_t number_ = 0;
};

/// Sends from a thread of its own while it lives, 25 pictures a second.
class LiveCamera {
 public:
  LiveCamera(ApiWorld& world, const std::string& id, Microphone::Kind sound = Microphone::Kind::none,
             const PictureLoop& pictures = street())
      : world_(world), channel_(world.open_channel(id)), id_(id), pictures_(pictures), thread_([this, sound] { run(sound); }) {}
  ~LiveCamera() {
    stopping_ = true;
    thread_.join();
    world_.live.remove(id_, "main");
  }

 private:
  void run(Microphone::Kind sound) {
    const auto start = world_.clock.utc_now();
    Microphone microphone(sound, start);
    auto due = std::chrono::steady_clock::now();
    for (std::int64_t n = 0; !stopping_; ++n) {
      const auto& picture = pictures_.pictures[static_cast<std::size_t>(n) % pictures_.pictures.size()];
      auto unit = std::make_shared<media::AccessUnit>();
      unit->format = pictures_.format;
      unit->data = picture.data;
      unit->key = picture.key;
      unit->media_time = n * 3600;
      unit->capture_time = start + milliseconds{40 * n};
      unit->discontinuity = n == 0;
      world_.feed(channel_, unit);
      while (auto piece = microphone.next(unit->capture_time)) {
        world_.media_reactor.post([channel = channel_, piece] { channel->on_audio(piece); });
      }
      std::this_thread::sleep_until(due += milliseconds{40});
    }
  }

  ApiWorld& world_;
  std::shared_ptr<live::Channel> channel_;
  const std::string id_;
  const PictureLoop& pictures_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace ccoc::test
