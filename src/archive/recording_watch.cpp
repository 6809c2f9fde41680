#include "recording_watch.h"

#include <algorithm>

#include "ccoc/base/log.h"

namespace ccoc::archive {
namespace {

/// A camera that sends nothing for so long is not what is wrong with the recording.
constexpr Duration silence = std::chrono::seconds{5};

}  // namespace

std::uint64_t RecordingWatch::bytes_on_disk(const RecordingStatus& status) const {
  const auto disk = volumes_.find(status.volume);
  if (status.open_path.empty() || disk == volumes_.end()) return 0;
  const auto file = disk->second->open_read(status.open_path);
  if (!file) return 0;
  return (*file)->size().value_or(0);
}

void RecordingWatch::look(const std::map<StreamKey, RecordingStatus>& recordings,
                          const std::map<std::string, std::string>& volume_problem) {
  const auto now = clock_.now();
  std::erase_if(seen_, [&](const auto& entry) { return !recordings.contains(entry.first); });
  std::map<StreamKey, RecordingProblem> found;
  for (const auto& [key, status] : recordings) {
    auto& seen = seen_[key];
    if (status.frames_taken != seen.frames_taken) {
      seen.frames_taken = status.frames_taken;
      seen.came_at = now;
      if (!seen.comes_since) seen.comes_since = now;
    } else if (now - seen.came_at > silence) {
      seen.comes_since.reset();
    }
    const auto bytes = bytes_on_disk(status);
    if (bytes > 0 && (bytes > seen.bytes || status.open_path != seen.path)) seen.grew_at = now;
    seen.bytes = bytes;
    seen.path = status.open_path;
    if (!seen.comes_since || now - std::max(*seen.comes_since, seen.grew_at.value_or(*seen.comes_since)) < patience) continue;
    const auto volume = volume_problem.find(status.volume);
    std::string reason = "pictures come, but nothing of them is written to the disk";
    if (status.last_error) {
      reason = status.last_error->message;
    } else if (volume != volume_problem.end() && !volume->second.empty()) {
      reason = volume->second;
    }
    found[key] = {key, clock_.utc_now(), std::move(reason)};
  }
  const std::lock_guard lock(mutex_);
  for (auto& [key, problem] : found) {
    if (const auto known = problems_.find(key); known != problems_.end()) {
      problem.since = known->second.since;
    } else {
      log::error("archive", "{}/{} is not recorded: {}", key.camera, key.stream, problem.reason);
    }
  }
  for (const auto& [key, problem] : problems_) {
    if (!found.contains(key)) log::info("archive", "{}/{} is recorded again", key.camera, key.stream);
  }
  problems_ = std::move(found);
}

std::vector<RecordingProblem> RecordingWatch::problems() const {
  const std::lock_guard lock(mutex_);
  std::vector<RecordingProblem> out;
  for (const auto& [key, problem] : problems_) out.push_back(problem);
  return out;
}

}  // namespace ccoc::archive
