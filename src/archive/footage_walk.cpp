#include "footage_walk.h"

#include <algorithm>

#include "ccoc/archive/activity.h"
#include "side_files.h"

namespace ccoc::archive {
namespace {

bool digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

Result<std::vector<StreamFolder>> folders_beneath(Disk& disk, const std::string& root) {
  std::vector<StreamFolder> found;
  const auto cameras = disk.list(root.substr(0, root.empty() ? 0 : root.size() - 1));
  if (!cameras) return std::unexpected(cameras.error());
  for (const auto& camera : *cameras) {
    if (!camera.directory || !validate({camera.name, "main"})) continue;
    const auto streams = disk.list(root + camera.name);
    if (!streams) return std::unexpected(streams.error());
    for (const auto& stream : *streams) {
      StreamFolder folder{{camera.name, stream.name}, {}, root};
      if (!stream.directory || !validate(folder.key)) continue;
      const auto days = disk.list(folder.path());
      if (!days) return std::unexpected(days.error());
      for (const auto& day : *days) {
        if (day.directory && is_day_name(day.name)) folder.days.push_back(day.name);
      }
      found.push_back(std::move(folder));
    }
  }
  return found;
}

}  // namespace

bool is_day_name(const std::string& name) {
  return name.size() == 10 && name[4] == '-' && name[7] == '-' && digits(name.substr(0, 4)) && digits(name.substr(5, 2)) &&
         digits(name.substr(8, 2));
}

bool is_segment_name(const std::string& name) {
  if (name.size() < 11 || !name.ends_with(".mp4") || !digits(name.substr(0, 6)) || name[6] != 'Z') return false;
  const auto suffix = name.substr(7, name.size() - 11);
  return suffix.empty() || (suffix[0] == '-' && digits(suffix.substr(1)));
}

Result<std::vector<StreamFolder>> stream_folders(Disk& disk) { return folders_beneath(disk, {}); }

Result<std::vector<StreamFolder>> copy_folders(Disk& disk) {
  std::vector<StreamFolder> found;
  const auto volumes = disk.list(copies_folder);
  if (!volumes && volumes.error().code == ErrorCode::not_found) return found;
  if (!volumes) return std::unexpected(volumes.error());
  for (const auto& volume : *volumes) {
    if (!volume.directory) continue;
    auto some = folders_beneath(disk, std::string(copies_folder) + "/" + volume.name + "/");
    if (!some) return some;
    std::ranges::move(*some, std::back_inserter(found));
  }
  return found;
}

Result<std::vector<DiskEntry>> day_files(Disk& disk, const StreamFolder& stream, const std::string& day) {
  auto entries = disk.list(stream.path() + "/" + day);
  if (!entries) return entries;
  std::erase_if(*entries, [](const DiskEntry& entry) { return entry.directory || !is_segment_name(entry.name); });
  // "052357Z-2.mp4" sorts before "052357Z.mp4" as text, but was made after it.
  std::ranges::sort(*entries, [](const DiskEntry& a, const DiskEntry& b) {
    const auto order = a.name.compare(0, 6, b.name, 0, 6);
    if (order != 0) return order < 0;
    return a.name.size() != b.name.size() ? a.name.size() < b.name.size() : a.name < b.name;
  });
  return entries;
}

Result<FileFacts> look_into(Disk& disk, const std::string& volume, const StreamFolder& stream, const std::string& path,
                            unsigned verify_last) {
  auto file = disk.open_read(path);
  if (!file) return std::unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  auto scanned = scan_segment(**file, *size);
  if (!scanned) return std::unexpected(scanned.error());
  auto table = std::make_shared<FragmentTable>(std::move(*scanned));
  SegmentReader reader(std::move(*file), table, path);
  auto whole = table->fragments.size();
  for (auto i = whole - std::min<std::size_t>(whole, verify_last); i < whole; ++i) {
    const auto right = reader.verify(table->fragments[i]);
    if (right) continue;
    if (right.error().code != ErrorCode::corrupt) return std::unexpected(right.error());
    whole = i;
  }
  if (whole == 0) return fail(ErrorCode::corrupt, "it holds no whole fragment");
  const auto& last = table->fragments[whole - 1];
  FileFacts facts;
  const auto& origin = table->header.origin;
  facts.segment.volume = volume;
  facts.segment.key = origin ? StreamKey{origin->camera, origin->stream} : stream.key;
  facts.segment.path = path;
  facts.segment.start = reader.start_of(table->fragments.front());
  facts.segment.end = reader.end_of(last);
  facts.segment.bytes = last.offset + last.size;
  facts.segment.run = origin ? origin->run : 0;
  ActivityMeter meter;
  for (std::size_t i = 0; i < whole; ++i) meter.add(table->fragments[i].decode_time, table->fragments[i].samples);
  facts.segment.activity = meter.levels();
  facts.fragments = whole;
  facts.file_size = *size;
  if (facts.segment.end < facts.segment.start) return fail(ErrorCode::corrupt, "its times run backwards");
  return facts;
}

}  // namespace ccoc::archive
