// Files that a URL names, from one folder only.
#pragma once

#include <string>

#include "ccoc/base/result.h"

namespace ccoc::ingest::bridge {

/// A descriptor of the regular file beneath `folder` (absolute) that `path` (absolute) names. `permission_denied` when no
/// folder is given and for all that is not in it: "..", symbolic links, other folders; `not_found`; `io`.
Result<int> open_beneath(const std::string& folder, const std::string& path);

}  // namespace ccoc::ingest::bridge
