#include "ccoc/ingest/decode_order.h"

#include <algorithm>

namespace ccoc::ingest {
namespace {

constexpr std::size_t deepest = 16;  // of H.264 and H.265
constexpr double least_step_us = 1000;

}  // namespace

void DecodeOrder::expect(std::size_t depth, double interval_us) {
  depth_ = std::max(depth_, std::min(depth, deepest));
  interval_us_ = interval_us;
}

void DecodeOrder::reset() {
  waiting_.clear();
  seen_.clear();
  last_.reset();
}

double DecodeOrder::next(double presentation_us) {
  const auto later = static_cast<std::size_t>(std::ranges::count_if(seen_, [&](double t) { return t > presentation_us; }));
  depth_ = std::max(depth_, std::min(later, deepest));
  seen_.push_back(presentation_us);
  if (seen_.size() > deepest) seen_.pop_front();
  if (depth_ == 0) {
    last_ = presentation_us;
    return presentation_us;
  }
  waiting_.insert(presentation_us);
  double decode_us = *waiting_.begin();
  if (waiting_.size() > depth_) {
    waiting_.erase(waiting_.begin());
  } else {
    // The first of a run: as many pictures early as are still to come.
    decode_us -= static_cast<double>(depth_ + 1 - waiting_.size()) * interval_us_;
  }
  if (last_) decode_us = std::max(decode_us, *last_ + least_step_us);
  last_ = decode_us;
  return decode_us;
}

}  // namespace ccoc::ingest
