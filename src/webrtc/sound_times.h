// The times of live sound as a viewer by WebRTC is given them: beside those of his pictures.
#pragma once

#include <cstdint>
#include <optional>

#include "ccoc/media/access_unit.h"

namespace ccoc::webrtc {

struct SoundTime {
  std::uint32_t time = 0;     ///< 90 kHz, modulo 2^32, as the pictures'
  bool after_a_hole = false;  ///< something before it is missing
};

/// One viewer's. Each piece begins where the one before ended, for a step of a few samples is heard as a click, as long as that is
/// near where its capture time lies among the pictures; where it is too late there, it leaps ahead, and where it is too early,
/// pieces are left out. It never runs backwards, but for a leap of seconds.
class SoundTimes {
 public:
  /// `due`: where its capture time lies among the pictures (PictureTimes::at). Nothing: it is left out.
  std::optional<SoundTime> of(const media::AudioUnit& unit, std::uint32_t due);

 private:
  std::optional<std::uint32_t> next_;
  bool hole_ = false;  ///< before the next that is given a time
};

}  // namespace ccoc::webrtc
