// Which volume a stream is written to: by weight while all is well, and elsewhere while its own one fails.
#pragma once

#include <memory>
#include <vector>

#include "volume.h"

namespace ccoc::archive {

class Placement {
 public:
  /// The volumes outlive it; at least one of them has weight.
  explicit Placement(const std::vector<std::unique_ptr<Volume>>& volumes) : volumes_(volumes) {}

  /// Always the same for a stream as long as the same volumes can be written to; when one of them fails only its own streams are
  /// given to others, by their weights (rendezvous hashing). When none can be written to: `current`, or the one that would be
  /// first. Any thread; cheap enough for every fragment.
  Volume& choose(const StreamKey& key, Volume* current) const;

 private:
  const std::vector<std::unique_ptr<Volume>>& volumes_;
};

}  // namespace ccoc::archive
