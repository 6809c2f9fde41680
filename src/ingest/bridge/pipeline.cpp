#include "pipeline.h"

#include <gst/app/gstappsink.h>

#include <array>

#include "webrtc.h"

namespace ccoc::ingest::bridge {
namespace {

constexpr GstClockTime look_every = GST_SECOND;
/// Connecting, a playlist and its first segment take no longer.
constexpr std::int64_t pictures_within = 20'000'000'000;
/// A sender by WebRTC makes key frames when it is asked to, and only then; recordings begin with one.
constexpr std::int64_t key_frame_every = 2'000'000'000;

struct Demuxer {
  std::string_view caps;
  const char* factory;
};
constexpr Demuxer demuxers[] = {
    {"video/mpegts", "tsdemux"},
    {"video/quicktime", "qtdemux"},
    {"video/x-flv", "flvdemux"},
    {"video/x-matroska", "matroskademux"},
    {"video/webm", "matroskademux"},
    {"application/x-hls", "hlsdemux"},
    {"multipart/x-mixed-replace", "multipartdemux"},
};

struct Depayloader {
  std::string_view encoding;
  const char* factory;
  const char* caps;  ///< wanted behind it; null: as it comes
};
constexpr Depayloader depayloaders[] = {
    {"H264", "rtph264depay", "video/x-h264,stream-format=byte-stream,alignment=au"},
    {"H265", "rtph265depay", "video/x-h265,stream-format=byte-stream,alignment=au"},
    {"JPEG", "rtpjpegdepay", nullptr},
    {"MPEG4-GENERIC", "rtpmp4gdepay", nullptr},
    {"MP4A-LATM", "rtpmp4adepay", nullptr},
    {"OPUS", "rtpopusdepay", nullptr},
    {"PCMU", "rtppcmudepay", nullptr},
    {"PCMA", "rtppcmadepay", nullptr},
    {"MP2T", "rtpmp2tdepay", nullptr},
};

GstFlowReturn on_sample(GstAppSink* sink, gpointer track) {
  auto* sample = gst_app_sink_pull_sample(sink);
  if (sample == nullptr) return GST_FLOW_EOS;
  static_cast<Track*>(track)->take(sample);
  gst_sample_unref(sample);
  return GST_FLOW_OK;
}

bool is_whip(const Url& url) { return url.scheme == "whip"; }
bool is_rtsp(const Url& url) { return url.scheme == "rtsp" || url.scheme == "rtsps"; }

/// The element's only source pad.
Pad source_pad(GstElement* element) { return Pad(gst_element_get_static_pad(element, "src")); }

}  // namespace

Pipeline::Pipeline(const Url& url, const Start& order, SourcePlan plan, HubLink& hub, Timeline& timeline)
    : url_(url),
      order_(order),
      plan_(std::move(plan)),
      hub_(hub),
      timeline_(timeline),
      pipeline_(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr)))),
      transport_(plan_.transport),
      began_(Timeline::arrival()) {
  gst_bin_add(GST_BIN(pipeline_.get()), plan_.element);
  if (is_rtsp(url_)) {
    const auto judge = +[](GstElement*, GTlsConnection*, GTlsCertificate* shown, GTlsCertificateFlags, Pipeline* self) -> gboolean {
      return self->accepts(shown);
    };
    g_signal_connect(plan_.element, "accept-certificate", G_CALLBACK(judge), this);
    const auto added = +[](GstElement*, GstPad* pad, Pipeline* self) { self->follow(pad); };
    g_signal_connect(plan_.element, "pad-added", G_CALLBACK(added), this);
  } else if (is_whip(url_)) {
    const auto added = +[](GstElement*, GstPad* pad, Pipeline* self) {
      if (GST_PAD_DIRECTION(pad) == GST_PAD_SRC) self->follow(pad);
    };
    g_signal_connect(plan_.element, "pad-added", G_CALLBACK(added), this);
  } else {
    follow(source_pad(plan_.element).get());
  }
}

Pipeline::~Pipeline() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }

/// Waits for what the pad carries, then plugs what takes it.
void Pipeline::follow(GstPad* pad) {
  auto* finder = add("typefind");
  if (finder == nullptr) return;
  const auto found = +[](GstElement* element, guint, GstCaps* caps, Pipeline* self) { self->plug(source_pad(element).get(), caps); };
  g_signal_connect(finder, "have-type", G_CALLBACK(found), this);
  add_behind(pad, finder);
}

GstElement* Pipeline::add(const char* factory) {
  auto* element = gst_element_factory_make(factory, nullptr);
  if (element != nullptr) gst_bin_add(GST_BIN(pipeline_.get()), element);
  return element;
}

Pad Pipeline::add_behind(GstPad* pad, GstElement* element) {
  const Pad sink(gst_element_get_static_pad(element, "sink"));
  gst_pad_link(pad, sink.get());
  gst_element_sync_state_with_parent(element);
  return source_pad(element);
}

void Pipeline::plug(GstPad* pad, GstCaps* caps) {
  const std::lock_guard lock(mutex_);
  const auto* format = gst_caps_get_structure(caps, 0);
  const std::string_view name = gst_structure_get_name(format);
  for (const auto& demuxer : demuxers)
    if (name == demuxer.caps) return plug_demuxer(pad, demuxer.factory);
  if (name == "application/x-rtp") return plug_rtp(pad, format);
  if (!demuxed_) return leave_aside(pad);  // a bare elementary stream has no times
  if (name == "video/x-h264") return plug_video(pad, media::Codec::h264);
  if (name == "video/x-h265") return plug_video(pad, media::Codec::h265);
  if (name == "image/jpeg") return plug_video(pad, media::Codec::mjpeg);
  int version = 0;
  if (name == "audio/mpeg" && gst_structure_get_int(format, "mpegversion", &version) != 0 && version != 1)
    return plug_audio(pad, media::AudioCodec::aac, "aacparse", "audio/mpeg,mpegversion=4,stream-format=raw");
  if (name == "audio/x-opus") return plug_audio(pad, media::AudioCodec::opus, "opusparse", nullptr);
  if (name == "audio/x-mulaw") return plug_audio(pad, media::AudioCodec::pcmu, nullptr, nullptr);
  if (name == "audio/x-alaw") return plug_audio(pad, media::AudioCodec::pcma, nullptr, nullptr);
  leave_aside(pad);
}

void Pipeline::plug_demuxer(GstPad* pad, const char* factory) {
  auto* demuxer = add(factory);
  if (demuxer == nullptr) return leave_aside(pad);
  const std::string_view name(factory);
  if (name == "hlsdemux") transport_ = "hls";
  // Of a stream that arrives with times it would move the pictures' own by what it takes for jitter and drift; the hub has its
  // clock rules for that. Of mere bytes it needs the PCR.
  if (name == "tsdemux" && (transport_ == "srt" || transport_ == "hls")) g_object_set(demuxer, "ignore-pcr", TRUE, nullptr);
  demuxed_ = true;
  if (plan_.file || name == "hlsdemux" || reads_a_file_by_http()) timeline_.set_paced();
  const auto added = +[](GstElement*, GstPad* next, Pipeline* self) { self->follow(next); };
  g_signal_connect(demuxer, "pad-added", G_CALLBACK(added), this);
  const Pad sink(gst_element_get_static_pad(demuxer, "sink"));
  gst_pad_link(pad, sink.get());
  gst_element_sync_state_with_parent(demuxer);
}

/// A camera's endless answer has no length.
bool Pipeline::reads_a_file_by_http() const {
  gint64 size = -1;
  return transport_ == "http" && gst_element_query_duration(plan_.element, GST_FORMAT_BYTES, &size) != 0 && size > 0;
}

void Pipeline::plug_rtp(GstPad* pad, const GstStructure* format) {
  const auto* encoding = gst_structure_get_string(format, "encoding-name");
  for (const auto& known : depayloaders) {
    if (encoding == nullptr || g_ascii_strcasecmp(encoding, known.encoding.data()) != 0) continue;
    auto* depayloader = add(known.factory);
    if (depayloader == nullptr) break;
    if (is_whip(url_) && known.caps != nullptr) g_object_set(depayloader, "request-keyframe", TRUE, nullptr);
    demuxed_ = true;
    auto behind = add_behind(pad, depayloader);
    if (known.caps != nullptr) {
      auto* filter = add("capsfilter");
      gst_util_set_object_arg(G_OBJECT(filter), "caps", known.caps);
      behind = add_behind(behind.get(), filter);
    }
    return follow(behind.get());
  }
  leave_aside(pad);
}

void Pipeline::plug_video(GstPad* pad, media::Codec codec) {
  if (std::exchange(has_video_, true)) return leave_aside(pad);
  if (is_whip(url_)) video_.reset(GST_PAD(gst_object_ref(pad)));
  plug_sink(pad, make_video_track(codec, hub_, timeline_, [this] { on_first_picture(); }));
}

void Pipeline::plug_audio(GstPad* pad, media::AudioCodec codec, const char* parser, const char* caps) {
  if (std::exchange(has_audio_, true)) return leave_aside(pad);
  Pad behind(GST_PAD(gst_object_ref(pad)));
  if (auto* element = parser != nullptr ? add(parser) : nullptr) behind = add_behind(pad, element);
  if (caps != nullptr) {
    auto* filter = add("capsfilter");
    gst_util_set_object_arg(G_OBJECT(filter), "caps", caps);
    behind = add_behind(behind.get(), filter);
  }
  plug_sink(behind.get(), make_audio_track(codec, hub_, timeline_));
}

void Pipeline::plug_sink(GstPad* pad, std::unique_ptr<Track> track) {
  auto* sink = add("appsink");
  // The hub holds the stream back when it is slow; nothing waits for a clock here.
  g_object_set(sink, "sync", FALSE, "async", FALSE, "max-buffers", 2u, "enable-last-sample", FALSE, nullptr);
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = on_sample;
  gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, track.get(), nullptr);
  tracks_.push_back(std::move(track));
  add_behind(pad, sink);
}

void Pipeline::leave_aside(GstPad* pad) {
  auto* sink = add("fakesink");
  g_object_set(sink, "sync", FALSE, "async", FALSE, "enable-last-sample", FALSE, nullptr);
  add_behind(pad, sink);
}

void Pipeline::on_first_picture() {
  pictures_ = true;
  if (!set_up_.exchange(true)) hub_.send(SetUp{transport_, certificate_});
}

/// Cameras make their own certificates: the first is believed, then no other (docs/decisions/0008).
bool Pipeline::accepts(GTlsCertificate* certificate) {
  GByteArray* der = nullptr;
  g_object_get(certificate, "certificate", &der, nullptr);
  if (der == nullptr) return false;
  const Text hash(g_compute_checksum_for_data(G_CHECKSUM_SHA256, der->data, der->len));
  g_byte_array_unref(der);
  certificate_ = hash.get();
  other_certificate_ = !order_.certificate.empty() && order_.certificate != certificate_;
  return !other_certificate_;
}

std::optional<Ended> Pipeline::judge_silence() const {
  if (pictures_ || url_.listens() || Timeline::arrival() - began_ < pictures_within) return std::nullopt;
  if (tracks_.empty() && !has_video_) return Ended{media::GapCause::network, 0, "no pictures came within 20 seconds"};
  return Ended{media::GapCause::camera, 10, no_video_sentence};
}

Status Pipeline::answer_offer() {
  const auto offer = read_offer(order_.offer);
  if (!offer) return std::unexpected(offer.error());
  auto answer = answer_sender(plan_.element, *offer);
  if (!answer) return std::unexpected(answer.error());
  hub_.send(Answer{*std::move(answer)});
  return {};
}

/// Upwards, through the depayloader, to where it becomes a PLI (RFC 4585 §6.3.1).
void Pipeline::ask_for_key_frame() {
  if (const auto now = Timeline::arrival(); now - asked_ < key_frame_every)
    return;
  else
    asked_ = now;
  const std::lock_guard lock(mutex_);
  if (!video_) return;
  auto* wish = gst_structure_new("GstForceKeyUnit", "running-time", GST_TYPE_CLOCK_TIME, GST_CLOCK_TIME_NONE, "all-headers", G_TYPE_BOOLEAN,
                                 FALSE, "count", G_TYPE_UINT, 0u, nullptr);
  gst_pad_send_event(video_.get(), gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, wish));
}

std::optional<Ended> Pipeline::judge_peer() {
  if (!is_whip(url_)) return std::nullopt;
  if (state_of(plan_.element) == PeerState::gone) {
    if (pictures_) return Ended{media::GapCause::camera, 0, "the sender ended the stream"};
    return Ended{media::GapCause::network, 0, "no connection with the sender came about: are this hub's UDP ports open to it?"};
  }
  ask_for_key_frame();
  return std::nullopt;
}

std::optional<Ended> Pipeline::run() {
  if (url_.listens()) hub_.send(Waiting{waiting_sentence(url_)});
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
  if (is_whip(url_)) {
    if (const auto answered = answer_offer(); !answered) return explain(answered.error());
  }
  auto* bus = gst_element_get_bus(pipeline_.get());
  const std::unique_ptr<GstBus, UnrefObject> owned(bus);
  for (;;) {
    const BusMessage message(gst_bus_timed_pop_filtered(bus, look_every, static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS)));
    if (auto ended = judge_peer()) return ended;
    if (!message) {
      if (auto ended = judge_silence()) return ended;
    } else if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR) {
      if (other_certificate_) return Ended{media::GapCause::camera, 10, "the camera shows another certificate than the one that is pinned"};
      return explain(message.get(), url_, order_.connect_timeout_ms, pictures_);
    } else if (!pictures_) {
      return Ended{media::GapCause::camera, 10, no_video_sentence};
    } else {
      return std::nullopt;
    }
  }
}

}  // namespace ccoc::ingest::bridge
