// The quantiser of a coded picture, read from the header of its first slice: how coarsely its encoder worked, without
// decoding anything.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "ccoc/media/access_unit.h"

namespace ccoc::media {

/// Of one format's pictures. H.264 without slice groups; others are not known. Reads hostile bytes; any thread.
class SliceQuantizer {
 public:
  explicit SliceQuantizer(const VideoFormat& format);
  ~SliceQuantizer();
  SliceQuantizer(SliceQuantizer&&) noexcept;
  SliceQuantizer& operator=(SliceQuantizer&&) noexcept;

  /// SliceQP_Y (ITU-T H.264 §7.4.3), 0 to 51. `data` as AccessUnit::data.
  std::optional<unsigned> of(ByteView data) const;

 private:
  struct Sets;
  std::unique_ptr<const Sets> sets_;  ///< null: not known for this format
};

}  // namespace ccoc::media
