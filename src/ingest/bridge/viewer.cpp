#include "viewer.h"

#include <gst/app/gstappsrc.h>

#include <atomic>
#include <string>

#include "explain.h"
#include "track.h"
#include "viewer_sound.h"
#include "webrtc.h"

namespace ccoc::ingest::bridge {
namespace {

constexpr GstClockTime look_every = 200 * GST_MSECOND;
constexpr std::int64_t connects_within = 15'000'000'000;
/// A player reports what it receives every second or so (RFC 3550 §6.2).
constexpr std::int64_t longest_silence = 10'000'000'000;
/// Room for a few large key frames; while it is full the hub is not read, and skips.
constexpr std::uint64_t most_waiting = 4 * 1024 * 1024;

class Viewer {
 public:
  Viewer(GstElement* webrtc, HubLink& hub)
      : hub_(hub), pipeline_(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr)))), webrtc_(webrtc), began_(Timeline::arrival()) {
    gst_bin_add(GST_BIN(pipeline_.get()), webrtc_);
    // Sender reports tell when a picture or sound was captured, not when it came here: conversion takes its time.
    const Element inner(gst_bin_get_by_name(GST_BIN(webrtc_), "rtpbin"));
    if (inner) g_object_set(inner.get(), "rtcp-sync-send-time", FALSE, nullptr);
  }
  ~Viewer() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }
  Viewer(const Viewer&) = delete;
  Viewer& operator=(const Viewer&) = delete;

  bool show(const OfferedVideo& wanted, unsigned section) {
    source_ = plug({section, "rtph264pay", wanted.payload, "video/x-h264,stream-format=byte-stream,alignment=au",
                    "application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,packetization-mode=(string)1"});
    if (source_ == nullptr) return false;
    g_object_set(source_, "block", TRUE, "max-bytes", guint64{most_waiting}, nullptr);
    return true;
  }

  bool sound(const OfferedSound& wanted, unsigned section) {
    auto sound = std::make_unique<ViewerSound>(wanted, hub_);
    const auto packets = "application/x-rtp,media=audio,encoding-name=" + wanted.encoding + ",clock-rate=" + std::to_string(wanted.rate);
    auto* source = plug({section, sound->payloader(), wanted.payload, sound->caps(), packets.c_str()});
    if (source == nullptr) return false;
    sound->plug(source);
    sound_ = std::move(sound);
    return true;
  }

  void play() {
    const Element inner(gst_bin_get_by_name(GST_BIN(webrtc_), "rtpbin"));
    const auto heard = +[](GstElement*, guint, guint, Viewer* self) { self->heard_ = Timeline::arrival(); };
    if (inner) g_signal_connect(inner.get(), "on-ssrc-active", G_CALLBACK(heard), this);
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
  }

  void take(const Message& message) {
    if (const auto* picture = std::get_if<Picture>(&message)) take(*picture);
    if (const auto* sound = std::get_if<Sound>(&message)) take(*sound);
  }

  Ended run() {
    const std::unique_ptr<GstBus, UnrefObject> bus(gst_element_get_bus(pipeline_.get()));
    for (;;) {
      const BusMessage message(gst_bus_timed_pop_filtered(bus.get(), look_every, GST_MESSAGE_ERROR));
      if (message) return {media::GapCause::network, 0, "the connection with the viewer broke"};
      if (auto ended = judge()) return *std::move(ended);
    }
  }

 private:
  /// What is sent in one section of the offer.
  struct Branch {
    unsigned section;
    const char* payloader;
    unsigned payload;
    const char* coded;    ///< caps of what the payloader is given
    const char* packets;  ///< caps of what it makes
  };

  /// The appsrc of a new branch; null when the elements do not fit together.
  GstElement* plug(const Branch& branch) {
    auto* source = gst_element_factory_make("appsrc", nullptr);
    auto* payloader = gst_element_factory_make(branch.payloader, nullptr);
    auto* filter = gst_element_factory_make("capsfilter", nullptr);
    if (source == nullptr || payloader == nullptr || filter == nullptr) return nullptr;
    const Caps coded(gst_caps_from_string(branch.coded));
    g_object_set(source, "caps", coded.get(), "is-live", TRUE, "format", GST_FORMAT_TIME, nullptr);
    // Known before the answer is made: browsers take nothing from a source that it does not name.
    const guint32 ssrc = g_random_int();
    // 1200 bytes and what wraps them fit through every tunnel.
    g_object_set(payloader, "pt", branch.payload, "mtu", 1200u, "ssrc", ssrc, nullptr);
    if (g_object_class_find_property(G_OBJECT_GET_CLASS(payloader), "aggregate-mode") != nullptr)
      gst_util_set_object_arg(G_OBJECT(payloader), "aggregate-mode", "zero-latency");
    const Caps packets(gst_caps_from_string(branch.packets));
    gst_caps_set_simple(packets.get(), "payload", G_TYPE_INT, static_cast<int>(branch.payload), "ssrc", G_TYPE_UINT, ssrc, nullptr);
    g_object_set(filter, "caps", packets.get(), nullptr);
    gst_bin_add_many(GST_BIN(pipeline_.get()), source, payloader, filter, nullptr);
    if (gst_element_link_many(source, payloader, filter, nullptr) == 0) return nullptr;
    const Pad out(gst_element_get_static_pad(filter, "src"));
    const Pad in(gst_element_request_pad_simple(webrtc_, ("sink_" + std::to_string(branch.section)).c_str()));
    return in && GST_PAD_LINK_SUCCESSFUL(gst_pad_link(out.get(), in.get())) ? source : nullptr;
  }

  void take(const Picture& picture) {
    if (picture.codec != media::Codec::h264 || !picture.annexb) return;
    if (!last_) {
      last_ = picture.time;
      first_at_ = gst_element_get_current_running_time(pipeline_.get());
    }
    // Modulo 2^32, forwards.
    ticks_ += picture.time - *last_;
    last_ = picture.time;
    auto* buffer = gst_buffer_new_memdup(picture.data.data(), picture.data.size());
    GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = at(ticks_);
    gst_app_src_push_buffer(GST_APP_SRC(source_), buffer);
  }

  /// Sound before the first picture has no place yet.
  void take(const Sound& sound) {
    if (!sound_ || !last_) return;
    const auto ahead = static_cast<std::int32_t>(sound.time - *last_);
    if (ahead < 0 && static_cast<std::uint64_t>(-std::int64_t{ahead}) > ticks_) return;
    sound_->take(sound, at(ticks_ + static_cast<std::uint64_t>(std::int64_t{ahead})));
  }

  /// From the total, so that no rounding adds up: players do not like sound whose steps differ by a sample.
  GstClockTime at(std::uint64_t ticks) const { return first_at_ + gst_util_uint64_scale(ticks, GST_SECOND, 90'000); }

  std::optional<Ended> judge() {
    const auto now = Timeline::arrival();
    const auto state = state_of(webrtc_);
    if (state == PeerState::gone) return Ended{media::GapCause::network, 0, "the viewer has gone"};
    if (!connected_ && state == PeerState::connected) {
      connected_ = true;
      heard_ = now;
      hub_.send(SetUp{"whep", {}});
    }
    if (!connected_ && now - began_ > connects_within)
      return Ended{media::GapCause::network, 0, "no connection with the viewer came about: are this hub's UDP ports open to him?"};
    if (connected_ && now - heard_ > longest_silence) return Ended{media::GapCause::network, 0, "the viewer fell silent"};
    return std::nullopt;
  }

  HubLink& hub_;
  Element pipeline_;
  GstElement* webrtc_;
  GstElement* source_ = nullptr;
  const std::int64_t began_;
  std::atomic<std::int64_t> heard_ = 0;
  bool connected_ = false;
  std::unique_ptr<ViewerSound> sound_;
  std::optional<std::uint32_t> last_;  ///< time of the last picture, 90 kHz
  std::uint64_t ticks_ = 0;            ///< the same since the first
  GstClockTime first_at_ = 0;          ///< the first on the pipeline's clock
};

}  // namespace

Ended send_to_viewer(const Start& order, HubLink& hub) {
  const auto offer = read_offer(order.offer);
  if (!offer) return explain(offer.error());
  const auto wanted = best_for(*offer, order.profile);
  if (!wanted) return explain(Error{ErrorCode::invalid_argument, "the viewer takes no H.264 (packetization-mode=1)", {}});
  const auto element = make_webrtc_element();
  if (!element) return explain(element.error());
  const auto sound = sound_for(*offer, order);
  const bool converted = sound && sound->encoding == "OPUS";
  const auto missing = converted ? SoundConverter::missing_for(order.sound_codec) : std::string();
  const bool heard = sound && missing.empty();
  Viewer viewer(*element, hub);
  if (!viewer.show(*wanted, offer->video_section) || (heard && !viewer.sound(*sound, offer->audio_section)))
    return explain(Error{ErrorCode::unsupported, "GStreamer's plug-ins for WebRTC do not fit together here", {}});
  viewer.play();
  auto answer = answer_viewer(*element, *offer);
  if (!answer) return explain(answer.error());
  hub.send(Answer{*std::move(answer), heard});
  if (!missing.empty()) hub.send(Silent{missing});
  hub.watch([&viewer](const Message& message) { viewer.take(message); });
  hub.end(viewer.run());  // not by returning: the reading thread uses the viewer to the last
}

}  // namespace ccoc::ingest::bridge
