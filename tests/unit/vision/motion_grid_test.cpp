#include "ccoc/vision/motion_grid.h"

#include <gtest/gtest.h>

#include <random>

namespace ccoc::vision {
namespace {

Look scene(unsigned noise_seed, int brighter = 0) {
  Look look;
  look.width = 640, look.height = 360;
  std::mt19937 fixed(5), noise(noise_seed);
  for (auto& cell : look.cells)
    cell = static_cast<std::uint16_t>(40 * 256 + fixed() % (120 * 256) + noise() % 200 + static_cast<unsigned>(brighter * 256));
  return look;
}

/// Something bright over some looks of one grid cell and its right neighbour.
Look with_person(Look look, std::size_t row, std::size_t column) {
  for (std::size_t y = row * 4; y < row * 4 + 3; ++y) {
    for (std::size_t x = column * 4 + 2; x < column * 4 + 6; ++x) look.cells[y * Look::columns + x] = 230 * 256;
  }
  return look;
}

TEST(MotionGrid, is_empty_where_only_noise_and_light_change) {
  EXPECT_TRUE(find_motion(scene(1), scene(2)).none());
  EXPECT_TRUE(find_motion(scene(1), scene(2, 12)).none()) << "the lamp went on";
}

TEST(MotionGrid, shows_where_somebody_came_and_went) {
  const auto cells = find_motion(scene(1), with_person(scene(2), 3, 7));
  EXPECT_EQ(cells.count(), 2u);
  EXPECT_TRUE(cells[3 * motion_columns + 7]);
  EXPECT_TRUE(cells[3 * motion_columns + 8]);
  EXPECT_EQ(find_motion(with_person(scene(1), 3, 7), scene(2)), cells);
  EXPECT_EQ(find_motion(scene(1), with_person(scene(2, 10), 3, 7)), cells) << "also when the light changed with it";
}

TEST(MotionGrid, tells_nothing_of_another_picture) {
  Look other = scene(1);
  std::mt19937 random(9);
  for (auto& cell : other.cells) cell = static_cast<std::uint16_t>(random() % (250 * 256));
  EXPECT_TRUE(find_motion(scene(1), other).none());
  Look smaller = with_person(scene(1), 1, 1);
  smaller.width = 320;
  EXPECT_TRUE(find_motion(scene(1), smaller).none());
}

}  // namespace
}  // namespace ccoc::vision
