// Names of the files of a volume that are not footage under its own name: what is arriving, and second copies.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "ccoc/archive/segment_store.h"

namespace ccoc::archive {

inline constexpr auto arriving_folder = "_arriving";
inline constexpr auto copies_folder = "_copies";

/// Where a file stands on its target until it is whole.
inline std::string arrival_path(std::string path) {
  std::ranges::replace(path, '/', '_');
  return std::string(arriving_folder) + "/" + path;
}

/// What a path under `_copies/VOLUME/` is a copy of; empty for others.
inline std::optional<SegmentId> first_by_name(const std::string& path) {
  const std::string folder = std::string(copies_folder) + "/";
  if (!path.starts_with(folder)) return std::nullopt;
  const auto slash = path.find('/', folder.size());
  if (slash == std::string::npos) return std::nullopt;
  return SegmentId{path.substr(folder.size(), slash - folder.size()), path.substr(slash + 1)};
}

/// Of footage that is a copy itself, whose first is lost, the name stays.
inline std::string copy_path(const SegmentId& first) {
  return first_by_name(first.second) ? first.second : std::string(copies_folder) + "/" + first.first + "/" + first.second;
}

}  // namespace ccoc::archive
