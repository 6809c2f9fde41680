#include "ccoc/registry/camera.h"

#include <algorithm>

namespace ccoc::registry {

const Stream* Camera::stream(std::string_view role) const {
  const auto found = std::ranges::find(streams, role, &Stream::role);
  return found == streams.end() ? nullptr : &*found;
}

std::string_view to_string(OwnerKind kind) { return kind == OwnerKind::private_ ? "private" : "public"; }

std::string_view to_string(RecordingMode mode) { return mode == RecordingMode::off ? "off" : "continuous"; }

}  // namespace ccoc::registry
