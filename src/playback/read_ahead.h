// The blocking half of a player: what its jobs do with the cursor on a pool thread.
#pragma once

#include <optional>
#include <vector>

#include "ccoc/playback/cursor.h"

namespace ccoc::playback {

enum class Mode {
  frames,  ///< every frame, forwards
  keys,    ///< key frames, forwards
  keys_backwards,
};
Mode mode_of(double speed);

struct Batch {
  std::vector<Step> steps;                 ///< after anything but a picture, nothing follows
  std::vector<media::AudioUnitPtr> sound;  ///< around these pictures
  std::optional<Error> error;
};

/// Seeks first, when told to, then reads up to about `max_bytes`.
Batch read_batch(Cursor& cursor, Mode mode, std::optional<UtcTime> seek_to, std::size_t max_bytes);

/// Capture time of the frame `frames` before the one at `current`, or of the first there is; empty when nothing
/// is older. The cursor stands anywhere afterwards.
Result<std::optional<UtcTime>> find_frame_before(Cursor& cursor, UtcTime current, int frames);

}  // namespace ccoc::playback
