#include "fmp4.h"

#include "ccoc/media/mp4.h"

namespace ccoc::api {
namespace {
constexpr std::int64_t longest = 5 * std::int64_t{video_timescale};
}

std::optional<FragmentMaker::Piece> FragmentMaker::push(media::AccessUnitPtr unit, std::uint8_t flags) {
  std::optional<Piece> out;
  if (waiting_) {
    const std::int64_t distance = unit->media_time - waiting_->media_time;
    const bool continuous = !unit->discontinuity && distance > 0 && distance <= longest;
    out = make(continuous ? distance : last_duration_);
  }
  waiting_ = std::move(unit);
  waiting_flags_ = flags;
  return out;
}

std::optional<FragmentMaker::Piece> FragmentMaker::flush() {
  if (!waiting_) return std::nullopt;
  return make(last_duration_);
}

FragmentMaker::Piece FragmentMaker::make(std::int64_t duration) {
  const auto unit = std::exchange(waiting_, nullptr);
  if (!format_ || (format_ != unit->format && *format_ != *unit->format)) {
    format_ = unit->format;
    init_ = std::make_shared<const Bytes>(media::make_init_segment({format_}, std::nullopt));
  }
  media::FragmentPlan plan;
  plan.sequence = sequence_++;
  plan.decode_time = next_time_;
  plan.utc = unit->capture_time + from_ticks(unit->composition_offset, video_timescale);
  plan.samples.push_back({.size = static_cast<std::uint32_t>(unit->data->size()),
                          .duration = static_cast<std::uint32_t>(duration),
                          .composition_offset = unit->composition_offset,
                          .key = unit->key});
  Bytes bytes = media::make_fragment_header(plan);
  bytes.insert(bytes.end(), unit->data->begin(), unit->data->end());
  Piece piece{init_, std::make_shared<const Bytes>(std::move(bytes)), unit, waiting_flags_, next_time_};
  next_time_ += duration;
  last_duration_ = duration;
  return piece;
}

}  // namespace ccoc::api
