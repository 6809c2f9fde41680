// Thumbnails kept on disk, so that a stretch of footage is decoded once however often the timeline is looked at. Bounded:
// beyond its limit the oldest go first. What it holds can be made again at any time; losing it loses nothing.
#pragma once

#include <compare>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "ccoc/base/bytes.h"
#include "ccoc/base/disk.h"
#include "ccoc/base/time.h"

namespace ccoc::vision {

struct ThumbnailKey {
  std::string camera;  ///< slug
  std::string stream;  ///< slug
  UtcTime at;          ///< capture time of the key frame
  unsigned width = 0;  ///< pixels
  friend auto operator<=>(const ThumbnailKey&, const ThumbnailKey&) = default;
};

struct ThumbnailCacheStats {
  std::size_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t evictions = 0;
};

/// Thread-safe; calls block on the disk.
class ThumbnailCache {
 public:
  /// Looks at what is there, which takes a moment; files that are none of its own are left alone. `max_bytes` 0: keeps
  /// nothing, and removes what was kept before.
  ThumbnailCache(std::shared_ptr<Disk> disk, std::uint64_t max_bytes);

  /// The JPEG; empty when it is not there, or was damaged.
  std::optional<Bytes> find(const ThumbnailKey& key);
  /// A disk that refuses is no error: the thumbnail is made again the next time.
  void put(const ThumbnailKey& key, ByteView jpeg);
  /// Removes what is older than `before` of one stream, because its footage is gone.
  void forget(const std::string& camera, const std::string& stream, UtcTime before);
  /// The streams that there are thumbnails of.
  std::map<std::pair<std::string, std::string>, UtcTime> oldest() const;

  ThumbnailCacheStats stats() const;

 private:
  struct Entry {
    std::uint64_t bytes = 0;
    std::list<ThumbnailKey>::iterator age;
  };
  void load();
  void add(const ThumbnailKey& key, std::uint64_t bytes);
  void remove(std::map<ThumbnailKey, Entry>::iterator entry);
  void keep_within_limit();

  const std::shared_ptr<Disk> disk_;
  const std::uint64_t max_bytes_;
  mutable std::mutex mutex_;
  std::map<ThumbnailKey, Entry> entries_;
  std::list<ThumbnailKey> by_age_;  ///< the oldest first: as they were made; of those from before, as they were taken
  ThumbnailCacheStats stats_;
};

}  // namespace ccoc::vision
