// How much moves in footage, told from the sizes of its frames alone: nothing is decoded. A camera with a constant bitrate
// sends as many bytes of a still street as of a busy one, but spends them otherwise: what does not move costs key frames
// only, what moves costs the frames between, and a coarser quantiser. The measure is what the frames between cost against
// their key frame, each by its bytes and its quantiser (docs/decisions/0015-activity-from-frame-sizes.md). Pure functions; a file's levels
// follow from the file alone.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ccoc/archive/types.h"
#include "ccoc/media/mp4.h"

namespace ccoc::archive {

/// Steps of a level in one doubling of the ratio.
inline constexpr int activity_steps_per_octave = 28;

/// Levels of one file, a byte per second from its start: 0 where no frame tells anything, else 1…255, the logarithm of
/// what the second's frames cost, on average, against their key frame. Used by one thread at a time.
class ActivityMeter {
 public:
  /// The pictures of the file's next fragment; `decode_time` of the first in 90 kHz ticks since the file's start.
  void add(std::int64_t decode_time, std::span<const media::Sample> samples);
  Bytes levels() const;

 private:
  struct Second {
    double sum = 0;  ///< of sizes, each divided by that of its key frame
    std::uint32_t frames = 0;
  };
  std::vector<Second> seconds_;
  double key_size_ = 0;
  bool after_key_ = false;
};

/// The highest level of a file.
std::uint8_t activity_peak(ByteView levels);

/// Levels spread over the buckets of a timeline: each bucket has the highest that falls into it.
class ActivityBuckets {
 public:
  ActivityBuckets(UtcTime from, UtcTime to, std::size_t count) : from_(from), to_(to), peaks_(count) {}
  /// A level per second from `start` on.
  void add(UtcTime start, ByteView levels);
  /// One level for all buckets that a stretch reaches into; a bucket longer than it takes it where its middle lies.
  void add_range(UtcTime start, Duration length, std::uint8_t level);
  /// Such a level for each `step` from `start` on; cheap for many.
  void add_steps(UtcTime start, Duration step, ByteView levels);
  /// 0…1 per bucket: how far above the quiet level, which a tenth of the known buckets do not exceed; 0 also where nothing
  /// is known. 1 is the busiest bucket, or eight times the quiet level, or 1.4 times where nothing is busier than that.
  std::vector<double> relative() const;

 private:
  UtcTime from_, to_;
  std::vector<std::uint8_t> peaks_;
};

}  // namespace ccoc::archive
