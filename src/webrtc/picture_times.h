// The times of live pictures as a viewer by WebRTC is given them.
#pragma once

#include <cstdint>
#include <optional>

#include "ccoc/media/access_unit.h"

namespace ccoc::webrtc {

/// One viewer's. The cached GOP, which is all older than his coming, is squeezed together: a player shows the last of it at once
/// instead of staying behind by its length. After that, times go on as the camera's do; over a gap, as the wall clock does.
class PictureTimes {
 public:
  /// `since`: when the viewer came, on the hub's clock.
  void begin(UtcTime since) {
    since_ = since;
    last_.reset();
  }
  /// 90 kHz, modulo 2^32, always after the one before.
  std::uint32_t of(const media::AccessUnit& unit);
  /// Where something else that was captured then lies among them. Nothing before the first picture, and far from the last.
  std::optional<std::uint32_t> at(UtcTime capture_time) const;

 private:
  struct Last {
    std::int64_t media_time = 0;
    UtcTime capture_time;
  };
  UtcTime since_;
  std::optional<Last> last_;
  std::uint32_t time_ = 0;
};

}  // namespace ccoc::webrtc
