// NAL units behind lengths, as MP4 and FLV carry them; the hub wants 4 bytes of length.
#pragma once

#include <algorithm>

#include "ccoc/base/bytes.h"
#include "ccoc/media/access_unit.h"

namespace ccoc::ingest::bridge {

/// Bytes of each length by the configuration record (ISO/IEC 14496-15 §5.3.3.1.2, §8.3.3.1.2).
inline unsigned length_size(media::Codec codec, ByteView record) {
  const std::size_t at = codec == media::Codec::h264 ? 4 : 21;
  return record.size() > at ? (record[at] & 3u) + 1 : 4;
}

/// The same with lengths of 4 bytes; what is cut off stays so.
inline Bytes with_long_lengths(ByteView nals, unsigned length_size) {
  Bytes out;
  while (nals.size() >= length_size) {
    std::size_t size = 0;
    for (unsigned i = 0; i < length_size; ++i) size = size << 8 | nals[i];
    nals = nals.subspan(length_size);
    size = std::min(size, nals.size());
    for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<std::uint8_t>(size >> shift));
    out.insert(out.end(), nals.begin(), nals.begin() + static_cast<std::ptrdiff_t>(size));
    nals = nals.subspan(size);
  }
  return out;
}

}  // namespace ccoc::ingest::bridge
