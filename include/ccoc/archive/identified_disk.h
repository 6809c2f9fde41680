// A disk that is only written to while it is the one it should be. A mount that is missing leaves an empty folder on the system's
// disk: to fill that with footage would stop more than the recording (faults.md D2).
#pragma once

#include <memory>
#include <string>

#include "ccoc/base/clock.h"
#include "ccoc/base/disk.h"

namespace ccoc::archive {

/// The file in a volume's folder that says which volume it is.
inline constexpr const char* identity_file = ".ccoc-volume";

/// The folder `root` as volume `name`. `note`: a file elsewhere in which its identity is remembered; both are made when the volume
/// is new. Succeeds also when the volume is not there now: every call then fails with `unavailable` and a sentence, and it is looked
/// for again every few seconds. Each new file is made only where the folder is still the same one of the same device.
/// `io` or `permission_denied` when neither folder nor note can be made. Thread-safe; `clock` outlives it.
Result<std::shared_ptr<Disk>> open_identified_disk(const std::string& name, const std::string& root, const std::string& note,
                                                   const Clock& clock);

}  // namespace ccoc::archive
