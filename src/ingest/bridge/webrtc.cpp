#include "webrtc.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#ifdef CCOC_WEBRTC
#define GST_USE_UNSTABLE_API
#include <gst/sdp/sdp.h>
#include <gst/webrtc/webrtc.h>
#endif

namespace ccoc::ingest::bridge {

std::optional<OfferedVideo> best_for(const Offer& offer, const std::string& profile) {
  const OfferedVideo* best = nullptr;
  for (const auto& one : offer.video) {
    if (one.encoding != "H264" || !one.packetization) continue;
    const bool fits = !profile.empty() && one.profile.substr(0, 2) == profile.substr(0, 2);
    if (best == nullptr || (fits && best->profile.substr(0, 2) != profile.substr(0, 2))) best = &one;
  }
  return best != nullptr ? std::optional(*best) : std::nullopt;
}

#ifdef CCOC_WEBRTC
namespace {

constexpr auto gathers_within = std::chrono::seconds{5};
constexpr auto look_every = std::chrono::milliseconds{5};

struct UnrefPromise {
  void operator()(GstPromise* promise) const { gst_promise_unref(promise); }
};
using Promise = std::unique_ptr<GstPromise, UnrefPromise>;

struct FreeDescription {
  void operator()(GstWebRTCSessionDescription* description) const { gst_webrtc_session_description_free(description); }
};
using Description = std::unique_ptr<GstWebRTCSessionDescription, FreeDescription>;

/// Waits for what webrtcbin replies. False when it is an error.
bool succeeded(GstPromise* promise) {
  if (gst_promise_wait(promise) != GST_PROMISE_RESULT_REPLIED) return false;
  const auto* reply = gst_promise_get_reply(promise);
  return reply == nullptr || !gst_structure_has_field(reply, "error");
}

bool set_description(GstElement* webrtc, const char* action, GstWebRTCSessionDescription* description) {
  const Promise done(gst_promise_new());
  g_signal_emit_by_name(webrtc, action, description, done.get());
  return succeeded(done.get());
}

Description read_description(const std::string& sdp) {
  GstSDPMessage* message = nullptr;
  if (gst_sdp_message_new_from_text(sdp.c_str(), &message) != GST_SDP_OK) return nullptr;
  return Description(gst_webrtc_session_description_new(GST_WEBRTC_SDP_TYPE_OFFER, message));
}

Description create_answer(GstElement* webrtc) {
  const Promise done(gst_promise_new());
  g_signal_emit_by_name(webrtc, "create-answer", nullptr, done.get());
  if (!succeeded(done.get())) return nullptr;
  GstWebRTCSessionDescription* answer = nullptr;
  const auto* reply = gst_promise_get_reply(done.get());
  if (reply != nullptr) gst_structure_get(reply, "answer", GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &answer, nullptr);
  return Description(answer);
}

/// All addresses are known before the answer is given: nothing can be said later.
bool gather(GstElement* webrtc) {
  const auto deadline = std::chrono::steady_clock::now() + gathers_within;
  for (;;) {
    GstWebRTCICEGatheringState state = GST_WEBRTC_ICE_GATHERING_STATE_NEW;
    g_object_get(webrtc, "ice-gathering-state", &state, nullptr);
    if (state == GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE) return true;
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(look_every);
  }
}

Result<std::string> answer(GstElement* webrtc, const Offer& offer) {
  const auto cannot = [] { return fail(ErrorCode::invalid_argument, "the session description is not understood"); };
  const auto remote = read_description(offer.sdp);
  if (!remote || !set_description(webrtc, "set-remote-description", remote.get())) return cannot();
  const auto local = create_answer(webrtc);
  if (!local || !set_description(webrtc, "set-local-description", local.get())) return cannot();
  if (!gather(webrtc)) return fail(ErrorCode::unavailable, "this machine's addresses for WebRTC could not be gathered");
  GstWebRTCSessionDescription* whole = nullptr;
  g_object_get(webrtc, "local-description", &whole, nullptr);
  const Description owned(whole);
  if (!owned) return cannot();
  const Text text(gst_sdp_message_as_text(owned->sdp));
  std::string out(text.get());
  if (out.find("a=candidate:") == std::string::npos)
    return fail(ErrorCode::unavailable, "this machine has no address that WebRTC could use; loopback is not enough");
  return out;
}

void add_receiver(GstElement* webrtc, const char* wanted) {
  const Caps caps(gst_caps_from_string(wanted));
  GstWebRTCRTPTransceiver* transceiver = nullptr;
  g_signal_emit_by_name(webrtc, "add-transceiver", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY, caps.get(), &transceiver);
  if (transceiver == nullptr) return;
  g_object_set(transceiver, "do-nack", TRUE, nullptr);
  gst_object_unref(transceiver);
}

}  // namespace

Result<GstElement*> make_webrtc_element() {
  constexpr std::pair<const char*, const char*> needed[] = {{"webrtcbin", "gstreamer1.0-plugins-bad"}, {"nicesrc", "gstreamer1.0-nice"}};
  for (const auto& [factory, package] : needed) {
    auto* known = gst_element_factory_find(factory);
    if (known == nullptr)
      return fail(ErrorCode::unsupported, std::string("GStreamer's ") + factory + " is missing here; install " + package);
    gst_object_unref(known);
  }
  auto* element = gst_element_factory_make("webrtcbin", nullptr);
  if (element == nullptr) return fail(ErrorCode::unsupported, "GStreamer's webrtcbin cannot be used here");
  gst_util_set_object_arg(G_OBJECT(element), "bundle-policy", "max-bundle");
  // The jitter buffer's usual mode: asking for lost packets again (NACK) does not work in the one without a clock.
  g_object_set(element, "latency", 100u, nullptr);
  return element;
}

Result<std::string> answer_sender(GstElement* webrtc, const Offer& offer) {
  // In whatever packetization mode: all are read alike.
  const bool understood =
      std::ranges::any_of(offer.video, [](const auto& one) { return one.encoding == "H265" || one.encoding == "H264"; });
  if (!understood) return fail(ErrorCode::invalid_argument, "the sender offers neither H.264 nor H.265");
  add_receiver(webrtc,
               "application/x-rtp,media=video,encoding-name=H264,clock-rate=90000;"
               "application/x-rtp,media=video,encoding-name=H265,clock-rate=90000");
  if (offer.audio)
    add_receiver(webrtc,
                 "application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000;"
                 "application/x-rtp,media=audio,encoding-name={PCMU,PCMA},clock-rate=8000");
  return answer(webrtc, offer);
}

Result<std::string> answer_viewer(GstElement* webrtc, const Offer& offer) {
  GArray* all = nullptr;
  g_signal_emit_by_name(webrtc, "get-transceivers", &all);
  for (guint i = 0; all != nullptr && i < all->len; ++i)
    g_object_set(g_array_index(all, GstWebRTCRTPTransceiver*, i), "direction", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY, "do-nack",
                 TRUE, nullptr);
  if (all != nullptr) g_array_unref(all);
  return answer(webrtc, offer);
}

PeerState state_of(GstElement* webrtc) {
  GstWebRTCPeerConnectionState state = GST_WEBRTC_PEER_CONNECTION_STATE_NEW;
  g_object_get(webrtc, "connection-state", &state, nullptr);
  switch (state) {
    case GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED: return PeerState::connected;
    case GST_WEBRTC_PEER_CONNECTION_STATE_FAILED:
    case GST_WEBRTC_PEER_CONNECTION_STATE_CLOSED: return PeerState::gone;
    default: return PeerState::connecting;
  }
}

#else

Result<GstElement*> make_webrtc_element() {
  return fail(ErrorCode::unsupported, "this ccoc-bridge was built without WebRTC (libgstreamer-plugins-bad1.0-dev was missing)");
}
Result<std::string> answer_sender(GstElement*, const Offer&) { return std::unexpected(make_webrtc_element().error()); }
Result<std::string> answer_viewer(GstElement* webrtc, const Offer& offer) { return answer_sender(webrtc, offer); }
PeerState state_of(GstElement*) { return PeerState::gone; }

#endif

}  // namespace ccoc::ingest::bridge
