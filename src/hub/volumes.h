// Where footage goes, from the configuration. Private to the hub.
#pragma once

#include <filesystem>
#include <vector>

#include "ccoc/archive/archive.h"
#include "ccoc/base/config.h"

namespace ccoc::hub {

/// "main" and what [volumes.…] name.
Result<std::vector<archive::VolumeSpec>> open_volumes(const Config& config, const std::filesystem::path& data_dir);
archive::ArchiveOptions archive_options(const Config& config);

}  // namespace ccoc::hub
