// Cameras as JSON, both ways, in the shape of contract.md. One place knows the field names.
#pragma once

#include <boost/json/fwd.hpp>
#include <expected>
#include <vector>

#include "ccoc/registry/camera.h"

namespace ccoc::registry {

/// What `GET /cameras/{id}` answers. Unknown values are null; passwords never appear (`has_password` does).
boost::json::object to_json(const Camera& camera);

/// A body of POST or PATCH. All wrong types and unknown fields at once; values are judged by the registry.
std::expected<CameraPatch, std::vector<FieldError>> camera_patch_from_json(const boost::json::value& body);

}  // namespace ccoc::registry
