#include "unit_assembler.h"

#include <algorithm>

#include "annexb.h"
#include "big_endian.h"
#include "ccoc/media/nal.h"
#include "sps.h"

namespace ccoc::media {
namespace {

constexpr std::size_t max_unit = 8 * 1024 * 1024;
/// What may wait for its picture: parameter sets, SEI, delimiters.
constexpr std::size_t max_prefix = 2 * 1024 * 1024;
/// So many well-placed markers make a camera believable.
constexpr unsigned enough_good_markers = 8;

}  // namespace

bool UnitAssembler::begins_unit(ByteView nal) const {
  if (is_vcl(codec_, nal)) return starts_picture(codec_, nal);
  const int type = nal_type(codec_, nal);
  if (codec_ == Codec::h264) return (type >= 6 && type <= 9) || (type >= 14 && type <= 18);  // §7.4.1.2.3
  return (type >= 32 && type <= 35) || type == 39 || (type >= 41 && type <= 44) || (type >= 48 && type <= 55);
}

void UnitAssembler::begin_packet(std::uint32_t timestamp) {
  if (any_packet_ && timestamp != timestamp_) {
    // A marker on the fragment before says that it was the last, if nothing is missing in between.
    if (fragment_open_ && marker_before_ && !loss_) close_fragment();
    finish_unit();
  }
  any_packet_ = true;
  timestamp_ = timestamp;
}

void UnitAssembler::append(ByteView header, ByteView payload) {
  const auto limit = has_picture_ ? max_unit : max_prefix;
  if (too_large_ || scratch_.size() + 4 + header.size() + payload.size() > limit) {
    if (!has_picture_) {
      // Only a prefix: forget it, the picture it belongs to never came.
      scratch_.clear();
      ++counts_.bad_packets;
      fragment_open_ = false;
      return;
    }
    too_large_ = true;
    return;
  }
  put_bytes(scratch_, header);
  put_bytes(scratch_, payload);
}

/// What a NAL unit that begins with `start` means for the unit before it.
void UnitAssembler::before_nal(ByteView start) {
  break_fragment();
  const bool picture = is_vcl(codec_, start);
  // Parameter sets never follow slices of their picture, whatever marker or timestamp they carry.
  if (has_picture_ && begins_unit(start) && (!marker_trusted_ || is_parameter_set(codec_, start))) finish_unit();
  if (loss_) {
    loss_ = false;
    if (has_picture_ || !begins_unit(start)) {
      damaged_ = true;
    } else {
      blame_next_ = blame_next_ || !loss_blamed_;
    }
  } else if (ended_by_marker_ && picture && !has_picture_ && timestamp_ == ended_timestamp_ && !starts_picture(codec_, start)) {
    // The picture goes on after its marker: what was delivered was only a part of it.
    distrust_marker();
    damaged_ = true;
  }
  if (picture) {
    ended_by_marker_ = false;
    if (!has_picture_) {
      has_picture_ = true;
      unit_timestamp_ = timestamp_;
      random_access_ = is_random_access(codec_, start);
    }
  }
}

/// What a whole NAL unit tells.
void UnitAssembler::note_nal(ByteView nal) {
  if (is_vcl(codec_, nal)) return;
  if (is_parameter_set(codec_, nal)) {
    if (!sets_.add_in_band(nal)) ++counts_.bad_packets;
    if (nal_type(codec_, nal) == (codec_ == Codec::h264 ? 7 : 33)) own_sps_ = true;
  } else if (const auto count = recovery_point(codec_, nal)) {
    recovery_ = true;
    exact_recovery_ = *count == 0;
  }
}

void UnitAssembler::add_nal(ByteView nal) {
  if (nal.empty()) return;
  if (!is_vcl(codec_, nal) && find_start_code(nal, 0) < nal.size()) return add_joined(nal);
  before_nal(nal);
  std::uint8_t length[4];
  set_u32(length, 0, static_cast<std::uint32_t>(nal.size()));
  append(length, nal);
  note_nal(nal);
}

/// Some cameras send parameter sets and picture as one NAL unit with start codes inside.
void UnitAssembler::add_joined(ByteView nals) {
  const auto end = find_start_code(nals, 0);
  add_nal(trim_parameter_set(nals.first(end)));
  for (const auto nal : split_annexb(nals.subspan(end))) add_nal(nal);
}

void UnitAssembler::start_fragment(ByteView header, ByteView payload) {
  // Enough of the start to see whether it begins a picture; an empty first fragment is taken to.
  std::uint8_t start[4] = {0x80, 0x80, 0x80, 0x80};
  const auto seen = std::min<std::size_t>(payload.size(), 4 - header.size());
  std::ranges::copy(header, start);
  std::ranges::copy(payload.first(seen), start + header.size());
  before_nal(ByteView(start, header.size() + std::max<std::size_t>(seen, 1)));
  fragment_open_ = true;
  fragment_at_ = scratch_.size();
  fragment_type_ = nal_type(codec_, header);
  std::uint8_t length[6] = {};
  std::ranges::copy(header, length + 4);
  append(ByteView(length, 4 + header.size()), payload);
}

void UnitAssembler::continue_fragment(int type, ByteView payload, bool last) {
  if (loss_ || !fragment_open_ || type != fragment_type_) {
    // Its beginning, or a piece of it, is missing: what comes up to the next start is of no use.
    if (fragment_open_) break_fragment();
    if (!loss_) ++counts_.bad_packets;
    loss_ = false;
    damaged_ = true;
    return;
  }
  append({}, payload);
  if (last && fragment_open_) close_fragment();
}

void UnitAssembler::close_fragment() {
  fragment_open_ = false;
  if (too_large_) return;
  const auto nal = ByteView(scratch_).subspan(fragment_at_ + 4);
  if (!is_vcl(codec_, nal) && find_start_code(nal, 0) < nal.size()) {
    const Bytes joined(nal.begin(), nal.end());
    scratch_.resize(fragment_at_);
    return add_joined(joined);
  }
  set_u32(scratch_, fragment_at_, static_cast<std::uint32_t>(nal.size()));
  note_nal(nal);
}

/// Ends a fragmented NAL unit whose end never came: a slice keeps what is there, anything else goes.
void UnitAssembler::break_fragment() {
  if (!fragment_open_) return;
  fragment_open_ = false;
  damaged_ = true;
  if (too_large_) return;
  const auto nal = ByteView(scratch_).subspan(fragment_at_ + 4);
  if (is_vcl(codec_, nal)) {
    set_u32(scratch_, fragment_at_, static_cast<std::uint32_t>(nal.size()));
  } else {
    scratch_.resize(fragment_at_);
  }
}

void UnitAssembler::end_packet(bool marker) {
  marker_before_ = marker;
  if (has_picture_) {
    ++packets_;
    if (marker) ++markers_;
  }
  if (!marker) return;
  if (fragment_open_) {
    distrust_marker();
  } else if (!has_picture_) {
    if (damaged_) finish_unit();
    // Parameter sets that carry the marker: perhaps everything does.
    else if (good_markers_ < enough_good_markers)
      marker_trusted_ = false;
  } else if (marker_trusted_) {
    finish_unit();
    marker_seen_ = true;
    ended_by_marker_ = true;
    ended_timestamp_ = timestamp_;
  }
}

void UnitAssembler::distrust_marker() {
  marker_trusted_ = false;
  good_markers_ = 0;
}

void UnitAssembler::lost() {
  // A slice that was being joined, or a picture that waits for its end, lacks what is missing.
  // What waits in front of a picture may belong to one that is lost; its parameter sets are remembered anyway.
  if (!has_picture_ && !fragment_open_) reset_unit();
  loss_blamed_ = (loss_ && loss_blamed_) || fragment_open_ || has_picture_;
  if (fragment_open_ || has_picture_) damaged_ = true;
  loss_ = true;
  ended_by_marker_ = false;
}

void UnitAssembler::flush() {
  // A camera that sets markers has not sent all of a picture that lacks one.
  if (has_picture_ && (fragment_open_ || (marker_trusted_ && marker_seen_ && !marker_before_))) {
    ++counts_.damaged_units;
    fragment_open_ = false;
    reset_unit();
  }
  finish_unit();
  any_packet_ = false;
}

void UnitAssembler::finish_unit() {
  if (fragment_open_) break_fragment();
  fragment_open_ = false;
  ended_by_marker_ = false;
  if (!has_picture_) {
    // Parameter sets alone wait for their picture. A picture whose every slice was lost is blamed on the next.
    if (!damaged_) return;
    reset_unit();
    blame_next_ = true;
    return;
  }
  if (markers_ == 1 && packets_ > 1 && marker_before_ && !damaged_) {
    if (++good_markers_ >= enough_good_markers) marker_trusted_ = true;
    good_markers_ = std::min(good_markers_, enough_good_markers);
  } else if (markers_ > 1) {
    good_markers_ = 0;
  }
  deliver();
  reset_unit();
}

void UnitAssembler::deliver() {
  const auto& format = sets_.format();
  sets_.end_unit();
  if (too_large_) {
    ++counts_.damaged_units;
    return;
  }
  if (!format) {
    ++counts_.dropped_before_format;
    return;
  }
  RawUnit unit;
  unit.format = format;
  const bool access = random_access_ || (recovery_ && (own_sps_ || exact_recovery_));
  // A key frame counts only when it is whole; what is lost before a whole one is not its damage.
  unit.key = access && !damaged_;
  unit.damaged = damaged_ || (blame_next_ && !access);
  unit.data = std::make_shared<const Bytes>(scratch_.begin(), scratch_.end());
  unit.rtp_timestamp = unit_timestamp_;
  ++counts_.units;
  if (unit.damaged) ++counts_.damaged_units;
  sink_(std::move(unit));
}

void UnitAssembler::reset_unit() {
  give_back_memory();
  scratch_.clear();
  has_picture_ = random_access_ = recovery_ = exact_recovery_ = own_sps_ = false;
  damaged_ = too_large_ = blame_next_ = false;
  packets_ = markers_ = 0;
}

/// After one huge picture the scratch buffer does not stay huge.
void UnitAssembler::give_back_memory() {
  peak_ = std::max(peak_, scratch_.size());
  if (++units_since_peak_ < 256) return;
  if (scratch_.capacity() > 4 * peak_ && scratch_.capacity() > 256 * 1024) {
    Bytes smaller;
    smaller.reserve(2 * peak_);
    scratch_.swap(smaller);
  }
  peak_ = 0;
  units_since_peak_ = 0;
}

}  // namespace ccoc::media
