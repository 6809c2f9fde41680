// Makes the clips that simulated cameras play, once, with the ffmpeg program: real street footage in a few crops, with
// each camera's number and a frame counter drawn in. Main 1920×1080, 25 fps, 4 Mbit/s; sub 640×360, 15 fps, 300 kbit/s;
// key frames every 2 s; whole GOPs, so that the loop has no seam.
#pragma once

#include <functional>
#include <string>

#include "ccoc/simulator/farm.h"

namespace ccoc::simulator {

struct ClipRequest {
  unsigned cameras = 0;
  std::string folder;   ///< kept there; created if missing. Two processes may ask for the same: one makes, one waits
  std::string footage;  ///< a video file; empty: looked for (CCOC_FOOTAGE, then opencv-doc's vtest.avi), else drawn
  /// Cameras that have clips so far; called from a worker thread, one at a time.
  std::function<void(unsigned done, unsigned cameras)> progress;
  /// Asked now and then from worker threads; true ends it with `cancelled`. What is finished stays.
  std::function<bool()> cancelled;
};

/// The clips of cam01 … in the folder, loaded. Blocks for about half a second per camera that has none yet (two cores).
Result<std::vector<CameraMedia>> make_clips(const ClipRequest& request);

/// The footage a request without one would use; empty when it would be drawn.
std::string find_footage();

/// One video file as a clip: Annex B (.h264 .264 .avc .h265 .265 .hevc) directly, anything else through ffmpeg,
/// without re-encoding. `fps` 0: what the stream says.
Result<ClipPtr> load_clip(const std::string& path, double fps);

}  // namespace ccoc::simulator
