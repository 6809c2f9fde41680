#include "volumes.h"

#include "ccoc/archive/identified_disk.h"

namespace ccoc::hub {

namespace {

constexpr double bytes_per_gib = 1024.0 * 1024.0 * 1024.0;

std::uint64_t gib(double amount) { return static_cast<std::uint64_t>(amount * bytes_per_gib); }

}  // namespace

Result<std::vector<archive::VolumeSpec>> open_volumes(const Config& config, const std::filesystem::path& data_dir) {
  static const SystemClock clock;
  auto settings = config.volumes;
  settings.try_emplace("main");
  if (settings["main"].path.empty()) settings["main"].path = (data_dir / "footage").string();
  std::vector<archive::VolumeSpec> volumes;
  for (const auto& [name, volume] : settings) {
    auto disk = archive::open_identified_disk(name, volume.path, (data_dir / ("volume-" + name)).string(), clock);
    if (!disk) return std::unexpected(disk.error().within("the volume " + name));
    const double min_free = volume.min_free_gib < 0 ? config.archive.min_free_gib : volume.min_free_gib;
    volumes.push_back({name, std::move(*disk), volume.weight, gib(volume.quota_gib), gib(min_free)});
  }
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
