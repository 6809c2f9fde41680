// One key frame in, one JPEG out: libavcodec and libswscale, one thread, a fresh decoder each time.
#pragma once

#include "ccoc/base/bytes.h"
#include "ccoc/base/result.h"
#include "wire.h"

namespace ccoc::vision {

/// `corrupt` when the bytes cannot be decoded, `limit_exceeded` when the picture is too large.
Result<Bytes> make_jpeg(const RequestHead& request, ByteView annexb);

}  // namespace ccoc::vision
