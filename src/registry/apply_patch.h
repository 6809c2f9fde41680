// Judges a change and makes the camera it leads to. Pure; private to the registry.
#pragma once

#include <map>

#include "ccoc/registry/camera.h"
#include "ccoc/registry/rules.h"

namespace ccoc::registry {

/// A camera with its streams' passwords, as it is kept.
struct StoredCamera {
  Camera camera{};
  std::map<std::string, std::string> passwords{};  ///< by role
};

/// Upon `before`; every wrong field is added to `errors`. The result means something only when there are none.
StoredCamera apply_patch(const StoredCamera& before, const CameraPatch& patch, const Rules& rules, std::vector<FieldError>& errors);

/// Which fields differ, by their names in the JSON ("zone", "location.lat", "streams", "streams.password").
std::vector<std::string> changed_fields(const StoredCamera& before, const StoredCamera& after);

bool is_camera_id(std::string_view id);
/// A slug of a name: "Night market 1" → "night-market-1"; "" when nothing of it is left.
std::string slug_of(std::string_view name);

}  // namespace ccoc::registry
