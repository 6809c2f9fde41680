// A stream of any codec in, H.264 out (x264, fastest preset, no delay), for viewers who cannot decode what the camera sends.
// Access unit by access unit; the process is one stream's.
#pragma once

#include <deque>
#include <vector>

#include "av.h"
#include "wire.h"

namespace ccoc::vision {

class Transcoding {
 public:
  /// What came out: UnitHead and bytes, any number of times. `corrupt` when the unit cannot be decoded; the next key
  /// frame begins anew. `unsupported` when there is no encoder.
  Result<Bytes> push(const RequestHead& request, ByteView annexb);

 private:
  Status begin(const RequestHead& request);
  Status encode(const AVFrame& decoded, bool key, const RequestHead& limits, Bytes& out);
  Status open_encoder(const AVFrame& decoded, const RequestHead& limits);
  Status drain_encoder(Bytes& out);

  CodecContext decoder_;
  CodecContext encoder_;
  Scaler scaler_;
  Frame scaled_;
  std::int64_t hidden_until_ = -1;       ///< units up to this id are not shown
  std::vector<std::int64_t> keys_;       ///< ids of key frames that have not come out yet
  std::deque<std::int64_t> in_encoder_;  ///< ids in the order they went in, and will come out
  std::int64_t next_time_ = 0;
  bool want_key_ = true;
  std::uint8_t codec_ = 0;
  int source_width_ = 0, source_height_ = 0, source_format_ = -1;
};

}  // namespace ccoc::vision
