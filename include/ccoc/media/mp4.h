// Fragmented MP4 (ISO/IEC 14496-12) as the archive writes and reads it: pure functions over bytes.
// File: ftyp, uuid (camera, stream, start), moov with mvex, then per fragment prft, moof, mdat. The first track is the
// video; where there is sound, it is the second. Both have a timescale of 90 kHz.
#pragma once

#include <optional>
#include <vector>

#include "ccoc/media/access_unit.h"

namespace ccoc::media {

/// Who and when: carried in a `uuid` box so that a lost index can be rebuilt from the file alone.
struct FileOrigin {
  std::string camera;
  std::string stream;
  UtcTime start;          ///< capture time of the first sample; media time 0
  std::uint64_t run = 0;  ///< number of the run it belongs to (hub-wide unique enough: start µs of the run)
};

/// ftyp + uuid + moov. More than one format of a track gives several sample descriptions (fragments name theirs, from 1).
/// No audio format: no second track.
Bytes make_init_segment(const std::vector<VideoFormatPtr>& formats, const std::optional<FileOrigin>& origin,
                        const std::vector<AudioFormatPtr>& audio_formats = {});

struct Sample {
  std::uint32_t size = 0;               ///< bytes
  std::uint32_t duration = 0;           ///< 90 kHz ticks
  std::int32_t composition_offset = 0;  ///< presentation minus decode time, ticks
  bool key = false;
  std::uint8_t quantizer = 0;  ///< 1 + that of its first slice; 0: not known. Stands where players look at nothing
};

struct AudioSample {
  std::uint32_t size = 0;      ///< bytes
  std::uint32_t duration = 0;  ///< 90 kHz ticks
};

/// The sound of a fragment; its bytes follow those of the pictures.
struct AudioRun {
  std::int64_t decode_time = 0;    ///< of the first sample, 90 kHz ticks since the file's start
  std::uint32_t format_index = 1;  ///< sample description
  std::vector<AudioSample> samples;
};

struct FragmentPlan {
  std::uint32_t sequence = 1;
  std::int64_t decode_time = 0;    ///< of the first sample, 90 kHz ticks since the file's start
  UtcTime utc;                     ///< capture time of the first sample as it is presented, for prft (§8.16.5)
  std::uint32_t format_index = 1;  ///< sample description
  std::vector<Sample> samples;
  AudioRun audio;  ///< without samples: no sound
  /// checksum() of the samples' bytes, pictures first; then the header carries it, and one of its own.
  std::optional<std::uint64_t> payload_sum;
};
/// prft + moof (with checksums) + the header of mdat; the samples' bytes follow. Fixed layout: `patch_fragment` relies on it.
Bytes make_fragment_header(const FragmentPlan& plan);

/// Offsets are relative to the start of the fragment (its prft).
struct Fragment {
  std::uint64_t offset = 0;       ///< in the file
  std::uint64_t size = 0;         ///< prft + moof + mdat
  std::uint32_t header_size = 0;  ///< to the first sample's byte
  std::uint32_t sequence = 0;
  std::int64_t decode_time = 0;
  UtcTime utc;  ///< capture time of the first sample
  /// Wall clock at decode_time.
  UtcTime decode_utc() const;
  std::uint32_t format_index = 1;
  std::vector<Sample> samples;
  AudioRun audio;
  std::optional<std::uint64_t> payload_sum;  ///< what checksum() of the samples' bytes should be
  std::uint64_t audio_offset() const;        ///< of the sound's first byte
  bool starts_with_key() const { return !samples.empty() && samples.front().key; }
  std::int64_t duration() const;  ///< ticks, sum over the pictures
};

/// Rewrites sequence number, decode time and sample descriptions of a fragment header made by make_fragment_header, in
/// place; used to serve fragments of several files as one. The sound moves with the pictures, but not before 0.
Status patch_fragment(std::span<std::uint8_t> header, std::uint32_t sequence, std::int64_t decode_time, std::uint32_t format_index,
                      std::uint32_t audio_format_index = 1);

/// What the front of a file says.
struct FileHeader {
  std::optional<FileOrigin> origin;
  std::vector<VideoFormatPtr> formats;
  std::vector<AudioFormatPtr> audio_formats;  ///< empty: no sound
  std::uint32_t timescale = video_timescale;
  std::uint64_t size = 0;  ///< where the first fragment starts
};
/// Reads ftyp/uuid/moov at the front of `bytes`; `corrupt` when broken, `unavailable` when more bytes are needed.
Result<FileHeader> parse_file_header(ByteView bytes);

/// Reads prft + moof + mdat header at the front of `bytes` (which may end anywhere after the mdat header).
/// `unavailable` when more bytes are needed, `corrupt` when it is no fragment of ours or its own checksum is wrong; that of the
/// samples is the caller's to compare. Limits: moof ≤ 1 MiB,
/// ≤ 10 000 samples, fragment ≤ 256 MiB; sample sizes must add up to the mdat's size.
Result<Fragment> parse_fragment_header(ByteView bytes);

}  // namespace ccoc::media
