// One viewer by WebRTC: his ccoc-bridge, and the live units on their way to it. Private to webrtc.
#pragma once

#include <functional>
#include <memory>

#include "ccoc/ingest/bridge_process.h"
#include "ccoc/live/directory.h"
#include "ccoc/vision/transcoder.h"
#include "ccoc/webrtc/viewers.h"
#include "picture_times.h"
#include "sound_times.h"

namespace ccoc::webrtc {

/// Browsers take H.264, in the order in which it is shown.
inline bool goes_as_it_is(const media::VideoFormat& format) { return format.codec == media::Codec::h264 && format.reorder_frames <= 0; }

/// Lives on one reactor's thread.
class Viewer final : public std::enable_shared_from_this<Viewer>, private ConnectionHandler {
 public:
  struct Place {
    std::string camera, stream;
  };
  using Answered = std::function<void(Result<std::string>)>;

  /// `ended` is called once, after `answered` was, and not inside start().
  Viewer(Reactor& reactor, const live::Directory& channels, vision::Transcoder& transcoder, Place place,
         std::function<void(const std::string& why)> ended);
  ~Viewer() override;

  struct Wanted {
    std::string offer;
    std::string profile;          ///< of the H.264 that he is sent
    bool convert = false;         ///< his pictures have to be made into H.264, from the first on
    media::AudioFormatPtr sound;  ///< what the camera's sound is; null: there is none
  };
  void start(const ViewerOptions& options, const Wanted& wanted, Answered answered);
  /// Silently: `ended` is not called.
  void stop();
  const Place& place() const { return place_; }

 private:
  class Feed;

  void on_connected() override {}
  void on_bytes(ByteView bytes) override;
  void on_closed(const Error& reason) override;
  void take(const ingest::bridge::Answer& message);
  void take(const ingest::bridge::SetUp& message);
  void take(const ingest::bridge::Ended& message);
  void take(const ingest::bridge::Silent& message);
  template <class Other>
  void take(const Other&) {}  // it has nothing else to say

  void show(const live::LiveUnitPtr& unit);
  void hear(const media::AudioUnit& sound);
  void send(const media::AccessUnit& picture, const Bytes& annexb);
  Status open_conversion();
  void watch();
  void leave();
  void tick();
  void answer(Result<std::string> with);
  void end(const std::string& why);

  Reactor& reactor_;
  const live::Directory& channels_;
  vision::Transcoder& transcoder_;
  const Place place_;
  std::function<void(const std::string&)> ended_;
  Answered answered_;
  std::unique_ptr<ingest::BridgeProcess> process_;
  ingest::bridge::MessageReader reader_;
  std::unique_ptr<Timer> limit_, tick_;
  std::shared_ptr<live::Channel> channel_;
  std::shared_ptr<Feed> feed_;
  std::unique_ptr<vision::TranscodeSession> conversion_;  ///< while the camera sends what does not go out as it is
  UtcTime came_at_;
  PictureTimes times_;
  SoundTimes sound_times_;
  bool set_up_ = false, needs_key_ = true;
  bool hears_ = false;         ///< he is to be sent the sound
  bool was_silenced_ = false;  ///< and told why not
};

}  // namespace ccoc::webrtc
