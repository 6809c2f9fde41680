// An S3-compatible object store as a disk (Amazon S3 API 2006-03-01): what footage is moved to. Objects appear whole, at sync().
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "ccoc/base/clock.h"
#include "ccoc/base/disk.h"

namespace ccoc::archive {

struct S3Options {
  std::string url;  ///< https://HOST/BUCKET or https://HOST/BUCKET/PREFIX, path-style
  std::string region;
  std::string access_key;  ///< empty: requests are not signed
  std::string secret_key;  ///< secret
  /// Once true, every request ends at once (`unavailable`); null: never.
  std::shared_ptr<const std::atomic<bool>> cancelled = nullptr;
  Duration timeout = std::chrono::seconds{15};  ///< to connect, and without any byte moving
};

/// Requests are signed with Signature Version 4 and sent by libcurl; the store need not be there now (`unavailable` later).
/// `invalid_argument` for a URL without bucket. What is created is uploaded at sync(), in parts where it is large, and is not there
/// before; appending to an object that exists, and truncating, are `unsupported`. Files read ahead in pieces of up to 4 MiB.
/// space() is without limit. Thread-safe; calls block. `clock` outlives it.
Result<std::shared_ptr<Disk>> open_s3_disk(const S3Options& options, const Clock& clock);

}  // namespace ccoc::archive
