// H.264 (ITU-T H.264 §7.3) and H.265 (ITU-T H.265 §7.3) NAL units and parameter sets: pure functions over bytes.
#pragma once

#include <functional>
#include <optional>

#include "ccoc/base/result.h"
#include "ccoc/media/access_unit.h"

namespace ccoc::media {

/// nal_unit_type; 0 for an empty view.
int nal_type(Codec codec, ByteView nal);
bool is_vcl(Codec codec, ByteView nal);            ///< carries part of a picture
bool is_parameter_set(Codec codec, ByteView nal);  ///< VPS, SPS or PPS
/// A slice that starts a picture (first_mb_in_slice == 0, first_slice_segment_in_pic_flag).
bool starts_picture(Codec codec, ByteView nal);
/// IDR (H.264) or IRAP (H.265) slice.
bool is_random_access(Codec codec, ByteView nal);
/// recovery_frame_cnt or recovery_poc_cnt when the NAL unit is an SEI with a recovery point (§D.2.8).
std::optional<int> recovery_point(Codec codec, ByteView nal);

/// Size, rate and RFC 6381 string from parameter sets; `corrupt` when the SPS cannot be read.
/// `vps` is empty for H.264.
Result<VideoFormat> make_format(Codec codec, std::vector<Bytes> vps, std::vector<Bytes> sps, std::vector<Bytes> pps);

/// Calls `visit` for each NAL unit of length-prefixed data (AccessUnit::data); false when lengths do not add up.
bool for_each_nal(ByteView length_prefixed, const std::function<void(ByteView)>& visit);
/// Splits Annex B (ITU-T H.264 Annex B) into NAL units.
std::vector<ByteView> split_annexb(ByteView annexb);
/// Length-prefixed to Annex B with 4-byte start codes. When `unit.key`, parameter sets of the format are
/// put in front unless the unit carries its own SPS. Motion JPEG stays as it is.
Bytes to_annexb(const AccessUnit& unit);

/// AVCDecoderConfigurationRecord or HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3, §8.3.3).
Bytes decoder_config(const VideoFormat& format);
/// The reverse: parameter sets of a configuration record.
Result<VideoFormat> parse_decoder_config(Codec codec, ByteView record);

}  // namespace ccoc::media
