// The layout shared by the MP4 writer and reader: box types, and where things stand in a fragment's header.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ccoc::media::mp4 {

constexpr std::uint32_t fourcc(const char (&text)[5]) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(text[i]);
  return value;
}

/// The extended type of the box that carries FileOrigin: "ccoc-footage-v01" in ASCII.
inline constexpr std::array<std::uint8_t, 16> origin_uuid = {'c', 'c', 'o', 'c', '-', 'f', 'o', 'o',
                                                             't', 'a', 'g', 'e', '-', 'v', '0', '1'};

/// The extended type of the box that carries the checksums: "ccoc-checksum-v1" in ASCII.
inline constexpr std::array<std::uint8_t, 16> checksum_uuid = {'c', 'c', 'o', 'c', '-', 'c', 'h', 'e',
                                                               'c', 'k', 's', 'u', 'm', '-', 'v', '1'};
// At the end of moof: that of the header (prft to the header of mdat, this field taken as zero), and that of mdat's content. Between
// moof and mdat, where it stood at first and is still read, VLC 3 does not find mdat.
inline constexpr std::size_t header_sum_at = 24, payload_sum_at = 32, sums_size = 40;

inline constexpr std::uint32_t track_id = 1, audio_track_id = 2;

// prft, moof{mfhd, traf{tfhd, tfdt, trun}}, mdat: all sizes but that of trun are fixed (ISO/IEC 14496-12 §8.8,
// §8.16.5).
inline constexpr std::size_t prft_at = 0, prft_size = 32;
inline constexpr std::size_t prft_ntp_at = 16, prft_media_time_at = 24;
inline constexpr std::size_t moof_at = 32, mfhd_at = 40, sequence_at = 52;
inline constexpr std::size_t traf_at = 56, tfhd_at = 64, description_at = 80;
inline constexpr std::size_t tfdt_at = 84, decode_time_at = 96;
inline constexpr std::size_t trun_at = 104, trun_flags_at = 112, sample_count_at = 116, data_offset_at = 120;
inline constexpr std::size_t samples_at = 124;
inline constexpr std::size_t moof_fixed_size = samples_at - moof_at;
inline constexpr std::size_t box_header = 8;

// A second traf{tfhd, tfdt, trun} for the sound, from its beginning.
inline constexpr std::size_t audio_tfhd_at = 8, audio_description_at = 24, audio_tfdt_at = 28, audio_decode_time_at = 40;
inline constexpr std::size_t audio_trun_at = 48, audio_sample_count_at = 60, audio_data_offset_at = 64;
inline constexpr std::size_t audio_samples_at = 68, audio_sample_size = 8;

/// prft: version 1; the time is in real time, and consistent from one box to the next (§8.16.5.3).
inline constexpr std::uint32_t prft_version_flags = 1u << 24 | 24u;
/// tfhd: default-base-is-moof, sample-description-index-present.
inline constexpr std::uint32_t tfhd_version_flags = 0x020002;
inline constexpr std::uint32_t tfdt_version_flags = 1u << 24;
/// trun, version 1 (signed offsets): data offset; duration, size, flags of each sample; perhaps composition offsets.
inline constexpr std::uint32_t trun_version_flags = 1u << 24 | 0x000701;
inline constexpr std::uint32_t trun_composition_flag = 0x000800;
/// Of the sound: data offset; duration and size of each sample. All can be decoded alone.
inline constexpr std::uint32_t audio_trun_version_flags = 1u << 24 | 0x000301;
inline constexpr std::size_t sample_size = 12, sample_size_with_composition = 16;

/// Depends on no other sample; depends on others and is no sync sample (§8.8.3.1).
/// sample_degradation_priority, which no player looks at: our quantizer, see Sample.
inline constexpr std::uint32_t quantizer_mask = 0x000000ff;
inline constexpr std::uint32_t key_sample_flags = 0x02000000, other_sample_flags = 0x01010000;

/// Object type indications (ISO/IEC 14496-1 §7.2.6.6).
inline constexpr unsigned aac_object_type = 0x40, jpeg_object_type = 0x6c;

inline constexpr std::size_t max_moof = 1024 * 1024;
inline constexpr std::size_t max_samples = 10'000;
inline constexpr std::uint64_t max_fragment = 256ull * 1024 * 1024;
inline constexpr std::size_t max_moov = 4 * 1024 * 1024;
inline constexpr std::size_t max_formats = 64;

}  // namespace ccoc::media::mp4
