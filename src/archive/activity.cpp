#include "ccoc/archive/activity.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace ccoc::archive {
namespace {

/// No file is as long; what comes behind is not measured.
constexpr std::int64_t most_seconds = 2 * 3600;
constexpr double lowest_ratio = 1.0 / 256;
/// As much above the quiet level fills a timeline's bar.
constexpr double full_octaves = 3;
/// The busiest bucket fills it too, unless it is hardly busier than the quiet ones.
constexpr double least_octaves = 0.5;

std::uint8_t level_of(double ratio) {
  const double octaves = std::log2(std::max(ratio, lowest_ratio) / lowest_ratio);
  return static_cast<std::uint8_t>(std::clamp(1 + octaves * activity_steps_per_octave, 1.0, 255.0));
}

/// What the frame would take up at the finest quantiser: six steps of it halve the bytes (ITU-T H.264 §8.5.9, and in
/// practice nearly so). Where it is not known, the bytes.
double cost_of(const media::Sample& sample) {
  constexpr double steps_per_octave = 6;
  const double size = sample.size;
  return sample.quantizer == 0 ? size : size * std::exp2((sample.quantizer - 1) / steps_per_octave);
}

}  // namespace

void ActivityMeter::add(std::int64_t decode_time, std::span<const media::Sample> samples) {
  for (const auto& sample : samples) {
    const auto second = decode_time / video_timescale;
    decode_time += sample.duration;
    const double size = cost_of(sample);
    // Where every frame is a key frame, their change of size tells the same, more coarsely.
    const bool only_keys = sample.key && after_key_;
    const double part = only_keys ? std::abs(size - key_size_) / std::max(key_size_, 1.0) : size / std::max(key_size_, 1.0);
    const bool tells = key_size_ > 0 && (!sample.key || only_keys);
    if (sample.key) key_size_ = size;
    after_key_ = sample.key;
    if (!tells || second < 0 || second >= most_seconds) continue;
    const auto index = static_cast<std::size_t>(second);
    if (seconds_.size() <= index) seconds_.resize(index + 1);
    seconds_[index].sum += part;
    ++seconds_[index].frames;
  }
}

Bytes ActivityMeter::levels() const {
  Bytes out;
  out.reserve(seconds_.size());
  for (const auto& second : seconds_) out.push_back(second.frames == 0 ? std::uint8_t{0} : level_of(second.sum / second.frames));
  return out;
}

std::uint8_t activity_peak(ByteView levels) { return levels.empty() ? std::uint8_t{0} : *std::ranges::max_element(levels); }

void ActivityBuckets::add(UtcTime start, ByteView levels) { add_steps(start, std::chrono::seconds{1}, levels); }

void ActivityBuckets::add_range(UtcTime start, Duration length, std::uint8_t level) {
  const auto count = static_cast<std::int64_t>(peaks_.size());
  const auto whole = std::max<std::int64_t>((to_ - from_).count(), 1);
  const auto begin = (start - from_).count(), end = begin + length.count();
  if (count == 0 || level == 0 || end <= 0 || begin >= whole) return;
  const auto bucket_at = [&](std::int64_t us) { return std::clamp<std::int64_t>(us * count / whole, 0, count - 1); };
  const bool short_buckets = whole / count < length.count();
  const auto first = short_buckets ? bucket_at(begin) : bucket_at(begin + length.count() / 2);
  const auto last = short_buckets ? bucket_at(end - 1) : first;
  for (auto bucket = first; bucket <= last; ++bucket) {
    auto& peak = peaks_[static_cast<std::size_t>(bucket)];
    peak = std::max(peak, level);
  }
}

void ActivityBuckets::add_steps(UtcTime start, Duration step, ByteView levels) {
  const auto count = static_cast<std::int64_t>(peaks_.size());
  const auto whole = std::max<std::int64_t>((to_ - from_).count(), 1), length = step.count();
  if (count == 0) return;
  const auto offset = (start - from_).count();
  // Those that reach into the range.
  const auto first = offset + length > 0 ? 0 : -offset / length;
  const auto end =
      std::min<std::int64_t>(static_cast<std::int64_t>(levels.size()), offset >= whole ? 0 : (whole - offset - 1) / length + 1);
  if (whole / count < length) {
    for (auto i = first; i < end; ++i) add_range(start + step * i, step, levels[static_cast<std::size_t>(i)]);
    return;
  }
  // Each bucket takes several: a division for a bucket, not for a level. A level counts where its middle is.
  auto middle = offset + first * length + length / 2;
  auto bucket = std::clamp<std::int64_t>(middle * count / whole, 0, count - 1) - 1;
  for (auto i = first; i < end;) {
    ++bucket;
    const auto bucket_end = bucket + 1 < count ? ((bucket + 1) * whole + count - 1) / count : std::numeric_limits<std::int64_t>::max();
    auto& peak = peaks_[static_cast<std::size_t>(bucket)];
    for (; i < end && middle < bucket_end; ++i, middle += length) peak = std::max(peak, levels[static_cast<std::size_t>(i)]);
  }
}

std::vector<double> ActivityBuckets::relative() const {
  std::array<std::size_t, 256> number{};
  for (const auto level : peaks_) ++number[level];
  std::vector<double> out(peaks_.size());
  const auto known = peaks_.size() - number[0];
  if (known == 0) return out;
  int most = 255, quiet = 1;
  while (number[static_cast<std::size_t>(most)] == 0) --most;
  // The level that a tenth of the known ones is below.
  for (auto below = number[1]; below <= known / 10; below += number[static_cast<std::size_t>(quiet)]) ++quiet;
  const double full =
      std::clamp(static_cast<double>(most - quiet), least_octaves * activity_steps_per_octave, full_octaves * activity_steps_per_octave);
  std::array<double, 256> share{};
  for (int level = 1; level < 256; ++level) share[static_cast<std::size_t>(level)] = std::clamp((level - quiet) / full, 0.0, 1.0);
  for (std::size_t i = 0; i < peaks_.size(); ++i) out[i] = share[peaks_[i]];
  return out;
}

}  // namespace ccoc::archive
