#include "viewer_sound.h"

#include <gst/app/gstappsrc.h>

namespace ccoc::ingest::bridge {
namespace {

/// Sound that is older has missed its pictures.
constexpr guint64 longest_waiting = 2 * GST_SECOND;
constexpr guint64 most_waiting = 256 * 1024;

}  // namespace

const char* ViewerSound::caps() const {
  if (wanted_.encoding == "PCMA") return "audio/x-alaw,rate=8000,channels=1";
  if (wanted_.encoding == "PCMU") return "audio/x-mulaw,rate=8000,channels=1";
  return "audio/x-opus,rate=48000,channels=2,channel-mapping-family=0";  // what a packet really has stands in it (RFC 6716 §3.1)
}

const char* ViewerSound::payloader() const {
  return wanted_.encoding == "PCMA" ? "rtppcmapay" : wanted_.encoding == "PCMU" ? "rtppcmupay" : "rtpopuspay";
}

void ViewerSound::plug(GstElement* source) {
  source_ = source;
  g_object_set(source_, "block", FALSE, "max-bytes", most_waiting, "max-time", longest_waiting, nullptr);
  gst_util_set_object_arg(G_OBJECT(source_), "leaky-type", "downstream");
}

bool ViewerSound::goes_as_it_is(const Sound& sound) const {
  switch (sound.codec) {
    case media::AudioCodec::opus: return wanted_.encoding == "OPUS" && sound.channels <= 2;
    case media::AudioCodec::pcma: return wanted_.encoding == "PCMA" && sound.sample_rate == 8000 && sound.channels == 1;
    case media::AudioCodec::pcmu: return wanted_.encoding == "PCMU" && sound.sample_rate == 8000 && sound.channels == 1;
    case media::AudioCodec::aac: break;
  }
  return false;
}

void ViewerSound::take(const Sound& sound, GstClockTime time) {
  if (silent_ || source_ == nullptr) return;
  if (goes_as_it_is(sound)) {
    converter_.reset();
    gst_app_src_push_buffer(GST_APP_SRC(source_), make_buffer(sound, time));
  } else if (wanted_.encoding != "OPUS") {
    fall_silent("the camera's sound has become another than the viewer was promised");
  } else if (!convert(sound, time)) {
    fall_silent("the camera's sound cannot be converted");
  }
}

bool ViewerSound::convert(const Sound& sound, GstClockTime time) {
  if (!converter_ || !converter_->is_for(sound)) {
    converter_.reset();
    converter_ = std::make_unique<SoundConverter>(
        sound, [source = source_](GstBuffer* made) { gst_app_src_push_buffer(GST_APP_SRC(source), made); });
  }
  return converter_->push(sound, time);
}

void ViewerSound::fall_silent(const std::string& why) {
  silent_ = true;
  converter_.reset();
  hub_.send(Silent{why});
}

}  // namespace ccoc::ingest::bridge
