// Recorded footage as HLS (RFC 8216) for players that know nothing else: a playlist's plan, and the pieces it names, made
// from the files without re-encoding. Blocking (disk, index); any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ccoc/archive/catalog.h"
#include "ccoc/base/result.h"

namespace ccoc::playback {

/// Begins with a key frame; some fragments of one file in one format.
struct HlsSegment {
  UtcTime start;
  Duration length{0};
  unsigned fragments = 0;
  bool discontinuity = false;  ///< before it something is missing, or the format changes
  bool new_init = false;       ///< another initialization segment holds from here on
};

struct HlsPlan {
  std::vector<HlsSegment> segments;  ///< never empty
  Duration longest{0};               ///< of them
  UtcTime end;                       ///< of the last
  std::vector<archive::Span> spans;  ///< what is footage of it, as VirtualFile::spans()
};

/// From the key frame at or before `from` to the last whole fragment that begins before `to`. Segments are 4 s or the next
/// key frame after that; 10 s in ranges of more than an hour. Errors as export_range; `unsupported` for Motion JPEG, which
/// HLS does not carry.
Result<HlsPlan> plan_hls(archive::Catalog& catalog, const archive::StreamKey& key, UtcTime from, UtcTime to);

/// The initialization segment of the footage at `start`, which is that of a planned segment. `not_found` when retention took it.
Result<Bytes> hls_init(archive::Catalog& catalog, const archive::StreamKey& key, UtcTime start);

/// The bytes of a planned segment (with `start` and `fragments` of it). Media time is wall-clock time since `origin`, the start of the
/// first segment. AAC and Opus are in it; G.711 is left out, because HLS does not carry it. `not_found` when it ends before `not_before`.
Result<Bytes> hls_segment(archive::Catalog& catalog, const archive::StreamKey& key, UtcTime start, unsigned fragments, UtcTime origin,
                          UtcTime not_before);

}  // namespace ccoc::playback
