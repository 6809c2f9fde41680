// What hub and worker say to each other: a length of 4 bytes in host order (same machine), then so many bytes.
// Request: RequestHead, Annex B of one access unit. Answer: AnswerKind in 1 byte, then JPEG or the error's sentence.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ccoc::vision {

struct RequestHead {
  std::uint8_t codec = 0;    ///< 0 H.264, 1 H.265, 2 JPEG
  std::uint8_t quality = 0;  ///< 1 to 100
  std::uint16_t max_width = 0;
};
static_assert(sizeof(RequestHead) == 4);

enum class AnswerKind : std::uint8_t { jpeg = 0, error = 1 };

inline constexpr std::uint32_t max_message = 16 * 1024 * 1024;

}  // namespace ccoc::vision
