#include "delivery.h"

#include "ccoc/base/metrics.h"
#include "json.h"

namespace ccoc::api {
namespace {

metrics::Counter& sent_units() {
  static auto& counter = metrics::global().counter("ccoc_stream_units_total", "Units queued for viewers");
  return counter;
}
metrics::Counter& dropped_units() {
  static auto& counter = metrics::global().counter("ccoc_stream_dropped_units_total", "Units not sent because the viewer was late");
  return counter;
}

std::string to_hex(ByteView bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const auto byte : bytes) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

/// When the picture was taken, µs since 1970.
std::int64_t shown_at(const media::AccessUnit& unit) {
  return (unit.capture_time + from_ticks(unit.composition_offset, video_timescale)).time_since_epoch().count();
}

}  // namespace

std::string stream_error(std::optional<std::uint16_t> id, const Problem& problem) {
  std::string out = R"({"op":"error",)";
  if (id) out += R"("id":)" + std::to_string(*id) + ",";
  return out + R"("problem":)" + problem.json() + "}";
}

Delivery::Delivery(std::uint16_t id, StreamFormat format, std::shared_ptr<Outbox> outbox)
    : id_(id), format_(format), outbox_(std::move(outbox)) {}

void Delivery::announce(const media::VideoFormat& format) {
  boost::json::object out{{"op", "subscribed"},           {"id", id_},
                          {"codec", format.codec_string}, {"width", format.width},
                          {"height", format.height},      {"timescale", video_timescale}};
  if (transcoded_) out["transcoded"] = true;
  outbox_->send_text(to_text(out));
}

void Delivery::announce(const media::AudioFormat& format) {
  outbox_->send_text(to_text(boost::json::object{{"op", "audio"},
                                                 {"id", id_},
                                                 {"codec", format.codec_string},
                                                 {"sample_rate", format.sample_rate},
                                                 {"channels", format.channels},
                                                 {"config", to_hex(format.config)}}));
}

void Delivery::say_state(std::string_view state, const StateDetail& detail) {
  last_state_ = state;
  boost::json::object out{{"op", "state"}, {"id", id_}, {"state", state}};
  if (!detail.cause.empty()) out["cause"] = detail.cause;
  if (detail.from) out["from"] = format_rfc3339(*detail.from);
  if (detail.to) out["to"] = format_rfc3339(*detail.to);
  if (!detail.reason.empty()) out["reason"] = detail.reason;
  outbox_->send_text(to_text(out));
}

void Delivery::unit(const media::AccessUnitPtr& unit, const std::function<SharedBytes()>& annexb, std::uint8_t flags,
                    std::string_view normal_state) {
  const std::scoped_lock lock(mutex_);
  if (closed_) return;
  if (!announced_ || (announced_ != unit->format && *announced_ != *unit->format)) {
    announced_ = unit->format;
    announce(*announced_);
  }
  if (unit->key) flags |= unit_flags::key;
  if (std::exchange(restarted_, false) || unit->discontinuity) flags |= unit_flags::discontinuity;
  if ((flags & unit_flags::preroll) == 0) last_shown_ = unit->capture_time;
  if (format_ == StreamFormat::annexb) {
    put(OutUnit{flags, shown_at(*unit), unit->media_time + unit->composition_offset, annexb(), nullptr}, normal_state);
    return;
  }
  if (auto piece = fragments_.push(unit, flags)) {
    put(OutUnit{piece->flags, shown_at(*piece->unit), piece->decode_time, std::move(piece->fragment), std::move(piece->init)},
        normal_state);
  }
}

void Delivery::audio(const media::AudioUnitPtr& unit) {
  const std::scoped_lock lock(mutex_);
  // Before the first picture it would be heard with nothing to see.
  if (closed_ || !announced_) return;
  if (!announced_audio_ || (announced_audio_ != unit->format && *announced_audio_ != *unit->format)) {
    announced_audio_ = unit->format;
    announce(*announced_audio_);
  }
  std::uint8_t flags = unit_flags::audio;
  if (unit->discontinuity) flags |= unit_flags::discontinuity;
  // A viewer who is late hears nothing until pictures come again: there is no state of its own for that.
  outbox_->put(id_, OutUnit{flags, unit->capture_time.time_since_epoch().count(), unit->media_time, unit->data, nullptr});
}

void Delivery::put(OutUnit unit, std::string_view normal_state) {
  // A discontinuity that is dropped with its frame still is one for the next that is sent.
  const bool broken = (unit.flags & unit_flags::discontinuity) != 0;
  switch (outbox_->put(id_, std::move(unit))) {
    case Outbox::Put::queued:
    case Outbox::Put::resumed:
      sent_units().add();
      if (last_state_ != normal_state) say_state(normal_state, {});
      break;
    case Outbox::Put::dropped:
      dropped_units().add();
      restarted_ = restarted_ || broken;
      if (last_state_ != "late") say_state("late", {});
      break;
    case Outbox::Put::closed: closed_ = true; break;
  }
}

void Delivery::state(std::string_view state, const StateDetail& detail) {
  const std::scoped_lock lock(mutex_);
  if (closed_) return;
  if (auto piece = fragments_.flush()) {
    put(OutUnit{piece->flags, shown_at(*piece->unit), piece->decode_time, std::move(piece->fragment), std::move(piece->init)}, last_state_);
  }
  if (state != last_state_ || detail.from) say_state(state, detail);
}

void Delivery::error(const Problem& problem) {
  const std::scoped_lock lock(mutex_);
  if (!closed_) outbox_->send_text(stream_error(id_, problem));
}

void Delivery::set_transcoded(bool transcoded) {
  const std::scoped_lock lock(mutex_);
  if (std::exchange(transcoded_, transcoded) != transcoded) announced_.reset();
}

void Delivery::restart() {
  const std::scoped_lock lock(mutex_);
  restarted_ = true;
  fragments_.flush();
  outbox_->clear(id_, false);
}

void Delivery::close() {
  const std::scoped_lock lock(mutex_);
  if (std::exchange(closed_, true)) return;
  outbox_->clear(id_, true);
}

std::optional<UtcTime> Delivery::last_shown() const {
  const std::scoped_lock lock(mutex_);
  return last_shown_;
}

}  // namespace ccoc::api
