#include "placement.h"

#include <cmath>

#include "ccoc/media/checksum.h"

namespace ccoc::archive {
namespace {

/// Evenly spread in (0, 1), always the same for the same names.
double draw(const StreamKey& key, const std::string& volume) {
  const std::string names = key.camera + '/' + key.stream + '/' + volume;
  media::Checksum sum;
  sum.add({reinterpret_cast<const std::uint8_t*>(names.data()), names.size()});
  constexpr double steps = 9007199254740992.0;  // 2^53
  return (static_cast<double>(sum.value() >> 11) + 0.5) / steps;
}

}  // namespace

Volume& Placement::choose(const StreamKey& key, Volume* current) const {
  Volume* best = nullptr;
  Volume* first = nullptr;
  double best_score = 0;
  double first_score = 0;
  for (const auto& volume : volumes_) {
    if (volume->weight() <= 0) continue;
    const double score = -volume->weight() / std::log(draw(key, volume->name()));
    if (!first || score > first_score) {
      first = volume.get();
      first_score = score;
    }
    if ((best && score <= best_score) || !volume->usable()) continue;
    best = volume.get();
    best_score = score;
  }
  if (best) return *best;
  return current ? *current : *first;
}

}  // namespace ccoc::archive
