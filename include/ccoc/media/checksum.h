// The checksum that footage is written with: XXH3, 64 bits (xxHash specification, XXH3_64bits). It finds what a disk let rot;
// against forgery evidence is signed.
#pragma once

#include <cstdint>
#include <memory>

#include "ccoc/base/bytes.h"

namespace ccoc::media {

std::uint64_t checksum(ByteView bytes);

/// The same over bytes that come in pieces.
class Checksum {
 public:
  Checksum();
  ~Checksum();
  Checksum(const Checksum&) = delete;
  Checksum& operator=(const Checksum&) = delete;
  void add(ByteView bytes);
  std::uint64_t value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ccoc::media
