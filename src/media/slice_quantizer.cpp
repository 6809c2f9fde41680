#include "ccoc/media/slice_quantizer.h"

#include "bit_reader.h"
#include "ccoc/media/nal.h"
#include "sps.h"

namespace ccoc::media {
namespace {

constexpr int slice_type_nal = 1, idr_slice_nal = 5;
constexpr std::uint32_t p_slice = 0, b_slice = 1, i_slice = 2, sp_slice = 3, si_slice = 4;
constexpr std::uint32_t most_references = 32;
/// The header of a slice is much shorter.
constexpr std::size_t longest_look = 512;

struct Pps {
  std::uint32_t sps = 0;
  bool cabac = false;
  bool bottom_field_order = false;
  std::uint32_t references[2] = {1, 1};
  bool weighted_p = false;
  unsigned weighted_b = 0;
  int qp = 26;
  bool redundant_pictures = false;
};

/// §7.3.2.2 up to redundant_pic_cnt_present_flag.
std::optional<std::pair<std::uint32_t, Pps>> read_pps(ByteView nal) {
  if (nal.size() < 2) return std::nullopt;
  BitReader in(nal.subspan(1));
  Pps pps;
  const auto id = in.ue(255);
  pps.sps = in.ue(31);
  pps.cabac = in.flag();
  pps.bottom_field_order = in.flag();
  if (in.ue() != 0) return std::nullopt;  // slice groups
  for (auto& count : pps.references) count = in.ue(most_references - 1) + 1;
  pps.weighted_p = in.flag();
  pps.weighted_b = in.bits(2);
  const auto qp = in.se();
  in.se();
  in.se();
  in.skip(2);
  pps.redundant_pictures = in.flag();
  if (!in.ok() || qp < -62 || qp > 25) return std::nullopt;
  pps.qp = 26 + qp;
  return std::pair{id, pps};
}

/// ref_pic_list_modification(), §7.3.3.1: one list.
void skip_modification(BitReader& in) {
  if (!in.flag()) return;
  for (std::uint32_t i = 0; in.ok() && i <= most_references + 1; ++i) {
    if (in.ue() == 3) return;
    in.ue();
  }
}

/// pred_weight_table(), §7.3.3.2.
void skip_weights(BitReader& in, bool colour, std::uint32_t first, std::uint32_t second) {
  in.ue();
  if (colour) in.ue();
  for (const auto count : {first, second}) {
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
      if (in.flag()) {
        in.se();
        in.se();
      }
      if (colour && in.flag()) {
        for (int j = 0; j < 4; ++j) in.se();
      }
    }
  }
}

/// dec_ref_pic_marking(), §7.3.3.3.
void skip_marking(BitReader& in, bool idr) {
  if (idr) return in.skip(2);
  if (!in.flag()) return;
  for (std::uint32_t i = 0; in.ok() && i < 64; ++i) {
    const auto operation = in.ue();
    if (operation == 0) return;
    in.ue();
    if (operation == 3) in.ue();
  }
}

}  // namespace

struct SliceQuantizer::Sets {
  std::map<std::uint32_t, SpsInfo> sps;
  std::map<std::uint32_t, Pps> pps;

  /// slice_header(), §7.3.3, up to slice_qp_delta.
  std::optional<unsigned> read_slice(ByteView nal) const {
    const bool idr = (nal[0] & 0x1f) == idr_slice_nal, reference = (nal[0] & 0x60) != 0;
    BitReader in(nal.subspan(1, std::min(nal.size() - 1, longest_look)));
    in.ue();
    const auto type = in.ue(9) % 5;
    const auto pps_found = pps.find(in.ue(255));
    if (!in.ok() || pps_found == pps.end()) return std::nullopt;
    const auto& set = pps_found->second;
    const auto sps_found = sps.find(set.sps);
    if (sps_found == sps.end()) return std::nullopt;
    const auto& sequence = sps_found->second;
    if (sequence.separate_planes) in.skip(2);
    in.skip(sequence.frame_num_bits);
    bool field = false;
    if (!sequence.frames_only) {
      field = in.flag();
      if (field) in.skip(1);
    }
    if (idr) in.ue();
    if (sequence.order_type == 0) {
      in.skip(sequence.order_lsb_bits);
      if (set.bottom_field_order && !field) in.se();
    } else if (sequence.order_type == 1 && !sequence.order_always_zero) {
      in.se();
      if (set.bottom_field_order && !field) in.se();
    }
    if (set.redundant_pictures) in.ue();
    if (type == b_slice) in.skip(1);
    std::uint32_t first = set.references[0], second = type == b_slice ? set.references[1] : 0;
    const bool predicted = type == p_slice || type == sp_slice || type == b_slice;
    if (predicted) {
      if (in.flag()) {
        first = in.ue(most_references - 1) + 1;
        if (type == b_slice) second = in.ue(most_references - 1) + 1;
      }
      skip_modification(in);
      if (type == b_slice) skip_modification(in);
      const bool weighted = type == b_slice ? set.weighted_b == 1 : set.weighted_p;
      if (weighted) skip_weights(in, sequence.chroma_format_idc != 0 && !sequence.separate_planes, first, second);
    }
    if (reference) skip_marking(in, idr);
    if (set.cabac && type != i_slice && type != si_slice) in.ue(2);
    const int qp = set.qp + in.se();
    if (!in.ok() || qp < 0 || qp > 51) return std::nullopt;
    return static_cast<unsigned>(qp);
  }
};

SliceQuantizer::SliceQuantizer(const VideoFormat& format) {
  if (format.codec != Codec::h264) return;
  auto sets = std::make_unique<Sets>();
  for (const auto& nal : format.sps) {
    if (auto parsed = parse_h264_sps(nal)) sets->sps[parsed->id] = *parsed;
  }
  for (const auto& nal : format.pps) {
    if (auto parsed = read_pps(nal)) sets->pps.insert(*parsed);
  }
  if (!sets->sps.empty() && !sets->pps.empty()) sets_ = std::move(sets);
}

SliceQuantizer::~SliceQuantizer() = default;
SliceQuantizer::SliceQuantizer(SliceQuantizer&&) noexcept = default;
SliceQuantizer& SliceQuantizer::operator=(SliceQuantizer&&) noexcept = default;

std::optional<unsigned> SliceQuantizer::of(ByteView data) const {
  while (sets_ && data.size() > 4) {
    const std::size_t length = (std::size_t{data[0]} << 24) | (std::size_t{data[1]} << 16) | (std::size_t{data[2]} << 8) | data[3];
    if (length == 0 || length > data.size() - 4) return std::nullopt;
    const auto nal = data.subspan(4, length);
    const int type = nal_type(Codec::h264, nal);
    if (type == slice_type_nal || type == idr_slice_nal) return sets_->read_slice(nal);
    data = data.subspan(4 + length);
  }
  return std::nullopt;
}

}  // namespace ccoc::media
