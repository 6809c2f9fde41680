// One elementary stream on its way to the hub: its samples become messages, byte for byte.
#pragma once

#include <functional>
#include <optional>

#include "gst.h"
#include "hub_link.h"

namespace ccoc::ingest::bridge {

/// What both tracks of a stream share: the beginning of its time, and its pace.
class Timeline {
 public:
  /// Samples are held back until their time has come: for files and playlists, which arrive as fast as they can be read.
  void set_paced() { paced_ = true; }
  /// Running time of a sample in ns, counted on from run to run of a file.
  std::int64_t place(std::int64_t running_time);
  void wait_until_due(std::int64_t time);
  /// What comes next begins where the last sample ended.
  void begin_anew();
  /// Since the process began, in ns: for streams without times of their own.
  static std::int64_t arrival();

 private:
  std::mutex mutex_;
  bool paced_ = false;
  std::int64_t offset_ = 0, last_ = 0, step_ = 0;
  std::optional<std::int64_t> due_offset_;
};

class Track {
 public:
  virtual ~Track() = default;
  /// On GStreamer's threads.
  virtual void take(GstSample* sample) = 0;
};

std::unique_ptr<Track> make_video_track(media::Codec codec, HubLink& hub, Timeline& timeline, std::function<void()> first);
std::unique_ptr<Track> make_audio_track(media::AudioCodec codec, HubLink& hub, Timeline& timeline);

}  // namespace ccoc::ingest::bridge
