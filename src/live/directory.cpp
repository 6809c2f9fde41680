#include "ccoc/live/directory.h"

namespace ccoc::live {

void Directory::add(const std::string& camera, const std::string& stream, std::shared_ptr<Channel> channel) {
  const std::lock_guard lock(mutex_);
  channels_[{camera, stream}] = std::move(channel);
}

void Directory::remove(const std::string& camera, const std::string& stream) {
  const std::lock_guard lock(mutex_);
  channels_.erase({camera, stream});
}

std::shared_ptr<Channel> Directory::find(const std::string& camera, const std::string& stream) const {
  const std::lock_guard lock(mutex_);
  const auto found = channels_.find({camera, stream});
  return found == channels_.end() ? nullptr : found->second;
}

}  // namespace ccoc::live
