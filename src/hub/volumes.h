// Where footage goes, from the configuration. Private to the hub.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <vector>

#include "ccoc/archive/archive.h"
#include "ccoc/base/config.h"

namespace ccoc::hub {

/// "main" and what [volumes.…] name. `cancelled`: once true, what goes to a far store ends at once.
Result<std::vector<archive::VolumeSpec>> open_volumes(const Config& config, const std::filesystem::path& data_dir,
                                                      std::shared_ptr<const std::atomic<bool>> cancelled = nullptr);
archive::ArchiveOptions archive_options(const Config& config);

}  // namespace ccoc::hub
