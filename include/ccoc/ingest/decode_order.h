// Decode times for pictures that come in decode order with presentation times (B-frames: RTP carries no decode times).
// Pure. One stream.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <set>

namespace ccoc::ingest {

/// With a reordering of d pictures the n-th picture is decoded when the (n-d)-th of them, in presentation order, is shown.
/// d is what the stream says, or what was seen.
class DecodeOrder {
 public:
  /// `interval_us`: of two pictures, for the first of a run.
  void expect(std::size_t depth, double interval_us);
  /// The decode time of the next picture, µs; rises from call to call. Without reordering it is `presentation_us`.
  double next(double presentation_us);
  void reset();
  std::size_t depth() const { return depth_; }

 private:
  std::size_t depth_ = 0;
  double interval_us_ = 40'000;
  std::multiset<double> waiting_;   ///< presentation times whose turn to be a decode time has not come
  std::deque<double> seen_;         ///< the latest presentation times
  std::optional<double> last_;
};

}  // namespace ccoc::ingest
