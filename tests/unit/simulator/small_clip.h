// A two-second H.264 or H.265 clip of 320×180 at 25 fps with a key frame each second, made once by ffmpeg.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "ccoc/simulator/clip.h"

namespace ccoc::simulator::testing {

inline constexpr std::size_t small_clip_frames = 50;

/// Path of the file; empty (and a failed test) when ffmpeg could not make it.
inline std::string small_clip_file(media::Codec codec = media::Codec::h264) {
  const bool h264 = codec == media::Codec::h264;
  const auto path = std::filesystem::path(CCOC_BINARY_DIR) / (h264 ? "small_clip.h264" : "small_clip.h265");
  if (std::filesystem::exists(path)) return path.string();
  const std::string part = path.string() + ".part" + std::to_string(::getpid());
  const std::string encoder = h264 ? "libx264 -preset ultrafast -bf 0 -g 25 -sc_threshold 0"
                                   : "libx265 -preset ultrafast -x265-params bframes=0:keyint=25:scenecut=0:repeat-headers=1:log-level=0";
  const std::string command =
      "ffmpeg -nostdin -loglevel error -y -f lavfi -i testsrc2=size=320x180:rate=25 -frames:v 50 "
      "-pix_fmt yuv420p -b:v 800k -c:v " +
      encoder + " -f " + (h264 ? "h264" : "hevc") + " '" + part + "'";
  const bool made = std::system(command.c_str()) == 0;
  EXPECT_TRUE(made) << "ffmpeg with libx264 and libx265 is needed: apt-get install ffmpeg";
  if (!made) return {};
  std::filesystem::rename(part, path);
  return path.string();
}

inline ClipPtr small_clip(media::Codec codec = media::Codec::h264) {
  auto clip = Clip::load(small_clip_file(codec), 25);
  EXPECT_TRUE(clip) << clip.error().message;
  return clip ? *clip : nullptr;
}

}  // namespace ccoc::simulator::testing
