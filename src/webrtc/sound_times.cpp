#include "sound_times.h"

#include <utility>

namespace ccoc::webrtc {
namespace {

constexpr std::int32_t tolerance = 90 * 60;  ///< 60 ms: nobody sees it on lips, and no camera's clock jitters more for long
constexpr std::int32_t a_leap = 90'000 * 5;  ///< the pictures' own times were based anew

}  // namespace

std::optional<SoundTime> SoundTimes::of(const media::AudioUnit& unit, std::uint32_t due) {
  const auto ahead = next_ ? static_cast<std::int32_t>(*next_ - due) : 0;
  const bool late = ahead < -tolerance || (unit.discontinuity && ahead < 0);
  const bool anew = !next_ || late || ahead > a_leap;
  hole_ = hole_ || anew || unit.discontinuity;
  if (!anew && ahead > tolerance) {
    hole_ = true;
    return std::nullopt;
  }
  const SoundTime out{anew ? due : *next_, std::exchange(hole_, false)};
  next_ = out.time + static_cast<std::uint32_t>(unit.duration);
  return out;
}

}  // namespace ccoc::webrtc
