// One key frame in, its brightness out: of the whole picture, and of each cell of a grid over it.
#pragma once

#include "ccoc/base/bytes.h"
#include "ccoc/base/result.h"
#include "wire.h"

namespace ccoc::vision {

/// LookHead and the cells. `corrupt` when the bytes cannot be decoded.
Result<Bytes> look_at(const RequestHead& request, ByteView annexb);

}  // namespace ccoc::vision
