// Keeps the fragment tables of closed files that were read last. Thread-safe.
#pragma once

#include <list>
#include <map>
#include <mutex>

#include "ccoc/archive/segment_reader.h"
#include "ccoc/archive/segment_store.h"

namespace ccoc::archive {

class TableCache {
 public:
  explicit TableCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  FragmentTablePtr find(const SegmentId& id) {
    const std::lock_guard lock(mutex_);
    const auto it = index_.find(id);
    if (it == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, it->second);
    return it->second->table;
  }

  void put(const SegmentId& id, FragmentTablePtr table) {
    const std::lock_guard lock(mutex_);
    if (const auto it = index_.find(id); it != index_.end()) erase(it->second);
    const auto bytes = table->memory();
    entries_.push_front({id, std::move(table), bytes});
    index_[id] = entries_.begin();
    bytes_ += bytes;
    while (bytes_ > max_bytes_ && entries_.size() > 1) erase(std::prev(entries_.end()));
  }

 private:
  struct Entry {
    SegmentId id;
    FragmentTablePtr table;
    std::size_t bytes;
  };
  void erase(std::list<Entry>::iterator entry) {
    bytes_ -= entry->bytes;
    index_.erase(entry->id);
    entries_.erase(entry);
  }

  const std::size_t max_bytes_;
  std::mutex mutex_;
  std::list<Entry> entries_;
  std::map<SegmentId, std::list<Entry>::iterator> index_;
  std::size_t bytes_ = 0;
};

}  // namespace ccoc::archive
