// Decode times for pictures that come in decode order with presentation times (B-frames: RTP carries no decode times).
// Pure. One stream.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <set>

namespace ccoc::ingest {

/// With a reordering of d pictures the n-th picture is decoded when the (n-d)-th of them, in presentation order, is shown.
/// d is what the stream says, or what was seen twice among the last few hundred pictures, if that is more.
class DecodeOrder {
 public:
  /// What the stream says. `interval_us`: of two pictures, for the first of a run.
  void expect(std::size_t depth, double interval_us);
  /// The decode time of the next picture, µs; rises from call to call. Without reordering it is `presentation_us`.
  double next(double presentation_us);
  void reset();
  std::size_t depth() const;

 private:
  /// How far pictures came behind later ones within a span of pictures: once may be a wrong timestamp, twice is not.
  struct Seen {
    std::size_t most = 0, second = 0;
  };
  void observe(double presentation_us);

  std::size_t told_ = 0;
  Seen span_, span_before_;
  unsigned pictures_in_span_ = 0;
  double interval_us_ = 40'000;
  std::multiset<double> waiting_;  ///< presentation times whose turn to be a decode time has not come
  std::deque<double> seen_;        ///< the latest presentation times
  std::optional<double> last_;
};

}  // namespace ccoc::ingest
