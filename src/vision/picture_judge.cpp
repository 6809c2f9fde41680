#include "ccoc/vision/picture_judge.h"

#include <algorithm>
#include <cstdlib>

namespace ccoc::vision {
namespace {

constexpr int level = 256;  ///< one step of 8-bit brightness, in units of Look::cells
constexpr int black_below = 20 * level, white_above = 240 * level;
constexpr double nearly_all = 0.9;
/// Neighbouring cells of any scene with something in it differ by more in many places.
constexpr int flat_within = 3 * level / 2;

constexpr int dark_edge = 24 * level, bright_edge = 232 * level;
constexpr double telling_share = 0.2, same_share = 0.95;
/// Rounding of one and the same picture.
constexpr int same_within = 2;
constexpr unsigned fewest_comparisons = 3;

template <class Holds>
double share_of_cells(const Look& look, Holds holds) {
  return static_cast<double>(std::ranges::count_if(look.cells, holds)) / static_cast<double>(look.cells.size());
}

/// Of the neighbours side by side, and one above the other, how many hardly differ.
double flat_share(const Look& look) {
  std::size_t flat = 0, all = 0;
  for (std::size_t row = 0; row < Look::rows; ++row) {
    for (std::size_t column = 0; column < Look::columns; ++column) {
      const auto at = row * Look::columns + column;
      const auto differ = [&](std::size_t other) {
        ++all;
        flat += std::abs(int{look.cells[at]} - int{look.cells[other]}) <= flat_within ? 1 : 0;
      };
      if (column + 1 < Look::columns) differ(at + 1);
      if (row + 1 < Look::rows) differ(at + Look::columns);
    }
  }
  return static_cast<double>(flat) / static_cast<double>(all);
}

}  // namespace

std::string_view to_string(PictureState state) {
  switch (state) {
    case PictureState::unknown: return "unknown";
    case PictureState::ok: return "ok";
    case PictureState::black: return "black";
    case PictureState::white: return "white";
    case PictureState::covered: return "covered";
    case PictureState::frozen: return "frozen";
  }
  return "unknown";
}

PictureState classify(const Look& look) {
  if (share_of_cells(look, [](int cell) { return cell < black_below; }) >= nearly_all) return PictureState::black;
  if (share_of_cells(look, [](int cell) { return cell > white_above; }) >= nearly_all) return PictureState::white;
  if (flat_share(look) >= nearly_all + 0.05) return PictureState::covered;
  return PictureState::ok;
}

bool same_picture(const Look& a, const Look& b) {
  if (a.width != b.width || a.height != b.height) return false;
  std::size_t telling = 0, same = 0;
  for (std::size_t i = 0; i < a.cells.size(); ++i) {
    if (a.cells[i] < dark_edge || a.cells[i] > bright_edge) continue;
    ++telling;
    same += std::abs(int{a.cells[i]} - int{b.cells[i]}) <= same_within ? 1 : 0;
  }
  const double count = static_cast<double>(telling);
  return count >= telling_share * static_cast<double>(a.cells.size()) && static_cast<double>(same) >= same_share * count;
}

void PictureJudge::see(const Look& look, UtcTime at) {
  const auto shown = classify(look);
  if (!last_ || shown != last_class_) class_since_ = at;
  const bool same = last_ && same_picture(*last_, look);
  if (!same) {
    same_since_ = at;
    same_count_ = 0;
  } else {
    ++same_count_;
  }
  const bool twice = last_ && shown == last_class_;
  last_ = look;
  last_class_ = shown;
  last_at_ = at;
  if (shown != PictureState::ok) {
    // Once may be a glare, or a hand that wipes the glass.
    if (twice) enter(shown, class_since_);
  } else if (same_count_ >= fewest_comparisons && at - same_since_ >= frozen_after_) {
    enter(PictureState::frozen, same_since_);
  } else if (state_ != PictureState::frozen || !same) {
    enter(PictureState::ok, at);
  }
}

void PictureJudge::lost(UtcTime at) {
  last_.reset();
  last_class_ = PictureState::unknown;
  same_count_ = 0;
  enter(PictureState::unknown, at);
}

void PictureJudge::enter(PictureState state, UtcTime since) {
  if (state_ == state) return;
  state_ = state;
  since_ = since;
}

}  // namespace ccoc::vision
