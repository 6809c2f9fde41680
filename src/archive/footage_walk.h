// Walks CAMERA/STREAM/DAY/FILE of a volume and looks into files, for recovery, check and reindex.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ccoc/archive/segment_reader.h"
#include "ccoc/archive/types.h"

namespace ccoc::archive {

struct StreamFolder {
  StreamKey key;
  std::vector<std::string> days;  ///< oldest first: "2026-11-24"
  std::string root{};             ///< empty: footage; "_copies/VOLUME/": second copies
  std::string path() const { return root + key.camera + "/" + key.stream; }
};

/// Every stream that has a folder of footage. Names that are none of ours are skipped.
Result<std::vector<StreamFolder>> stream_folders(Disk& disk);
/// The same of second copies.
Result<std::vector<StreamFolder>> copy_folders(Disk& disk);
/// The footage files of one day, oldest first.
Result<std::vector<DiskEntry>> day_files(Disk& disk, const StreamFolder& stream, const std::string& day);

/// "052357Z.mp4", "052357Z-2.mp4".
bool is_segment_name(const std::string& name);
bool is_day_name(const std::string& name);

struct FileFacts {
  Segment segment;  ///< as its row should be, closed
  std::size_t fragments = 0;
  std::uint64_t file_size = 0;  ///< more than segment.bytes: a torn tail
};
/// Reads the whole table of a file. `corrupt` when it holds no whole fragment or is none of ours. With
/// `verify_last` the samples of that many last fragments are read: after a power cut a file may have its length but
/// not its bytes.
Result<FileFacts> look_into(Disk& disk, const std::string& volume, const StreamFolder& stream, const std::string& path,
                            unsigned verify_last = 0);

}  // namespace ccoc::archive
