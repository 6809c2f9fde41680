#include "volumes.h"

namespace ccoc::hub {

Result<std::vector<archive::VolumeSpec>> open_volumes(const std::filesystem::path& data_dir) {
  auto disk = open_disk((data_dir / "footage").string());
  if (!disk) return std::unexpected(disk.error().within("the footage folder"));
  std::vector<archive::VolumeSpec> volumes;
  volumes.push_back({"main", std::shared_ptr<Disk>(std::move(*disk))});
  return volumes;
}

archive::ArchiveOptions archive_options(const Config& config) {
  archive::ArchiveOptions options;
  options.segment_length = config.archive.segment;
  options.fragment_length = config.archive.fragment;
  options.sync_interval = config.archive.sync_interval;
  options.longest_sample = config.ingest.no_frame_timeout + std::chrono::seconds{2};
  options.write_buffer_bytes = static_cast<std::size_t>(config.archive.queue_mib) << 20;
  return options;
}

}  // namespace ccoc::hub
