// The parameter sets in force for a stream: the SDP's until the stream brings its own.
#pragma once

#include "ccoc/media/access_unit.h"

namespace ccoc::media {

/// One stream's sets, one thread. Bounded: at most 16 VPS, 16 SPS and 64 PPS of at most 4 KiB each.
class ParameterSets {
 public:
  explicit ParameterSets(Codec codec) : codec_(codec) {}

  /// Takes a set from the SDP; false when it is unreadable and so ignored.
  bool add_from_sdp(ByteView nal) { return add(nal, Origin::sdp); }
  /// Takes a set from the stream: it replaces the one with its number and all of its kind from the SDP.
  bool add_in_band(ByteView nal) { return add(nal, Origin::stream); }
  /// To be called at the end of each access unit.
  void end_unit() { fresh_sps_ = 0; }

  /// What the sets make: the same pointer until their content differs; nothing while a kind is missing.
  const VideoFormatPtr& format();

 private:
  enum class Origin { sdp, stream };
  struct Set {
    std::uint32_t id;
    Origin origin;
    Bytes bytes;
  };
  using Kind = std::vector<Set>;

  bool add(ByteView nal, Origin origin);
  Kind* kind_of(ByteView nal);

  Codec codec_;
  Kind vps_, sps_, pps_;
  std::size_t fresh_sps_ = 0;  ///< SPS that changed within this unit; they stand in front
  bool changed_ = false;
  VideoFormatPtr format_;
};

}  // namespace ccoc::media
