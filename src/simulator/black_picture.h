// A black picture of any size as coded video, made without an encoder: what a camera with a broken sensor sends.
#pragma once

#include "ccoc/base/bytes.h"

namespace ccoc::simulator {

/// H.264 (Constrained Baseline), Annex B: SPS, PPS and one IDR picture. Sides of 32 to 4096 pixels, both even.
Bytes black_picture(unsigned width, unsigned height);

}  // namespace ccoc::simulator
