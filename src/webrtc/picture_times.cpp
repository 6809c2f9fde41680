#include "picture_times.h"

#include <algorithm>

namespace ccoc::webrtc {
namespace {

constexpr std::int64_t squeezed = 90;           ///< 1 ms
constexpr std::int64_t longest = 90'000 * 600;  ///< far below where times of 32 bits become ambiguous
constexpr Duration near = std::chrono::seconds{10};

}  // namespace

std::uint32_t PictureTimes::of(const media::AccessUnit& unit) {
  if (last_) {
    const bool cached = unit.capture_time < since_;
    const auto passed =
        unit.discontinuity ? to_ticks(unit.capture_time - last_->capture_time, video_timescale) : unit.media_time - last_->media_time;
    time_ += static_cast<std::uint32_t>(cached ? squeezed : std::clamp(passed, squeezed, longest));
  }
  last_ = Last{unit.media_time, unit.capture_time};
  return time_;
}

std::optional<std::uint32_t> PictureTimes::at(UtcTime capture_time) const {
  if (!last_ || std::chrono::abs(capture_time - last_->capture_time) > near) return std::nullopt;
  return time_ + static_cast<std::uint32_t>(to_ticks(capture_time - last_->capture_time, video_timescale));
}

}  // namespace ccoc::webrtc
