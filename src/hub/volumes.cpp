#include "volumes.h"

#include "ccoc/archive/identified_disk.h"

namespace ccoc::hub {

Result<std::vector<archive::VolumeSpec>> open_volumes(const std::filesystem::path& data_dir) {
  static const SystemClock clock;
  auto disk = archive::open_identified_disk("main", (data_dir / "footage").string(), (data_dir / "volume-main").string(), clock);
  if (!disk) return std::unexpected(disk.error().within("the footage folder"));
  std::vector<archive::VolumeSpec> volumes;
  volumes.push_back({"main", std::move(*disk)});
  return volumes;
}

archive::ArchiveOptions archive_options(const Config& config) {
  archive::ArchiveOptions options;
  options.segment_length = config.archive.segment;
  options.fragment_length = config.archive.fragment;
  options.sync_interval = config.archive.sync_interval;
  options.longest_sample = config.ingest.no_frame_timeout + std::chrono::seconds{2};
  options.scrub.bytes_per_second = static_cast<std::uint64_t>(config.archive.scrub_mib_s) << 20;
  options.scrub.interval = std::chrono::hours{24} * config.archive.scrub_days;
  options.write_buffer_bytes = static_cast<std::size_t>(config.archive.queue_mib) << 20;
  return options;
}

}  // namespace ccoc::hub
