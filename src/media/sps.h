// What is needed of a sequence parameter set, and the numbers by which parameter sets refer to each other.
#pragma once

#include <array>
#include <optional>

#include "ccoc/base/result.h"
#include "ccoc/media/access_unit.h"

namespace ccoc::media {

struct SpsInfo {
  std::uint32_t id = 0;
  std::uint32_t width = 0, height = 0;  ///< after cropping
  double fps = 0;                       ///< 0 when not said
  unsigned reorder_frames = 0;          ///< pictures that may come before one shown earlier; 0 when not said
  std::uint32_t chroma_format_idc = 1;
  std::uint32_t bit_depth_luma = 8, bit_depth_chroma = 8;
  // H.264 only: what the header of a slice depends on.
  unsigned frame_num_bits = 4;
  unsigned order_type = 0;         ///< pic_order_cnt_type
  unsigned order_lsb_bits = 0;     ///< of type 0
  bool order_always_zero = false;  ///< of type 1: no differences are sent
  bool frames_only = true;
  bool separate_planes = false;
  // H.265 only:
  std::array<std::uint8_t, 12> profile_tier_level{};  ///< general part: profile byte to general_level_idc
  std::uint32_t temporal_layers = 1;
  bool temporal_id_nested = false;
};

/// ITU-T H.264 §7.3.2.1.1, Annex E. A VUI that cannot be read costs only the rate.
Result<SpsInfo> parse_h264_sps(ByteView nal);
/// ITU-T H.265 §7.3.2.2, Annex E.
Result<SpsInfo> parse_h265_sps(ByteView nal);
Result<SpsInfo> parse_sps(Codec codec, ByteView nal);

/// vps_video_parameter_set_id, sps_seq_parameter_set_id or pps_pic_parameter_set_id; nothing when unreadable.
std::optional<std::uint32_t> parameter_set_id(Codec codec, ByteView nal);

/// The NAL unit without trailing zeros and without a start code that a careless encoder left behind it.
ByteView trim_parameter_set(ByteView nal);

/// Parameter sets and SEI must be shorter than this to be looked into.
inline constexpr std::size_t max_parameter_set = 4096;
inline constexpr std::uint32_t max_picture_side = 16384;

}  // namespace ccoc::media
