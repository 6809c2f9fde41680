#include "ccoc/vision/thumbnail_cache.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace ccoc::vision {
namespace {

constexpr std::uint64_t largest_file = 1u << 20;
constexpr std::string_view suffix = ".jpg";

/// "cam01/main/1764048237000000-320.jpg": µs since 1970 and the width.
std::string path_of(const ThumbnailKey& key) {
  return key.camera + "/" + key.stream + "/" + std::to_string(key.at.time_since_epoch().count()) + "-" + std::to_string(key.width) +
         std::string(suffix);
}

template <class T>
bool take_number(std::string_view& text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

std::optional<ThumbnailKey> parse_name(const std::string& camera, const std::string& stream, std::string_view name) {
  ThumbnailKey key{camera, stream, {}, 0};
  std::int64_t us = 0;
  if (!take_number(name, us) || us < 0 || !name.starts_with('-')) return std::nullopt;
  name.remove_prefix(1);
  if (!take_number(name, key.width) || name != suffix) return std::nullopt;
  key.at = UtcTime{Duration{us}};
  return key;
}

bool is_whole_jpeg(ByteView bytes) {
  const auto size = bytes.size();
  return size > 4 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[size - 2] == 0xff && bytes[size - 1] == 0xd9;
}

Result<Bytes> read_file(Disk& disk, const std::string& path) {
  const auto file = disk.open_read(path);
  if (!file) return std::unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  Bytes bytes(static_cast<std::size_t>(std::min(*size, largest_file)));
  const auto got = (*file)->read_at(0, bytes);
  if (!got) return std::unexpected(got.error());
  bytes.resize(*got);
  return bytes;
}

}  // namespace

ThumbnailCache::ThumbnailCache(std::shared_ptr<Disk> disk, std::uint64_t max_bytes) : disk_(std::move(disk)), max_bytes_(max_bytes) {
  load();
  keep_within_limit();
}

void ThumbnailCache::load() {
  std::vector<std::pair<ThumbnailKey, std::uint64_t>> found;
  const auto cameras = disk_->list("");
  if (!cameras) return;
  for (const auto& camera : *cameras) {
    const auto streams = camera.directory ? disk_->list(camera.name) : Result<std::vector<DiskEntry>>{};
    if (!streams) continue;
    for (const auto& stream : *streams) {
      const auto files = stream.directory ? disk_->list(camera.name + "/" + stream.name) : Result<std::vector<DiskEntry>>{};
      if (!files) continue;
      for (const auto& file : *files) {
        if (auto key = parse_name(camera.name, stream.name, file.name); key && !file.directory) found.emplace_back(*key, file.size);
      }
    }
  }
  std::ranges::sort(found, {}, [](const auto& each) { return each.first.at; });
  for (const auto& [key, bytes] : found) add(key, bytes);
}

void ThumbnailCache::add(const ThumbnailKey& key, std::uint64_t bytes) {
  by_age_.push_back(key);
  entries_[key] = {bytes, std::prev(by_age_.end())};
  stats_.bytes += bytes;
  stats_.files = entries_.size();
}

void ThumbnailCache::remove(std::map<ThumbnailKey, Entry>::iterator entry) {
  // What the disk does not let go stays there until it is asked for again, or the next start.
  (void)disk_->remove(path_of(entry->first));
  stats_.bytes -= entry->second.bytes;
  by_age_.erase(entry->second.age);
  entries_.erase(entry);
  stats_.files = entries_.size();
}

void ThumbnailCache::keep_within_limit() {
  while (stats_.bytes > max_bytes_ && !by_age_.empty()) {
    remove(entries_.find(by_age_.front()));
    ++stats_.evictions;
  }
}

std::optional<Bytes> ThumbnailCache::find(const ThumbnailKey& key) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(key);
  if (entry != entries_.end()) {
    auto bytes = read_file(*disk_, path_of(key));
    if (bytes && is_whole_jpeg(*bytes)) {
      ++stats_.hits;
      return std::move(*bytes);
    }
    remove(entry);
  }
  ++stats_.misses;
  return std::nullopt;
}

void ThumbnailCache::put(const ThumbnailKey& key, ByteView jpeg) {
  const std::lock_guard lock(mutex_);
  if (jpeg.size() > std::min(max_bytes_, largest_file) || entries_.contains(key)) return;
  const auto path = path_of(key);
  auto file = disk_->create(path);
  if (!file && file.error().code == ErrorCode::conflict) {
    // One that was not there at the start, or could not be removed.
    (void)disk_->remove(path);
    file = disk_->create(path);
  }
  if (!file) return;
  const ByteView pieces[] = {jpeg};
  if (!(*file)->append(pieces)) {
    (void)disk_->remove(path);
    return;
  }
  add(key, jpeg.size());
  keep_within_limit();
}

void ThumbnailCache::forget(const std::string& camera, const std::string& stream, UtcTime before) {
  const std::lock_guard lock(mutex_);
  const ThumbnailKey first{camera, stream, UtcTime::min(), 0};
  for (auto entry = entries_.lower_bound(first); entry != entries_.end();) {
    const auto& key = entry->first;
    if (key.camera != camera || key.stream != stream || key.at >= before) return;
    remove(entry++);
  }
}

std::map<std::pair<std::string, std::string>, UtcTime> ThumbnailCache::oldest() const {
  const std::lock_guard lock(mutex_);
  std::map<std::pair<std::string, std::string>, UtcTime> out;
  for (const auto& [key, entry] : entries_) out.try_emplace({key.camera, key.stream}, key.at);
  return out;
}

ThumbnailCacheStats ThumbnailCache::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace ccoc::vision
