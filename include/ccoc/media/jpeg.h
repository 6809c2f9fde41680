// What the hub must know of a JPEG file (ITU-T T.81) to treat Motion JPEG as video. Pure.
#pragma once

#include "ccoc/base/result.h"
#include "ccoc/media/access_unit.h"

namespace ccoc::media {

/// Size from the frame header (SOF, T.81 §B.2.2); codec_string "mp4v.6C". `corrupt` when there is none before the first scan
/// or the file does not begin with SOI.
Result<VideoFormat> parse_jpeg(ByteView file);

}  // namespace ccoc::media
