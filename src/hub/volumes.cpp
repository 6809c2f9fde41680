#include "volumes.h"

#include <algorithm>

#include "ccoc/archive/encrypted_disk.h"
#include "ccoc/archive/identified_disk.h"
#include "ccoc/archive/s3_disk.h"

namespace ccoc::hub {

namespace {

constexpr double bytes_per_gib = 1024.0 * 1024.0 * 1024.0;

std::uint64_t gib(double amount) { return static_cast<std::uint64_t>(amount * bytes_per_gib); }

}  // namespace

Result<std::vector<archive::VolumeSpec>> open_volumes(const Config& config, const std::filesystem::path& data_dir,
                                                      std::shared_ptr<const std::atomic<bool>> cancelled) {
  static const SystemClock clock;
  auto settings = config.volumes;
  settings.try_emplace("main");
  if (settings["main"].path.empty()) settings["main"].path = (data_dir / "footage").string();
  const bool encrypts = std::ranges::any_of(settings, [](const auto& entry) { return entry.second.encrypted; });
  const auto key = archive::load_footage_key((data_dir / "footage.key").string(), encrypts);
  if (!key && (encrypts || key.error().code != ErrorCode::not_found)) return std::unexpected(key.error());
  std::vector<archive::VolumeSpec> volumes;
  for (const auto& [name, volume] : settings) {
    const bool far = !volume.s3.empty();
    auto disk = far ? archive::open_s3_disk({volume.s3, volume.s3_region, volume.s3_access_key, volume.s3_secret_key, cancelled}, clock)
                    : archive::open_identified_disk(name, volume.path, (data_dir / ("volume-" + name)).string(), clock);
    if (!disk) return std::unexpected(disk.error().within("the volume " + name));
    if (key) *disk = archive::make_encrypted_disk(std::move(*disk), *key, volume.encrypted);
    archive::VolumeSpec spec;
    spec.name = name;
    spec.disk = std::move(*disk);
    spec.weight = far ? 0 : volume.weight;
    spec.quota_bytes = gib(volume.quota_gib);
    spec.min_free_bytes = far ? 0 : gib(volume.min_free_gib < 0 ? config.archive.min_free_gib : volume.min_free_gib);
    spec.far = far;
    volumes.push_back(std::move(spec));
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
