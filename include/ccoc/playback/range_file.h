// The footage of a time range as one MP4 that exists nowhere: pieces of memory and of files, size known
// at once, readable at any offset. Serves recording.mp4 with Range.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ccoc/archive/catalog.h"
#include "ccoc/base/result.h"

namespace ccoc::playback {

/// Thread-safe. Blocking (disk).
class VirtualFile {
 public:
  virtual ~VirtualFile() = default;
  virtual std::uint64_t size() const = 0;
  /// Fills `into` from `offset`; fewer bytes only at the end. `not_found` when retention took a file meanwhile.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) = 0;
  /// The time it really covers: from its first key frame to the end of its last fragment.
  virtual archive::Span covers() const = 0;
  /// What of that is footage: in order, never empty, a hole of more than half a second between two.
  virtual const std::vector<archive::Span>& spans() const = 0;
  /// Changes when the bytes do; for ETag (without quotes).
  virtual std::string tag() const = 0;
};

/// A shorter hole between two pieces of footage is none: the pause between two pictures, or two files.
inline constexpr Duration tolerated_hole = std::chrono::milliseconds{500};
/// Adds footage behind what is there: to the last span, or as a new one where there is a hole between.
void add_footage(std::vector<archive::Span>& spans, archive::Span more);

inline constexpr Duration longest_range = std::chrono::hours{24};

/// One fragmented MP4: from the key frame at or before `from` to the last whole fragment that begins
/// before `to`. Media time is wall-clock time since `covers().from`: gaps keep their length. The same bytes for
/// the same range of finished footage. `not_found` when nothing was recorded, `invalid_argument` (field "to")
/// when the range is empty or longer than a day.
Result<std::unique_ptr<VirtualFile>> export_range(archive::Catalog& catalog, const archive::StreamKey& key, UtcTime from, UtcTime to);

}  // namespace ccoc::playback
