// A few seconds of coded video, packetized once: each frame's RTP packets lie behind each other with their
// interleaved framing (RFC 2326 §10.12), ready to be patched in place and sent with one call.
#pragma once

#include <memory>
#include <string>

#include "ccoc/base/result.h"
#include "ccoc/media/access_unit.h"
#include "ccoc/simulator/stamp.h"

namespace ccoc::simulator {

/// Belongs to one Farm, whose thread patches it before each send; any number of that farm's cameras may play it.
class Clip {
 public:
  /// Annex B of whole access units. Starts at the first key frame with parameter sets. `fps` 0: what the stream says,
  /// else 25. B-frames are not supported: pictures are timed in the order they stand. `corrupt` when nothing plays.
  static Result<std::shared_ptr<Clip>> from_annexb(media::Codec codec, ByteView annexb, double fps);
  /// A .h264/.264/.avc or .h265/.265/.hevc file.
  static Result<std::shared_ptr<Clip>> load(const std::string& path, double fps);

  struct Frame {
    std::size_t offset = 0;  ///< in bytes()
    std::size_t size = 0;
    unsigned packets = 0;
    std::size_t stamp = 0;  ///< of the stamp's text, in bytes()
    bool key = false;
  };
  const std::vector<Frame>& frames() const { return frames_; }
  const media::VideoFormat& format() const { return format_; }
  double fps() const { return fps_; }

  struct Patch {
    std::uint16_t first_sequence = 0;
    std::uint32_t timestamp = 0;
    std::uint32_t ssrc = 0;
    Stamp stamp;
  };
  /// The frame's bytes with everything patched in; valid until the next call for the same frame.
  std::span<std::uint8_t> prepare(const Frame& frame, const Patch& patch);
  /// Sets the channel in the framing of every packet, if it is another one.
  static void set_channel(std::span<std::uint8_t> frame, std::uint8_t channel);

 private:
  media::VideoFormat format_;
  double fps_ = 25;
  Bytes bytes_;
  std::vector<Frame> frames_;
};
using ClipPtr = std::shared_ptr<Clip>;

/// The session description a camera with this clip answers; `sound` may be null.
std::string make_sdp(const Clip& clip, const std::string& name, const media::AudioFormatPtr& sound = nullptr);

}  // namespace ccoc::simulator
