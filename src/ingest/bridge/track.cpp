#include "track.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

#include "nal_lengths.h"

namespace ccoc::ingest::bridge {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

/// A sample is never held back longer: its time makes no sense.
constexpr std::int64_t longest_wait = 10'000'000'000;

std::int64_t now() { return nanoseconds(Clock::now().time_since_epoch()).count(); }
const std::int64_t process_began = now();

class Mapped {
 public:
  explicit Mapped(GstBuffer* buffer) : buffer_(buffer), mapped_(gst_buffer_map(buffer, &map_, GST_MAP_READ) != 0) {}
  ~Mapped() {
    if (mapped_) gst_buffer_unmap(buffer_, &map_);
  }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;
  ByteView bytes() const { return mapped_ ? ByteView(map_.data, map_.size) : ByteView(); }

 private:
  GstBuffer* buffer_;
  GstMapInfo map_{};
  bool mapped_;
};

std::optional<std::int64_t> running_time(GstSample* sample, GstClockTime time) {
  if (!GST_CLOCK_TIME_IS_VALID(time)) return std::nullopt;
  guint64 running = 0;
  const int sign = gst_segment_to_running_time_full(gst_sample_get_segment(sample), GST_FORMAT_TIME, time, &running);
  if (sign == 0) return std::nullopt;
  return sign * static_cast<std::int64_t>(running);
}

/// ns to units of `rate`, rounded.
std::uint32_t in_units(std::int64_t ns, std::int64_t rate) {
  constexpr std::int64_t second = 1'000'000'000;
  const auto whole = ns / second * rate;
  const auto part = (ns % second * rate + (ns < 0 ? -second : second) / 2) / second;
  return static_cast<std::uint32_t>(whole + part);
}

/// Notes when the caps of a track's samples change, and what is missing.
class Watch {
 public:
  bool is_new(GstCaps* caps) {
    if (caps == nullptr || (caps_ && gst_caps_is_equal(caps_.get(), caps))) return false;
    caps_.reset(gst_caps_ref(caps));
    return true;
  }
  bool after_loss(GstBuffer* buffer) { return GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT) && std::exchange(any_, true); }

 private:
  Caps caps_;
  bool any_ = false;
};

/// Calls `use` with the bytes of codec_data, if there are any.
void with_codec_data(const GstStructure* format, const std::function<void(ByteView)>& use) {
  const auto* value = gst_structure_get_value(format, "codec_data");
  auto* buffer = value != nullptr ? gst_value_get_buffer(value) : nullptr;
  if (buffer == nullptr) return;
  const Mapped mapped(buffer);
  if (!mapped.bytes().empty()) use(mapped.bytes());
}

class VideoTrack final : public Track {
 public:
  VideoTrack(media::Codec codec, HubLink& hub, Timeline& timeline, std::function<void()> first)
      : codec_(codec), hub_(hub), timeline_(timeline), first_(std::move(first)) {}

  void take(GstSample* sample) override {
    auto* buffer = gst_sample_get_buffer(sample);
    if (buffer == nullptr) return;
    if (watch_.is_new(gst_sample_get_caps(sample))) read_caps(gst_caps_get_structure(gst_sample_get_caps(sample), 0));
    const auto time = time_of(sample, buffer);
    if (!time) return;
    if (first_) std::exchange(first_, nullptr)();
    if (const auto decoded = running_time(sample, GST_BUFFER_DTS_OR_PTS(buffer))) timeline_.wait_until_due(timeline_.place(*decoded));
    const Mapped mapped(buffer);
    Picture out;
    out.codec = codec_;
    out.annexb = length_size_ == 0;
    out.whole = whole_;
    out.after_loss = watch_.after_loss(buffer);
    out.time = in_units(*time, 90'000);
    out.data = mapped.bytes();
    Bytes widened;
    if (length_size_ % 4 != 0) {
      widened = with_long_lengths(out.data, length_size_);
      out.data = widened;
    }
    if (!out.data.empty()) hub_.send(out);
  }

 private:
  void read_caps(const GstStructure* format) {
    const auto text = [format](const char* field) {
      const auto* value = gst_structure_get_string(format, field);
      return std::string_view(value != nullptr ? value : "");
    };
    const auto stream_format = text("stream-format");
    const bool lengths = stream_format.starts_with("avc") || stream_format == "hvc1" || stream_format == "hev1";
    whole_ = lengths || text("alignment") == "au" || codec_ == media::Codec::mjpeg;
    length_size_ = lengths ? 4u : 0u;
    with_codec_data(format, [&](ByteView record) {
      if (lengths) length_size_ = length_size(codec_, record);
      hub_.send(Configuration{codec_, record});
    });
  }

  /// What comes without a time belongs to what came before; a JPEG file, to now.
  std::optional<std::int64_t> time_of(GstSample* sample, GstBuffer* buffer) {
    if (const auto running = running_time(sample, GST_BUFFER_PTS(buffer))) {
      time_ = timeline_.place(*running);
    } else if (codec_ == media::Codec::mjpeg) {
      time_ = Timeline::arrival();
    }
    return time_;
  }

  const media::Codec codec_;
  HubLink& hub_;
  Timeline& timeline_;
  std::function<void()> first_;
  Watch watch_;
  bool whole_ = false;
  unsigned length_size_ = 0;  ///< 0: start codes
  std::optional<std::int64_t> time_;
};

class AudioTrack final : public Track {
 public:
  AudioTrack(media::AudioCodec codec, HubLink& hub, Timeline& timeline) : codec_(codec), hub_(hub), timeline_(timeline) {}

  void take(GstSample* sample) override {
    auto* buffer = gst_sample_get_buffer(sample);
    if (buffer == nullptr) return;
    if (watch_.is_new(gst_sample_get_caps(sample))) read_caps(gst_caps_get_structure(gst_sample_get_caps(sample), 0));
    const auto running = running_time(sample, GST_BUFFER_PTS(buffer));
    if (!running || rate_ <= 0 || (codec_ == media::AudioCodec::aac && config_.empty())) return;
    const auto time = timeline_.place(*running);
    timeline_.wait_until_due(time);
    const Mapped mapped(buffer);
    Sound out;
    out.codec = codec_;
    out.sample_rate = static_cast<std::uint32_t>(rate_);
    out.channels = static_cast<std::uint32_t>(channels_);
    out.time = in_units(time, rate_);
    out.duration = duration_of(buffer, mapped.bytes().size());
    out.after_loss = watch_.after_loss(buffer);
    out.config = config_;
    out.data = mapped.bytes();
    if (!out.data.empty() && out.duration > 0) hub_.send(out);
  }

 private:
  void read_caps(const GstStructure* format) {
    config_.clear();
    rate_ = 0;
    channels_ = 1;
    gst_structure_get_int(format, "rate", &rate_);
    gst_structure_get_int(format, "channels", &channels_);
    if (codec_ == media::AudioCodec::opus) rate_ = 48'000;
    if (codec_ == media::AudioCodec::aac)
      with_codec_data(format, [this](ByteView config) { config_.assign(config.begin(), config.end()); });
  }

  std::uint32_t duration_of(GstBuffer* buffer, std::size_t size) const {
    if (codec_ == media::AudioCodec::aac) return 1024;  // ISO/IEC 14496-3 §4.5.1.1
    if (codec_ != media::AudioCodec::opus) return static_cast<std::uint32_t>(size / static_cast<unsigned>(std::max(channels_, 1)));
    if (!GST_BUFFER_DURATION_IS_VALID(buffer)) return 960;
    return in_units(static_cast<std::int64_t>(GST_BUFFER_DURATION(buffer)), rate_);
  }

  const media::AudioCodec codec_;
  HubLink& hub_;
  Timeline& timeline_;
  Watch watch_;
  int rate_ = 0, channels_ = 1;
  Bytes config_;
};

}  // namespace

std::int64_t Timeline::arrival() { return now() - process_began; }

std::int64_t Timeline::place(std::int64_t running_time) {
  const std::lock_guard lock(mutex_);
  const auto time = running_time + offset_;
  if (time > last_) {
    step_ = time - last_;
    last_ = time;
  }
  return time;
}

void Timeline::begin_anew() {
  const std::lock_guard lock(mutex_);
  offset_ = last_ + std::min(step_, longest_wait);
}

void Timeline::wait_until_due(std::int64_t time) {
  std::int64_t left = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!paced_) return;
    if (due_offset_) left = *due_offset_ + time - now();
    if (!due_offset_ || std::abs(left) > longest_wait) {
      due_offset_ = now() - time;
      left = 0;
    }
  }
  if (left > 0) std::this_thread::sleep_for(nanoseconds(left));
}

std::unique_ptr<Track> make_video_track(media::Codec codec, HubLink& hub, Timeline& timeline, std::function<void()> first) {
  return std::make_unique<VideoTrack>(codec, hub, timeline, std::move(first));
}

std::unique_ptr<Track> make_audio_track(media::AudioCodec codec, HubLink& hub, Timeline& timeline) {
  return std::make_unique<AudioTrack>(codec, hub, timeline);
}

}  // namespace ccoc::ingest::bridge
