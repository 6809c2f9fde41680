// Start codes (ITU-T H.264 Annex B).
#pragma once

#include "ccoc/base/bytes.h"

namespace ccoc::media {

/// Where the next 00 00 01 at or after `from` begins; the size of the bytes when there is none.
std::size_t find_start_code(ByteView bytes, std::size_t from);

}  // namespace ccoc::media
