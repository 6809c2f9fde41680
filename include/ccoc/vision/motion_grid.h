// Where something moves in a picture: 16 × 9 cells, told from two looks at it. Pure.
#pragma once

#include <bitset>
#include <cstddef>

#include "ccoc/vision/snapshot.h"

namespace ccoc::vision {

inline constexpr std::size_t motion_columns = 16, motion_rows = 9;
/// Row by row, from the upper left.
using MotionCells = std::bitset<motion_columns * motion_rows>;

/// The cells in which the pictures differ by more than noise. A change of the whole picture (a lamp, the iris, infrared
/// light) is taken off first; what differs nearly everywhere after that is no movement but another picture, and nothing
/// is told.
MotionCells find_motion(const Look& before, const Look& after);

}  // namespace ccoc::vision
