// Which live channels there are: (camera, stream) → Channel. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "ccoc/live/channel.h"

namespace ccoc::live {

class Directory {
 public:
  void add(const std::string& camera, const std::string& stream, std::shared_ptr<Channel> channel);
  void remove(const std::string& camera, const std::string& stream);
  /// Null when the camera has no such stream (or is disabled).
  std::shared_ptr<Channel> find(const std::string& camera, const std::string& stream) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<Channel>> channels_;
};

}  // namespace ccoc::live
