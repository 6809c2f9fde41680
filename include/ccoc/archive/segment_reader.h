// Reads one file of footage: its formats, its fragments, its access units.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ccoc/base/disk.h"
#include "ccoc/media/access_unit.h"
#include "ccoc/media/mp4.h"

namespace ccoc::archive {

/// What scanning a file found. Immutable once shared.
struct FragmentTable {
  media::FileHeader header;
  std::vector<media::Fragment> fragments;
  std::uint64_t whole_bytes = 0;  ///< where the last whole fragment ends
  std::size_t memory() const;     ///< bytes this table occupies, roughly
};
using FragmentTablePtr = std::shared_ptr<const FragmentTable>;

/// What a scan does at something that is no whole fragment: it is the end (of a file that is written, or was when the hub
/// died), or the scan looks for the next fragment behind it (of a file that rotted).
enum class OnDamage { stop, skip };
/// Scans the front of a file up to `limit` bytes (its size, or what is known to be written). `corrupt` when the header is
/// broken or not ours.
Result<FragmentTable> scan_segment(DiskFile& file, std::uint64_t limit, OnDamage on_damage = OnDamage::stop);
/// Goes on where `table` ended.
Status scan_more(DiskFile& file, std::uint64_t limit, FragmentTable& table, OnDamage on_damage = OnDamage::stop);

/// One open file. Used by one thread at a time.
class SegmentReader {
 public:
  SegmentReader(std::unique_ptr<DiskFile> file, FragmentTablePtr table, std::string name);

  const media::FileHeader& header() const { return table_->header; }
  const std::vector<media::Fragment>& fragments() const { return table_->fragments; }
  const FragmentTablePtr& table() const { return table_; }
  /// Capture time of the fragment's first sample.
  UtcTime start_of(const media::Fragment& fragment) const;
  UtcTime end_of(const media::Fragment& fragment) const;

  /// Looks for fragments written since; `limit` is how far the writer has come.
  Status refresh(std::uint64_t limit);

  struct Contents {
    std::vector<media::AccessUnitPtr> pictures;
    std::vector<media::AudioUnitPtr> sound;  ///< in no step with the pictures: it may begin before them, and end behind
  };
  /// All that a fragment holds; the sound only when it is wanted. Media times are 90 kHz ticks of the capture time since
  /// 1970, so they go on from file to file. `corrupt` when the bytes are not whole NAL units.
  Result<Contents> read(const media::Fragment& fragment, bool with_sound = false);
  /// Only the first (key) sample.
  Result<media::AccessUnitPtr> read_first(const media::Fragment& fragment);
  /// Reads all of a fragment and compares it with its checksum; without one, at least its samples must be whole. `corrupt`
  /// when it rotted, or never reached the disk.
  Status verify(const media::Fragment& fragment);
  /// Tells the kernel that the file's bytes will not be wanted again soon.
  void drop_cache() { file_->drop_cache(); }
  /// Raw bytes of the file.
  Status read_bytes(std::uint64_t offset, std::span<std::uint8_t> into);

 private:
  std::vector<media::AudioUnitPtr> make_sound(const media::Fragment& fragment, ByteView bytes) const;
  Result<media::AccessUnitPtr> make_unit(const media::Fragment& fragment, const media::Sample& sample, std::int64_t decode_time,
                                         ByteView bytes) const;

  std::unique_ptr<DiskFile> file_;
  FragmentTablePtr table_;
  std::string name_;
};

}  // namespace ccoc::archive
