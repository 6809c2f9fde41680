// The worker's answers, read by the hub. A worker that was taken over by a hostile picture may say anything: every length is
// checked, and nothing here trusts what it reads.
#pragma once

#include <vector>

#include "ccoc/base/bytes.h"
#include "ccoc/base/result.h"
#include "ccoc/media/access_unit.h"
#include "ccoc/vision/snapshot.h"
#include "wire.h"

namespace ccoc::vision {

std::uint8_t wire_codec(media::Codec codec);

/// What stands behind the kind, when it is the wanted one; `corrupt` with the worker's sentence when it is an error,
/// `unavailable` for anything else.
Result<Bytes> body_of(Bytes answer, AnswerKind wanted);

/// `unavailable` when it is no look.
Result<Look> parse_look(ByteView body);

struct CodedUnit {
  std::int64_t id = 0;
  bool key = false;
  ByteView annexb;  ///< into the body
};
/// `unavailable` when lengths do not add up.
Result<std::vector<CodedUnit>> parse_units(ByteView body);

/// An access unit of H.264 from Annex B: NAL units behind lengths. `format` is replaced where the unit carries other
/// parameter sets. `corrupt` when there is no picture in it, or no parameter sets came before it.
Result<SharedBytes> take_h264(ByteView annexb, media::VideoFormatPtr& format);

}  // namespace ccoc::vision
