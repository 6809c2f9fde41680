// What hub and worker say to each other: a length of 4 bytes in host order (same machine), then so many bytes.
// Request: RequestHead, Annex B of one access unit. Answer: AnswerKind in 1 byte, then what it names.
// The hub believes nothing of it: lengths and sizes are checked (answers.h), contents are only shown or compared.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ccoc::vision {

enum class Task : std::uint8_t {
  jpeg = 0,       ///< decode a key frame alone, answer a JPEG
  look = 1,       ///< decode a key frame alone, answer brightnesses
  transcode = 2,  ///< decode the next access unit of a stream, answer units of H.264; the process keeps its state
};

struct RequestHead {
  Task task = Task::jpeg;
  std::uint8_t codec = 0;    ///< 0 H.264, 1 H.265, 2 JPEG
  std::uint8_t quality = 0;  ///< jpeg: 1 to 100
  std::uint8_t flags = 0;    ///< transcode: TranscodeFlags
  std::uint16_t max_width = 0;
  std::uint16_t max_height = 0;
  std::int64_t id = 0;  ///< transcode: rising; comes back with the unit that it became
};
static_assert(sizeof(RequestHead) == 16);

namespace transcode_flags {
inline constexpr std::uint8_t key = 1;      ///< decoding can begin here
inline constexpr std::uint8_t restart = 2;  ///< forget what came before
inline constexpr std::uint8_t hidden = 4;   ///< decode only: it is needed by what follows
}  // namespace transcode_flags

enum class AnswerKind : std::uint8_t { jpeg = 0, error = 1, look = 2, units = 3 };

/// Answer to `look`, followed by look_columns × look_rows means of brightness, u16, 256ths.
struct LookHead {
  std::uint32_t width = 0;  ///< of the picture, pixels
  std::uint32_t height = 0;
  float mean = 0;       ///< brightness, 0 to 255 in full range
  float deviation = 0;  ///< standard deviation of it, over pixels
};
static_assert(sizeof(LookHead) == 16);
inline constexpr std::size_t look_columns = 64, look_rows = 36;
inline constexpr std::size_t look_cells = look_columns * look_rows;

/// Answer to `transcode`: any number of these, each followed by `size` bytes of Annex B.
struct UnitHead {
  std::int64_t id = 0;
  std::uint32_t size = 0;
  std::uint32_t key = 0;
};
static_assert(sizeof(UnitHead) == 16);

inline constexpr std::uint32_t max_message = 16 * 1024 * 1024;

}  // namespace ccoc::vision
