#include <algorithm>
#include <vector>

#include "bit_reader.h"
#include "sps.h"

namespace ccoc::media {
namespace {

/// profile_tier_level(1, layers_minus1), §7.3.3.
void read_profile_tier_level(BitReader& in, std::uint32_t layers_minus1, std::array<std::uint8_t, 12>& general) {
  for (auto& byte : general) byte = static_cast<std::uint8_t>(in.bits(8));
  bool profile[8] = {}, level[8] = {};
  for (std::uint32_t i = 0; i < layers_minus1; ++i) {
    profile[i] = in.flag();
    level[i] = in.flag();
  }
  if (layers_minus1 > 0) in.skip(2 * (8 - layers_minus1));
  for (std::uint32_t i = 0; i < layers_minus1; ++i) {
    if (profile[i]) in.skip(88);
    if (level[i]) in.skip(8);
  }
}

/// scaling_list_data(), §7.3.4.
void skip_scaling_lists(BitReader& in) {
  for (unsigned size = 0; size < 4; ++size) {
    for (unsigned matrix = 0; matrix < 6 && in.ok(); matrix += size == 3 ? 3 : 1) {
      if (!in.flag()) {
        in.ue();
        continue;
      }
      if (size > 1) in.se();
      const unsigned count = std::min(64u, 1u << (4 + (size << 1)));
      for (unsigned i = 0; i < count && in.ok(); ++i) in.se();
    }
  }
}

/// st_ref_pic_set(index), §7.3.7: sizes[i] is NumDeltaPocs of set i. False when it makes no sense.
bool skip_reference_set(BitReader& in, std::uint32_t index, std::vector<std::uint32_t>& sizes) {
  if (index > 0 && in.flag()) {  // predicted from the set before
    in.skip(1);
    in.ue();
    std::uint32_t size = 0;
    for (std::uint32_t i = 0; i <= sizes[index - 1] && in.ok(); ++i) {
      const bool used = in.flag();
      const bool use_delta = used || in.flag();
      if (used || use_delta) ++size;
    }
    if (size > 16) return false;
    sizes[index] = size;
    return in.ok();
  }
  const auto negative = in.ue(16);
  const auto positive = in.ue(16);
  for (std::uint32_t i = 0; i < negative + positive && in.ok(); ++i) {
    in.ue();
    in.skip(1);
  }
  sizes[index] = negative + positive;
  return in.ok() && negative + positive <= 16;
}

/// vui_parameters() up to its timing, §E.2.1.
double read_vui_rate(BitReader& in) {
  if (in.flag()) {
    if (in.bits(8) == 255) in.skip(32);
  }
  if (in.flag()) in.skip(1);
  if (in.flag()) {
    in.skip(4);
    if (in.flag()) in.skip(24);
  }
  if (in.flag()) {
    in.ue();
    in.ue();
  }
  in.skip(3);       // neutral_chroma_indication, field_seq, frame_field_info_present
  if (in.flag()) {  // default display window
    for (int i = 0; i < 4; ++i) in.ue();
  }
  if (!in.flag()) return 0;
  const auto ticks = in.bits(32);
  const auto scale = in.bits(32);
  if (!in.ok() || ticks == 0) return 0;
  const double fps = static_cast<double>(scale) / ticks;
  return fps <= 1000 ? fps : 0;
}

/// Everything between the bit depths and the VUI, then the VUI's rate; 0 when it cannot be read.
double read_rate(BitReader& in, std::uint32_t layers_minus1, unsigned& reorder_frames) {
  const auto log2_poc_minus4 = in.ue(12);
  const std::uint32_t first = in.flag() ? 0 : layers_minus1;
  for (std::uint32_t i = first; i <= layers_minus1; ++i) {
    in.ue();
    const auto reorder = in.ue();  // sps_max_num_reorder_pics; the last layer's holds for all
    in.ue();
    if (in.ok() && reorder <= 16) reorder_frames = reorder;
  }
  for (int i = 0; i < 6; ++i) in.ue();  // block sizes, transform hierarchy depths
  if (in.flag() && in.flag()) skip_scaling_lists(in);
  in.skip(2);       // amp_enabled_flag, sample_adaptive_offset_enabled_flag
  if (in.flag()) {  // pcm_enabled_flag
    in.skip(8);
    in.ue();
    in.ue();
    in.skip(1);
  }
  const auto sets = in.ue(64);
  std::vector<std::uint32_t> sizes(sets);
  for (std::uint32_t i = 0; i < sets; ++i)
    if (!skip_reference_set(in, i, sizes)) return 0;
  if (in.flag()) {  // long_term_ref_pics_present_flag
    const auto count = in.ue(32);
    in.skip(count * (log2_poc_minus4 + 4 + 1));
  }
  in.skip(2);  // temporal motion vectors, strong intra smoothing
  const bool vui = in.flag();
  return in.ok() && vui ? read_vui_rate(in) : 0;
}

std::unexpected<Error> broken(const char* what) { return fail(ErrorCode::corrupt, std::string("H.265 SPS: ") + what); }

}  // namespace

Result<SpsInfo> parse_h265_sps(ByteView nal) {
  if (nal.size() < 3 || nal.size() > max_parameter_set || (nal[0] >> 1 & 0x3f) != 33) return broken("not an SPS NAL unit");
  SpsInfo sps;
  BitReader in(nal.subspan(2));
  in.skip(4);  // sps_video_parameter_set_id
  const auto layers_minus1 = in.bits(3);
  if (layers_minus1 > 6) return broken("too many temporal layers");
  sps.temporal_layers = layers_minus1 + 1;
  sps.temporal_id_nested = in.flag();
  read_profile_tier_level(in, layers_minus1, sps.profile_tier_level);
  sps.id = in.ue(15);
  sps.chroma_format_idc = in.ue(3);
  const bool separate_planes = sps.chroma_format_idc == 3 && in.flag();
  const std::uint64_t width = in.ue();
  const std::uint64_t height = in.ue();
  std::uint64_t crop_x = 0, crop_y = 0;
  if (in.flag()) {
    const bool subsampled_x = sps.chroma_format_idc == 1 || sps.chroma_format_idc == 2;
    const std::uint64_t unit_x = subsampled_x && !separate_planes ? 2 : 1;
    const std::uint64_t unit_y = sps.chroma_format_idc == 1 && !separate_planes ? 2 : 1;
    crop_x = (std::uint64_t{in.ue()} + in.ue()) * unit_x;
    crop_y = (std::uint64_t{in.ue()} + in.ue()) * unit_y;
  }
  sps.bit_depth_luma = 8 + in.ue(8);
  sps.bit_depth_chroma = 8 + in.ue(8);
  if (!in.ok()) return broken("it ends too early, or a value is out of range");
  if (width > max_picture_side || height > max_picture_side || crop_x >= width || crop_y >= height)
    return broken("the picture size is not possible");
  sps.width = static_cast<std::uint32_t>(width - crop_x);
  sps.height = static_cast<std::uint32_t>(height - crop_y);
  sps.fps = read_rate(in, layers_minus1, sps.reorder_frames);
  return sps;
}

}  // namespace ccoc::media
