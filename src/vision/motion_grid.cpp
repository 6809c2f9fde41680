#include "ccoc/vision/motion_grid.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace ccoc::vision {
namespace {

constexpr std::size_t cell_columns = Look::columns / motion_columns, cell_rows = Look::rows / motion_rows;
static_assert(cell_columns * motion_columns == Look::columns && cell_rows * motion_rows == Look::rows);

/// Of the mean of some hundred pixels, in 256ths: five steps of brightness.
constexpr int threshold = 5 * 256;
/// Of 16 looks that make up a cell; one alone may be a leaf or a drop.
constexpr int fewest_changed = 2;
constexpr double most_of_picture = 0.8;

}  // namespace

MotionCells find_motion(const Look& before, const Look& after) {
  MotionCells cells;
  if (before.width != after.width || before.height != after.height) return cells;
  std::vector<int> differences(before.cells.size());
  for (std::size_t i = 0; i < differences.size(); ++i) differences[i] = int{after.cells[i]} - int{before.cells[i]};
  auto sorted = differences;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::ranges::nth_element(sorted, middle);
  for (std::size_t row = 0; row < motion_rows; ++row) {
    for (std::size_t column = 0; column < motion_columns; ++column) {
      int changed = 0;
      for (std::size_t y = row * cell_rows; y < (row + 1) * cell_rows; ++y) {
        for (std::size_t x = column * cell_columns; x < (column + 1) * cell_columns; ++x)
          changed += std::abs(differences[y * Look::columns + x] - *middle) > threshold ? 1 : 0;
      }
      cells[row * motion_columns + column] = changed >= fewest_changed;
    }
  }
  if (static_cast<double>(cells.count()) > most_of_picture * static_cast<double>(cells.size())) cells.reset();
  return cells;
}

}  // namespace ccoc::vision
