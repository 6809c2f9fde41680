#include "ccoc/media/checksum.h"

#define XXH_STATIC_LINKING_ONLY  // the state's size, so that it can be a member
#include <xxhash.h>

namespace ccoc::media {

struct Checksum::State {
  XXH3_state_t xxh;
};

std::uint64_t checksum(ByteView bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

Checksum::Checksum() : state_(std::make_unique<State>()) { XXH3_64bits_reset(&state_->xxh); }
Checksum::~Checksum() = default;

void Checksum::add(ByteView bytes) { XXH3_64bits_update(&state_->xxh, bytes.data(), bytes.size()); }
std::uint64_t Checksum::value() const { return XXH3_64bits_digest(&state_->xxh); }

}  // namespace ccoc::media
