// Frames sent = frames in the archive: every stamped frame number of every camera, read back from its files.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ccoc/base/result.h"
#include "ccoc/simulator/stamp.h"
#include "stage.h"

namespace ccoc::bench {

struct CameraFootage {
  std::uint64_t frames = 0;
  std::uint64_t first = 0, last = 0;  ///< frame numbers
  std::uint64_t missing = 0;          ///< numbers between first and last that no sample carries
  std::uint64_t out_of_order = 0;     ///< repeated or earlier than the one before
  std::uint64_t foreign = 0;          ///< samples without a stamp, or with another camera's
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t payload = 0;  ///< of them the samples' own
};

/// Reads CAMERA/main below `footage`. `corrupt` names a file that is not what the archive writes. `each` sees every stamp.
/// Encrypted files are read with the key at `key_file`.
Result<CameraFootage> read_footage(const std::string& footage, int camera, const std::function<void(const simulator::Stamp&)>& each = {},
                                   const std::string& key_file = {});

struct ArchiveVerdict {
  std::uint64_t sent = 0, archived = 0, missing = 0, out_of_order = 0, foreign = 0, dropped_by_farm = 0;
  std::uint64_t unrecorded = 0;  ///< sent, but before the first or after the last recorded one
  std::uint64_t files = 0, bytes = 0, payload = 0;
  std::vector<std::string> complaints;  ///< one per camera that is not whole
  bool whole() const { return complaints.empty() && sent == archived; }
};
Result<ArchiveVerdict> check_archive(const Options& options, const std::string& footage, const std::map<std::string, SentFrames>& sent,
                                     const std::string& key_file = {});

}  // namespace ccoc::bench
