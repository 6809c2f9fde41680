#include "ccoc/ingest/decode_order.h"

#include <algorithm>
#include <utility>

namespace ccoc::ingest {
namespace {

constexpr std::size_t deepest = 16;  // of H.264 and H.265
constexpr unsigned span = 250;
constexpr double least_step_us = 1000;

}  // namespace

void DecodeOrder::expect(std::size_t depth, double interval_us) {
  told_ = std::min(depth, deepest);
  interval_us_ = interval_us;
}

std::size_t DecodeOrder::depth() const { return std::max({told_, span_.second, span_before_.second}); }

void DecodeOrder::reset() {
  waiting_.clear();
  seen_.clear();
  last_.reset();
}

void DecodeOrder::observe(double presentation_us) {
  const auto later = static_cast<std::size_t>(std::ranges::count_if(seen_, [&](double t) { return t > presentation_us; }));
  if (later > span_.most) {
    span_.second = std::exchange(span_.most, later);
  } else {
    span_.second = std::max(span_.second, later);
  }
  if (++pictures_in_span_ == span) {
    pictures_in_span_ = 0;
    span_before_ = std::exchange(span_, {});
  }
  seen_.push_back(presentation_us);
  if (seen_.size() > deepest) seen_.pop_front();
}

double DecodeOrder::next(double presentation_us) {
  observe(presentation_us);
  const auto most_waiting = depth();
  double decode_us = presentation_us;
  if (most_waiting > 0 || !waiting_.empty()) {
    waiting_.insert(presentation_us);
    if (waiting_.size() <= most_waiting) {
      // The first of a run: as many pictures early as are still to come.
      decode_us = *waiting_.begin() - static_cast<double>(most_waiting + 1 - waiting_.size()) * interval_us_;
    }
    for (; waiting_.size() > most_waiting; waiting_.erase(waiting_.begin())) decode_us = *waiting_.begin();
  }
  if (last_) decode_us = std::max(decode_us, *last_ + least_step_us);
  last_ = decode_us;
  return decode_us;
}

}  // namespace ccoc::ingest
