#include "sound_converter.h"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>

#include <algorithm>
#include <span>

namespace ccoc::ingest::bridge {
namespace {

constexpr guint64 most_waiting = 64 * 1024;
constexpr int complexity = 3;        ///< of 10: what speech from a camera needs
constexpr int bitrate_bps = 32'000;  ///< a channel

struct Part {
  const char* element;
  const char* package;
};
constexpr Part aac[] = {{"faad", "gstreamer1.0-plugins-bad"}, {"avdec_aac", "gstreamer1.0-libav"}};  // either will do
constexpr Part a_law[] = {{"alawdec", "gstreamer1.0-plugins-good"}};
constexpr Part mu_law[] = {{"mulawdec", "gstreamer1.0-plugins-good"}};
constexpr Part others[] = {{"audioconvert", "gstreamer1.0-plugins-base"},
                           {"audioresample", "gstreamer1.0-plugins-base"},
                           {"opusenc", "gstreamer1.0-plugins-base"}};

bool is_here(const Part& part) {
  auto* known = gst_element_factory_find(part.element);
  if (known != nullptr) gst_object_unref(known);
  return known != nullptr;
}

std::string missing(const Part& part) { return std::string("GStreamer's ") + part.element + " is missing here; install " + part.package; }

/// Opus is no such codec: it is passed on as it is.
std::span<const Part> decoders_of(media::AudioCodec codec) {
  switch (codec) {
    case media::AudioCodec::aac: return aac;
    case media::AudioCodec::pcma: return a_law;
    case media::AudioCodec::pcmu: return mu_law;
    case media::AudioCodec::opus: break;
  }
  return {};
}

Caps coded_caps(media::AudioCodec codec, std::uint32_t rate, std::uint32_t channels, ByteView config) {
  const auto* kind = codec == media::AudioCodec::aac ? "audio/mpeg" : codec == media::AudioCodec::pcma ? "audio/x-alaw" : "audio/x-mulaw";
  Caps out(
      gst_caps_new_simple(kind, "rate", G_TYPE_INT, static_cast<int>(rate), "channels", G_TYPE_INT, static_cast<int>(channels), nullptr));
  if (codec != media::AudioCodec::aac) return out;
  auto* description = gst_buffer_new_memdup(config.data(), config.size());
  gst_caps_set_simple(out.get(), "mpegversion", G_TYPE_INT, 4, "stream-format", G_TYPE_STRING, "raw", "framed", G_TYPE_BOOLEAN, TRUE,
                      "codec_data", GST_TYPE_BUFFER, description, nullptr);
  gst_buffer_unref(description);
  return out;
}

Caps plain_caps(std::uint32_t channels) {
  return Caps(gst_caps_new_simple("audio/x-raw", "rate", G_TYPE_INT, 48'000, "channels", G_TYPE_INT,
                                  static_cast<int>(std::min(channels, 2u)), nullptr));
}

GstFlowReturn on_made(GstAppSink* sink, gpointer made) {
  auto* sample = gst_app_sink_pull_sample(sink);
  if (sample == nullptr) return GST_FLOW_EOS;
  if (auto* buffer = gst_sample_get_buffer(sample)) (*static_cast<const SoundConverter::Made*>(made))(gst_buffer_ref(buffer));
  gst_sample_unref(sample);
  return GST_FLOW_OK;
}

}  // namespace

GstBuffer* make_buffer(const Sound& sound, GstClockTime time) {
  auto* buffer = gst_buffer_new_memdup(sound.data.data(), sound.data.size());
  GST_BUFFER_PTS(buffer) = time;
  GST_BUFFER_DURATION(buffer) = gst_util_uint64_scale(sound.duration, GST_SECOND, sound.sample_rate);
  if (sound.after_loss) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  return buffer;
}

std::string SoundConverter::missing_for(media::AudioCodec codec) {
  const auto decoders = decoders_of(codec);
  if (decoders.empty()) return {};
  if (std::ranges::none_of(decoders, is_here)) return missing(decoders.front());
  const auto* absent = std::ranges::find_if_not(others, is_here);
  return absent != std::end(others) ? missing(*absent) : std::string();
}

SoundConverter::SoundConverter(const Sound& first, Made made)
    : codec_(first.codec),
      rate_(first.sample_rate),
      channels_(first.channels),
      config_(first.config.begin(), first.config.end()),
      made_(std::move(made)),
      pipeline_(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr)))) {
  build();
}

SoundConverter::~SoundConverter() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }

bool SoundConverter::is_for(const Sound& sound) const {
  return sound.codec == codec_ && sound.sample_rate == rate_ && sound.channels == channels_ && std::ranges::equal(sound.config, config_);
}

void SoundConverter::build() {
  const auto decoders = decoders_of(codec_);
  const auto decoder = std::ranges::find_if(decoders, is_here);
  if (decoder == decoders.end()) return;
  GstElement* chain[] = {gst_element_factory_make("appsrc", nullptr),       gst_element_factory_make(decoder->element, nullptr),
                         gst_element_factory_make("audioconvert", nullptr), gst_element_factory_make("audioresample", nullptr),
                         gst_element_factory_make("capsfilter", nullptr),   gst_element_factory_make("opusenc", nullptr),
                         gst_element_factory_make("appsink", nullptr)};
  const bool whole = std::ranges::none_of(chain, [](const GstElement* element) { return element == nullptr; });
  for (auto* element : chain)
    if (element != nullptr) gst_bin_add(GST_BIN(pipeline_.get()), element);
  const auto& [source, decoding, converting, resampling, filter, encoder, sink] = chain;
  if (!whole || gst_element_link_many(source, decoding, converting, resampling, filter, encoder, sink, nullptr) == 0) return;
  const auto coded = coded_caps(codec_, rate_, channels_, config_);
  const auto plain = plain_caps(channels_);
  g_object_set(source, "caps", coded.get(), "format", GST_FORMAT_TIME, "max-bytes", most_waiting, nullptr);
  gst_util_set_object_arg(G_OBJECT(source), "leaky-type", "downstream");
  g_object_set(filter, "caps", plain.get(), nullptr);
  g_object_set(encoder, "complexity", complexity, "bitrate", bitrate_bps * static_cast<int>(std::min(channels_, 2u)), nullptr);
  g_object_set(sink, "sync", FALSE, "async", FALSE, "enable-last-sample", FALSE, nullptr);
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = on_made;
  gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, const_cast<Made*>(&made_), nullptr);
  if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE) source_ = source;
}

bool SoundConverter::push(const Sound& sound, GstClockTime time) {
  if (source_ == nullptr) return false;
  const std::unique_ptr<GstBus, UnrefObject> bus(gst_element_get_bus(pipeline_.get()));
  const BusMessage failure(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
  if (failure) return false;
  gst_app_src_push_buffer(GST_APP_SRC(source_), make_buffer(sound, time));
  return true;
}

}  // namespace ccoc::ingest::bridge
