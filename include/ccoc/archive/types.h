// The nouns of the archive: streams, segments (files), gaps, spans. Plain values.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <vector>

#include "ccoc/base/bytes.h"
#include "ccoc/base/time.h"
#include "ccoc/media/frame_sink.h"

namespace ccoc::archive {

/// One recorded stream. Both parts are slugs ([a-z0-9-], 1–40 characters): they become folder names.
struct StreamKey {
  std::string camera;
  std::string stream;  ///< "main", "sub"
  friend auto operator<=>(const StreamKey&, const StreamKey&) = default;
};
/// `invalid_argument` when a part is no slug.
Status validate(const StreamKey& key);

/// One file of footage. It begins with a key frame; its timeline is the wall clock.
struct Segment {
  std::string volume;
  StreamKey key;
  std::string path;         ///< relative to the volume's footage folder: "cam01/main/2026-11-24/052357Z.mp4"
  UtcTime start;            ///< capture time of the first sample
  UtcTime end;              ///< where the last whole fragment ends; moves while `open`
  std::uint64_t bytes = 0;  ///< up to the last whole fragment
  std::uint64_t run = 0;    ///< segments of one run follow each other without loss
  bool open = false;        ///< still being written
  Bytes activity = {};      ///< a level per second, see activity.h
};

/// Time without footage, and why.
struct Gap {
  StreamKey key;
  UtcTime from;
  std::optional<UtcTime> to;  ///< empty while it lasts
  media::GapCause cause = media::GapCause::hub;
  std::string reason;
};

/// Footage that is not as it was written.
struct Damage {
  std::string volume;
  std::string path;
  StreamKey key;
  std::uint64_t offset = 0;  ///< of the fragment in the file
  UtcTime from;              ///< time that cannot be trusted
  UtcTime to;
  std::string detail;  ///< a sentence for a person
  UtcTime found_at;
};

struct Span {
  UtcTime from;
  UtcTime to;
  friend bool operator==(const Span&, const Span&) = default;
};

/// What a timeline draws for one camera.
struct CameraTimeline {
  std::string camera;
  std::vector<Span> spans;       ///< footage; files closer than 0.5 s are one span; cut to the asked range
  std::vector<Gap> gaps;         ///< cut to the asked range; `to` is always set
  std::vector<double> activity;  ///< 0…1 per bucket: how much moves, above the camera's quiet level (activity.h)
};

/// Pictures come, and do not reach the disk.
struct RecordingProblem {
  StreamKey key;
  UtcTime since;  ///< when it was noticed
  std::string reason;
};

/// How one stream's recording fares, told from what is on disk.
struct RecordingStatus {
  bool writing = false;                    ///< a file is open and the last write succeeded
  std::optional<UtcTime> last_written_at;  ///< capture time up to which footage is written
  std::optional<Error> last_error;         ///< of the disk; cleared by the next successful write
  std::uint64_t bytes_written = 0;         ///< since the recorder was made
  std::uint64_t frames_written = 0;
  std::uint64_t frames_dropped = 0;  ///< buffer full, or the disk refused
  std::uint64_t frames_taken = 0;    ///< from the camera, from its first key frame on
  std::string volume;
  std::string open_path;  ///< empty when no file is open
};

}  // namespace ccoc::archive
