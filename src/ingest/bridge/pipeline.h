// From a URL to the hub: source, demultiplexer, tracks. Nothing is decoded, and what is not understood is left aside.
#pragma once

#include <gio/gio.h>

#include <atomic>
#include <vector>

#include "explain.h"
#include "source_element.h"
#include "track.h"

namespace ccoc::ingest::bridge {

class Pipeline {
 public:
  /// `plan`'s element is taken over.
  Pipeline(const Url& url, const Start& order, SourcePlan plan, HubLink& hub, Timeline& timeline);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  /// Until the stream ends; nothing when it came to a regular end after pictures.
  std::optional<Ended> run();
  /// A run before this one has told the hub.
  void say_nothing_of_set_up() { set_up_ = true; }

 private:
  void follow(GstPad* pad);
  void plug(GstPad* pad, GstCaps* caps);
  void plug_demuxer(GstPad* pad, const char* factory);
  void plug_rtp(GstPad* pad, const GstStructure* format);
  void plug_video(GstPad* pad, media::Codec codec);
  void plug_audio(GstPad* pad, media::AudioCodec codec, const char* parser, const char* caps);
  void plug_sink(GstPad* pad, std::unique_ptr<Track> track);
  void leave_aside(GstPad* pad);
  GstElement* add(const char* factory);
  /// Adds the element behind the pad; its source pad.
  Pad add_behind(GstPad* pad, GstElement* element);
  bool reads_a_file_by_http() const;
  Status answer_offer();
  void ask_for_key_frame();
  std::optional<Ended> judge_peer();
  void on_first_picture();
  bool accepts(GTlsCertificate* certificate);
  std::optional<Ended> judge_silence() const;

  const Url& url_;
  const Start& order_;
  const SourcePlan plan_;
  HubLink& hub_;
  Timeline& timeline_;
  Element pipeline_;
  std::mutex mutex_;  ///< for the tracks
  std::vector<std::unique_ptr<Track>> tracks_;
  bool demuxed_ = false, has_video_ = false, has_audio_ = false;
  Pad video_;  ///< where the pictures of a WebRTC sender end; under the mutex
  std::string certificate_;
  std::string transport_;
  std::int64_t began_, asked_ = 0;
  std::atomic<bool> set_up_ = false, pictures_ = false, other_certificate_ = false;
};

}  // namespace ccoc::ingest::bridge
