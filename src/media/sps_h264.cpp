#include "bit_reader.h"
#include "sps.h"

namespace ccoc::media {
namespace {

bool has_chroma_fields(std::uint32_t profile) {
  switch (profile) {
    case 44:
    case 83:
    case 86:
    case 100:
    case 110:
    case 118:
    case 122:
    case 128:
    case 134:
    case 135:
    case 138:
    case 139:
    case 244: return true;
    default: return false;
  }
}

void skip_scaling_list(BitReader& in, unsigned size) {
  std::int32_t last = 8, next = 8;
  for (unsigned i = 0; i < size && in.ok(); ++i) {
    if (next != 0) next = static_cast<std::int32_t>((static_cast<std::uint32_t>(last) + static_cast<std::uint32_t>(in.se()) + 256u) % 256u);
    last = next == 0 ? last : next;
  }
}

/// hrd_parameters(), §E.1.2.
void skip_hrd(BitReader& in) {
  const auto count = in.ue(31) + 1;
  in.skip(8);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    in.ue();
    in.ue();
    in.skip(1);
  }
  in.skip(20);
}

/// VUI (§E.1.1): rate, one frame takes two ticks, and max_num_reorder_frames. What cannot be read is left as it is.
void read_vui(BitReader& in, SpsInfo& sps) {
  if (in.flag()) {  // aspect_ratio_info_present_flag
    if (in.bits(8) == 255) in.skip(32);
  }
  if (in.flag()) in.skip(1);  // overscan
  if (in.flag()) {            // video_signal_type
    in.skip(4);
    if (in.flag()) in.skip(24);
  }
  if (in.flag()) {  // chroma_loc_info
    in.ue();
    in.ue();
  }
  if (in.flag()) {  // timing_info_present_flag
    const auto ticks = in.bits(32);
    const auto scale = in.bits(32);
    in.skip(1);
    const double fps = in.ok() && ticks != 0 ? static_cast<double>(scale) / (2.0 * ticks) : 0;
    if (fps <= 1000) sps.fps = fps;
  }
  const bool nal_hrd = in.flag();
  if (nal_hrd) skip_hrd(in);
  const bool vcl_hrd = in.flag();
  if (vcl_hrd) skip_hrd(in);
  if (nal_hrd || vcl_hrd) in.skip(1);
  in.skip(1);              // pic_struct_present_flag
  if (!in.flag()) return;  // bitstream_restriction_flag
  in.skip(1);
  for (int i = 0; i < 4; ++i) in.ue();
  const auto reorder = in.ue();
  if (in.ok() && reorder <= 16) sps.reorder_frames = reorder;
}

std::unexpected<Error> broken(const char* what) { return fail(ErrorCode::corrupt, std::string("H.264 SPS: ") + what); }

}  // namespace

Result<SpsInfo> parse_h264_sps(ByteView nal) {
  if (nal.size() < 4 || nal.size() > max_parameter_set || (nal[0] & 0x1f) != 7) return broken("not an SPS NAL unit");
  SpsInfo sps;
  const std::uint32_t profile = nal[1];
  BitReader in(nal.subspan(4));
  sps.id = in.ue(31);
  bool separate_planes = false;
  if (has_chroma_fields(profile)) {
    sps.chroma_format_idc = in.ue(3);
    if (sps.chroma_format_idc == 3) separate_planes = in.flag();
    sps.bit_depth_luma = 8 + in.ue(6);
    sps.bit_depth_chroma = 8 + in.ue(6);
    in.skip(1);       // qpprime_y_zero_transform_bypass_flag
    if (in.flag()) {  // seq_scaling_matrix_present_flag
      const unsigned lists = sps.chroma_format_idc == 3 ? 12 : 8;
      for (unsigned i = 0; i < lists; ++i)
        if (in.flag()) skip_scaling_list(in, i < 6 ? 16 : 64);
    }
  }
  sps.frame_num_bits = in.ue(12) + 4;
  const auto order = sps.order_type = in.ue(2);
  if (order == 0) {
    sps.order_lsb_bits = in.ue(12) + 4;
  } else if (order == 1) {
    sps.order_always_zero = in.flag();
    in.se();
    in.se();
    const auto cycle = in.ue(255);
    for (std::uint32_t i = 0; i < cycle && in.ok(); ++i) in.se();
  }
  in.ue(64);   // max_num_ref_frames
  in.skip(1);  // gaps_in_frame_num_value_allowed_flag
  const auto width_mbs = std::uint64_t{in.ue()} + 1;
  const auto height_units = std::uint64_t{in.ue()} + 1;
  const bool frames_only = sps.frames_only = in.flag();
  if (!frames_only) in.skip(1);
  in.skip(1);  // direct_8x8_inference_flag
  const std::uint64_t field = frames_only ? 1 : 2;
  const auto width = width_mbs * 16;
  const auto height = height_units * 16 * field;
  std::uint64_t crop_x = 0, crop_y = 0;
  if (in.flag()) {
    const bool subsampled_x = sps.chroma_format_idc == 1 || sps.chroma_format_idc == 2;
    const bool subsampled_y = sps.chroma_format_idc == 1;
    const std::uint64_t unit_x = subsampled_x && !separate_planes ? 2 : 1;
    const std::uint64_t unit_y = (subsampled_y && !separate_planes ? 2 : 1) * field;
    crop_x = (std::uint64_t{in.ue()} + in.ue()) * unit_x;
    crop_y = (std::uint64_t{in.ue()} + in.ue()) * unit_y;
  }
  sps.separate_planes = separate_planes;
  if (!in.ok()) return broken("it ends too early, or a value is out of range");
  if (width > max_picture_side || height > max_picture_side || crop_x >= width || crop_y >= height)
    return broken("the picture size is not possible");
  sps.width = static_cast<std::uint32_t>(width - crop_x);
  sps.height = static_cast<std::uint32_t>(height - crop_y);
  if (in.flag()) read_vui(in, sps);
  return sps;
}

}  // namespace ccoc::media
