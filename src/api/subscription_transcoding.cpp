// The part of a subscription that makes a stream into one its viewer can decode.
#include <algorithm>

#include "ccoc/media/nal.h"
#include "subscription.h"

namespace ccoc::api {
namespace {

std::string_view family_of(const media::VideoFormat& format) {
  switch (format.codec) {
    case media::Codec::h264: return "avc1";
    case media::Codec::h265: return "hvc1";
    case media::Codec::mjpeg: return "mp4v";
  }
  return "";
}

}  // namespace

bool Subscription::can_decode(const media::VideoFormat& format) const {
  if (wanted_.decode.empty() || format.codec == media::Codec::h264 || services_.transcoder == nullptr) return true;
  return std::ranges::find(wanted_.decode, family_of(format)) != wanted_.decode.end();
}

void Subscription::hand_over(const media::AccessUnitPtr& unit, const AnnexB& annexb, std::uint8_t flags, const char* normal_state) {
  if (!can_decode(*unit->format)) return transcode(unit, flags, normal_state);
  end_transcoding(false);
  delivery_.unit(unit, annexb, flags, normal_state);
}

void Subscription::transcode(const media::AccessUnitPtr& unit, std::uint8_t flags, const char* normal_state) {
  const std::scoped_lock lock(transcoding_mutex_);
  // Who was refused a session is told once, and asks again by subscribing again.
  if (ended_ || refused_) return;
  normal_state_ = normal_state;
  if (!transcoding_) {
    auto session = services_.transcoder->open([this](const media::AccessUnitPtr& made, std::uint8_t made_flags) {
      delivery_.unit(made, [&] { return std::make_shared<const Bytes>(media::to_annexb(*made)); }, made_flags, normal_state_.load());
    });
    if (!session) {
      refused_ = true;
      delivery_.error(to_problem(session.error()));
      return;
    }
    delivery_.set_transcoded(true);
    transcoding_ = std::move(*session);
  }
  transcoding_->push(unit, flags, (flags & unit_flags::preroll) != 0);
}

void Subscription::restart_delivery() {
  {
    const std::scoped_lock lock(transcoding_mutex_);
    if (transcoding_) transcoding_->restart();
  }
  delivery_.restart();
}

void Subscription::end_transcoding(bool for_good) {
  std::unique_ptr<vision::TranscodeSession> ended;
  {
    const std::scoped_lock lock(transcoding_mutex_);
    ended_ = ended_ || for_good;
    if (!transcoding_) return;
    ended = std::move(transcoding_);
  }
  ended.reset();
  delivery_.set_transcoded(false);
}

}  // namespace ccoc::api
