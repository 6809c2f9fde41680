// A place in the footage of one stream, moved forwards frame by frame or key frame by key frame, or
// backwards by key frames; across files and gaps, up to the live edge. Blocking: use on a pool thread,
// one thread at a time.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <variant>

#include "ccoc/archive/catalog.h"
#include "ccoc/media/access_unit.h"

namespace ccoc::playback {

/// Footage is missing from `from` to `to`; playing goes on at `to`.
struct GapAhead {
  UtcTime from;
  UtcTime to;
  media::GapCause cause = media::GapCause::hub;
};
/// Everything written so far was given; more will come (ask again later) while `recording`.
struct AtLiveEdge {
  bool recording = false;
};
/// Backwards: nothing older.
struct AtBeginning {};
using Step = std::variant<media::AccessUnitPtr, GapAhead, AtLiveEdge, AtBeginning>;

class Cursor {
 public:
  /// `catalog` must outlive the cursor. `with_sound`: next() collects it for take_sound().
  Cursor(archive::Catalog& catalog, archive::StreamKey key, bool with_sound = false);
  ~Cursor();
  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor&&) noexcept;

  /// To the key frame at or before `at`; in a gap, to the first after it; after all footage, to the live
  /// edge. `not_found` when the stream has no footage at all.
  Status seek(UtcTime at);

  /// The next access unit (marked `discontinuity` after a seek, a gap and at a new run).
  Result<Step> next();
  /// The sound that was recorded with what next() gave, and up to some seconds more; each only once.
  std::vector<media::AudioUnitPtr> take_sound();
  /// The next key frame, skipping what lies between.
  Result<Step> next_key();
  /// The key frame before the one given last.
  Result<Step> previous_key();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Where a key frame stands in a file; nothing of the picture is read yet.
struct KeyFrame {
  std::shared_ptr<archive::SegmentReader> reader;
  media::Fragment fragment;
  UtcTime time;       ///< capture time
  bool open = false;  ///< the file is still being written
  Result<media::AccessUnitPtr> read() const { return reader->read_first(fragment); }
};
/// The key frame at or before `at`: `not_found` when nothing was recorded within `tolerance` before `at`.
Result<KeyFrame> key_frame_at(archive::Catalog& catalog, const archive::StreamKey& key, UtcTime at, Duration tolerance);

/// The key frame at or before `at` (for snapshots): `not_found` when nothing was recorded within
/// `tolerance` before `at`.
Result<media::AccessUnitPtr> key_unit_at(archive::Catalog& catalog, const archive::StreamKey& key, UtcTime at,
                                         Duration tolerance = std::chrono::seconds{10});

}  // namespace ccoc::playback
