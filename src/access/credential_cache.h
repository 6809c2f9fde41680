// What a cookie or key was found to mean lately. Within `life` it answers instead of the database; while the database is
// away, for ten minutes more. Thread-safe, bounded.
#pragma once

#include <map>
#include <mutex>
#include <optional>

#include "ccoc/base/time.h"
#include "crypto.h"

namespace ccoc::access {

template <class T>
class CredentialCache {
 public:
  explicit CredentialCache(Duration life) : life_(life) {}

  std::optional<T> fresh(const Hash& credential, MonoTime now) const { return younger_than(life_, credential, now); }
  std::optional<T> stale(const Hash& credential, MonoTime now) const {
    return younger_than(life_ + std::chrono::minutes(10), credential, now);
  }

  void put(const Hash& credential, T value, MonoTime now) {
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= 10'000 && !entries_.contains(credential)) entries_.erase(entries_.begin());
    entries_.insert_or_assign(credential, Entry{std::move(value), now});
  }

  void forget(const Hash& credential) {
    const std::lock_guard lock(mutex_);
    entries_.erase(credential);
  }

  template <class Condition>
  void forget_if(Condition condition) {
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_, [&](const auto& entry) { return condition(entry.second.value); });
  }

 private:
  struct Entry {
    T value;
    MonoTime read_at;
  };

  std::optional<T> younger_than(Duration age, const Hash& credential, MonoTime now) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(credential);
    if (found == entries_.end() || now - found->second.read_at > age) return std::nullopt;
    return found->second.value;
  }

  const Duration life_;
  mutable std::mutex mutex_;
  std::map<Hash, Entry> entries_;
};

}  // namespace ccoc::access
