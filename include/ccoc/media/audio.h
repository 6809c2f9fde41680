// What a sound's own description says.
#pragma once

#include "ccoc/base/result.h"
#include "ccoc/media/access_unit.h"

namespace ccoc::media {

/// Of an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1); `corrupt` when it cannot be read.
Result<AudioFormat> make_aac_format(ByteView config);

}  // namespace ccoc::media
