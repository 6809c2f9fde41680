// The stamp the simulated cameras put into each access unit: an SEI message (user_data_unregistered, ITU-T H.264
// §D.2.7) with the send time, the camera and the frame number. Benchmarks and tests read it at the other end.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "ccoc/base/bytes.h"
#include "ccoc/base/time.h"
#include "ccoc/media/access_unit.h"

namespace ccoc::simulator {

struct Stamp {
  UtcTime sent;
  std::uint32_t camera = 0;  ///< from 1
  std::uint64_t frame = 0;   ///< from 0 at each start of the camera; one number per frame time, sent or not
  friend bool operator==(const Stamp&, const Stamp&) = default;
};

/// The first stamp in an access unit (length-prefixed, Annex B or RTP payload alike); hostile bytes are harmless.
std::optional<Stamp> find_stamp(ByteView access_unit);

/// Bytes of the stamp's text: fixed, so that it is patched in place.
inline constexpr std::size_t stamp_text_size = 40;
/// An SEI NAL unit with room for a stamp.
Bytes make_stamp_nal(media::Codec codec);
/// Where the text of the stamp starts in `bytes`; nothing when there is none.
std::optional<std::size_t> find_stamp_text(ByteView bytes);
/// Writes the text; hex digits only, so no start code can arise.
void write_stamp(std::span<std::uint8_t, stamp_text_size> text, const Stamp& stamp);

}  // namespace ccoc::simulator
