#include "parameter_sets.h"

#include <algorithm>

#include "ccoc/media/nal.h"
#include "sps.h"

namespace ccoc::media {
namespace {

constexpr std::size_t max_vps = 16, max_sps = 16, max_pps = 64;

}  // namespace

ParameterSets::Kind* ParameterSets::kind_of(ByteView nal) {
  const int type = nal_type(codec_, nal);
  if (codec_ == Codec::h264) return type == 7 ? &sps_ : type == 8 ? &pps_ : nullptr;
  // Sets of a further layer (nuh_layer_id > 0) describe no picture that is shown.
  if (nal.size() < 2 || (nal[0] & 1) != 0 || (nal[1] & 0xf8) != 0) return nullptr;
  return type == 32 ? &vps_ : type == 33 ? &sps_ : type == 34 ? &pps_ : nullptr;
}

bool ParameterSets::add(ByteView nal, Origin origin) {
  nal = trim_parameter_set(nal);
  auto* kind = kind_of(nal);
  if (kind == nullptr) return false;
  // The common case is a camera that repeats what is known.
  for (auto& set : *kind) {
    if (set.origin == origin && std::ranges::equal(set.bytes, nal)) return true;
  }
  const auto id = parameter_set_id(codec_, nal);
  if (!id) return false;
  if (origin == Origin::stream) {
    changed_ = std::erase_if(*kind, [&](const Set& set) { return set.origin == Origin::sdp; }) > 0 || changed_;
    fresh_sps_ = std::min(fresh_sps_, sps_.size());
  }
  const auto limit = kind == &vps_ ? max_vps : kind == &sps_ ? max_sps : max_pps;
  const auto known = std::ranges::find(*kind, *id, &Set::id);
  if (known == kind->end() && kind->size() >= limit) return false;
  Set set{*id, origin, Bytes(nal.begin(), nal.end())};
  changed_ = true;
  if (kind == &sps_) {
    // The set that came last is the one in use: the first gives the format its size.
    if (known != sps_.end()) {
      if (static_cast<std::size_t>(known - sps_.begin()) < fresh_sps_) --fresh_sps_;
      sps_.erase(known);
    }
    sps_.insert(sps_.begin() + static_cast<std::ptrdiff_t>(fresh_sps_++), std::move(set));
  } else if (known != kind->end()) {
    *known = std::move(set);
  } else {
    kind->push_back(std::move(set));
  }
  return true;
}

const VideoFormatPtr& ParameterSets::format() {
  if (!changed_) return format_;
  if (sps_.empty() || pps_.empty() || (codec_ == Codec::h265 && vps_.empty())) return format_;
  changed_ = false;
  const auto bytes_of = [](const Kind& kind) {
    std::vector<Bytes> all;
    for (const auto& set : kind) all.push_back(set.bytes);
    return all;
  };
  auto made = make_format(codec_, bytes_of(vps_), bytes_of(sps_), bytes_of(pps_));
  if (made && (!format_ || *made != *format_)) format_ = std::make_shared<const VideoFormat>(*std::move(made));
  return format_;
}

}  // namespace ccoc::media
