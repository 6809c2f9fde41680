#include "stream.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "black_picture.h"
#include "session.h"

namespace ccoc::simulator {
namespace {

/// A picture that stands still is sent less often: each is a whole key frame.
constexpr double still_fps = 5;
constexpr Duration longest_lateness = std::chrono::seconds{1};

}  // namespace

Stream::Stream(unsigned camera, std::string role, ClipPtr clip, MonoTime start, Duration phase, std::uint32_t seed)
    : camera_(camera), role_(std::move(role)), clip_(std::move(clip)), epoch_(start + phase), random_(seed) {
  begin_identity(false);
}

void Stream::begin_identity(bool from_zero) {
  ssrc_ = static_cast<std::uint32_t>(random_()) ^ camera_ << 20;
  sequence_ = from_zero ? std::uint16_t{0} : static_cast<std::uint16_t>(random_());
  timestamp_base_ = from_zero ? 0 : static_cast<std::uint32_t>(random_());
  timestamp_offset_ = 0;
  stray_.reset();
}

MonoTime Stream::due_of(std::int64_t frame) const {
  return epoch_ + Duration{static_cast<std::int64_t>(std::llround(static_cast<double>(frame) * 1e6 / clip_->fps() / pace_))};
}

void Stream::set_pace(double ppm) {
  const auto due = due_of(next_frame_);
  pace_ = 1 + ppm / 1e6;
  epoch_ += due - due_of(next_frame_);
}

std::uint32_t Stream::timestamp_of(std::int64_t frame) const {
  const auto ticks = std::llround(static_cast<double>(frame) * video_timescale / clip_->fps());
  return timestamp_base_ + timestamp_offset_ + static_cast<std::uint32_t>(ticks);
}

std::uint32_t Stream::timestamp_at(MonoTime t) const {
  return timestamp_base_ + timestamp_offset_ +
         static_cast<std::uint32_t>(static_cast<std::int64_t>(static_cast<double>(to_ticks(t - epoch_, video_timescale)) * pace_));
}

const Clip::Frame& Stream::picture_of(std::int64_t frame) const {
  if (black_) return black_->frames().front();
  if (frozen_) return clip_->frames()[*frozen_];
  const auto count = static_cast<std::int64_t>(clip_->frames().size());
  return clip_->frames()[static_cast<std::size_t>((frame + picture_shift_) % count)];
}

void Stream::freeze() {
  auto frame = next_frame_;
  while (frame > 0 && !picture_of(frame).key) --frame;
  frozen_ = static_cast<std::size_t>(&picture_of(frame) - clip_->frames().data());
}

void Stream::blacken() {
  const auto& format = clip_->format();
  if (format.codec != media::Codec::h264) return;
  if (auto made = Clip::from_annexb(format.codec, black_picture(format.width, format.height), clip_->fps())) black_ = *made;
}

void Stream::show_again() {
  if (!black_ && !frozen_) return;
  black_.reset();
  frozen_.reset();
  resumes_ = true;
}

void Stream::align_to_key(std::int64_t first_frame) {
  next_frame_ = first_frame;
  const auto count = static_cast<std::int64_t>(clip_->frames().size());
  for (std::int64_t i = 0; i < count && !picture_of(next_frame_).key; ++i) picture_shift_ = (picture_shift_ + 1) % count;
}

void Stream::align_for_viewer(MonoTime now) {
  const double elapsed_s = std::chrono::duration<double>(now - epoch_).count() * pace_;
  const auto frame = static_cast<std::int64_t>(std::ceil(elapsed_s * clip_->fps()));
  align_to_key(std::max({frame, next_frame_, std::int64_t{0}}));
}

void Stream::add_viewer(Session& session) {
  viewers_.push_back(&session);
  plays_.fetch_add(1, std::memory_order_relaxed);
}

void Stream::remove_viewer(Session& session) { std::erase(viewers_, &session); }

Stream::Start Stream::next_key() const {
  Start out{sequence_, 0};
  auto frame = next_frame_;
  for (; !picture_of(frame).key; ++frame) {
    out.sequence = static_cast<std::uint16_t>(out.sequence + picture_of(frame).packets);
  }
  out.timestamp = timestamp_of(frame);
  return out;
}

void Stream::send_due(const Clock& clock) {
  const auto now = clock.now();
  if (now - due() > longest_lateness) {
    while (now - due() > Duration{0}) ++next_frame_;
    resumes_ = true;
    return;
  }
  if (now < stalled_until_) {
    ++next_frame_;
    resumes_ = true;
    return;
  }
  if (std::exchange(resumes_, false)) align_to_key(next_frame_);
  const auto frame = next_frame_++;
  const auto step = static_cast<std::int64_t>(std::max(clip_->fps() / still_fps, 1.0));
  if ((black_ || frozen_) && frame % step != 0) return;
  const auto& picture = picture_of(frame);
  const auto timestamp = timestamp_of(frame) + stray_.value_or(0);
  stray_.reset();
  const Stamp stamp{clock.utc_now(), camera_, static_cast<std::uint64_t>(frame)};
  const auto bytes = (black_ ? black_ : clip_)->prepare(picture, {sequence_, timestamp, ssrc_, stamp});
  sequence_ = static_cast<std::uint16_t>(sequence_ + picture.packets);
  for (auto* viewer : viewers_) {
    if (!viewer->send_frame(bytes, picture.key, picture.packets)) continue;
    sent_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_add(bytes.size(), std::memory_order_relaxed);
    last_frame_.store(static_cast<std::uint64_t>(frame), std::memory_order_relaxed);
    viewer->send_sound(frame, clip_->fps());
  }
}

void Stream::reboot(MonoTime now) {
  epoch_ = now;
  next_frame_ = 0;
  picture_shift_ = 0;
  stalled_until_ = {};
  begin_identity(true);
}

StreamCounts Stream::counts() const {
  return {camera_,
          role_,
          sent_.load(std::memory_order_relaxed),
          dropped_.load(std::memory_order_relaxed),
          bytes_.load(std::memory_order_relaxed),
          plays_.load(std::memory_order_relaxed),
          last_frame_.load(std::memory_order_relaxed)};
}

}  // namespace ccoc::simulator
