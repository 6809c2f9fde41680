// A WebRTC peer that makes the offer: GStreamer's webrtcbin, or what a test wants to see refused.
//   peer_webrtc send FOLDER | peer_webrtc receive FOLDER [first] [opus] [pcma] [pcmu]
// Writes its session description to FOLDER/offer, waits for FOLDER/answer, then sends 320×180 H.264 and Opus, or writes what it
// receives to FOLDER/received.h264 (Annex B) and FOLDER/received.s16 (16 bits, 48 kHz, one channel). It offers to hear what is named,
// in a section before that of the pictures if that is "first". Prints "connected" once the connection stands, "picture" for each
// picture received, "sound" for each piece.
#include <fcntl.h>
#include <gst/gst.h>
#include <gst/sdp/sdp.h>
#include <unistd.h>
#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace {

constexpr const char* sending =
    "webrtcbin name=w  videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=25/1 ! x264enc tune=zerolatency "
    "key-int-max=1000 bitrate=300 ! video/x-h264,profile=constrained-baseline ! rtph264pay aggregate-mode=zero-latency ! "
    "application/x-rtp,media=video,encoding-name=H264,payload=96 ! w.  audiotestsrc is-live=true ! audio/x-raw,rate=48000 ! opusenc ! "
    "rtpopuspay ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! w. ";

std::filesystem::path folder;
GstElement* webrtc = nullptr;
int received = -1, heard = -1;

void say(const char* what) {
  std::puts(what);
  std::fflush(stdout);
}

gboolean look_for_answer(gpointer) {
  std::ifstream in(folder / "answer", std::ios::binary);
  if (!in) return G_SOURCE_CONTINUE;
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  GstSDPMessage* message = nullptr;
  if (gst_sdp_message_new_from_text(text.c_str(), &message) != GST_SDP_OK) return G_SOURCE_REMOVE;
  auto* description = gst_webrtc_session_description_new(GST_WEBRTC_SDP_TYPE_ANSWER, message);
  g_signal_emit_by_name(webrtc, "set-remote-description", description, nullptr);
  gst_webrtc_session_description_free(description);
  return G_SOURCE_REMOVE;
}

void write_offer() {
  GstWebRTCSessionDescription* description = nullptr;
  g_object_get(webrtc, "local-description", &description, nullptr);
  gchar* text = gst_sdp_message_as_text(description->sdp);
  std::ofstream(folder / "offer.part", std::ios::binary) << text;
  std::filesystem::rename(folder / "offer.part", folder / "offer");
  g_free(text);
  gst_webrtc_session_description_free(description);
  g_timeout_add(20, look_for_answer, nullptr);
}

void on_offer(GstPromise* promise, gpointer) {
  GstWebRTCSessionDescription* offer = nullptr;
  gst_structure_get(gst_promise_get_reply(promise), "offer", GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &offer, nullptr);
  gst_promise_unref(promise);
  g_signal_emit_by_name(webrtc, "set-local-description", offer, nullptr);
  gst_webrtc_session_description_free(offer);
}

void on_gathering(GObject*, GParamSpec*, gpointer) {
  GstWebRTCICEGatheringState state{};
  g_object_get(webrtc, "ice-gathering-state", &state, nullptr);
  if (state == GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE) write_offer();
}

void on_state(GObject*, GParamSpec*, gpointer) {
  GstWebRTCPeerConnectionState state{};
  g_object_get(webrtc, "connection-state", &state, nullptr);
  if (state == GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED) say("connected");
}

GstPadProbeReturn keep(GstPadProbeInfo* info, int file, const char* what) {
  GstMapInfo map;
  GstBuffer* buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  if (gst_buffer_map(buffer, &map, GST_MAP_READ) != 0) {
    if (write(file, map.data, map.size) < 0) return GST_PAD_PROBE_REMOVE;
    gst_buffer_unmap(buffer, &map);
    say(what);
  }
  return GST_PAD_PROBE_OK;
}

GstPadProbeReturn on_picture(GstPad*, GstPadProbeInfo* info, gpointer) { return keep(info, received, "picture"); }
GstPadProbeReturn on_sound(GstPad*, GstPadProbeInfo* info, gpointer) { return keep(info, heard, "sound"); }

struct Coding {
  const char* name;
  const char* caps;
  const char* decoder;
};
constexpr Coding codings[] = {
    {"opus", "application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,encoding-params=(string)2,payload=111",
     "rtpopusdepay ! opusdec"},
    {"pcma", "application/x-rtp,media=audio,encoding-name=PCMA,clock-rate=8000,payload=8", "rtppcmadepay ! alawdec"},
    {"pcmu", "application/x-rtp,media=audio,encoding-name=PCMU,clock-rate=8000,payload=0", "rtppcmudepay ! mulawdec"},
};

/// What reads and writes what comes from this pad.
std::string reader_of(GstPad* pad, bool& sound) {
  GstCaps* caps = gst_pad_get_current_caps(pad);
  const gchar* encoding = gst_structure_get_string(gst_caps_get_structure(caps, 0), "encoding-name");
  std::string out = "rtph264depay ! video/x-h264,stream-format=byte-stream,alignment=au";
  for (const auto& coding : codings) {
    if (g_ascii_strcasecmp(coding.name, encoding) != 0) continue;
    sound = true;
    out = std::string(coding.decoder) + " ! audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=48000,channels=1";
  }
  gst_caps_unref(caps);
  return out + " ! fakesink name=sink sync=false async=false";
}

void on_pad(GstElement*, GstPad* pad, gpointer pipeline) {
  if (GST_PAD_DIRECTION(pad) != GST_PAD_SRC) return;
  bool sound = false;
  GstElement* chain = gst_parse_bin_from_description(reader_of(pad, sound).c_str(), TRUE, nullptr);
  gst_bin_add(GST_BIN(pipeline), chain);
  GstElement* sink = gst_bin_get_by_name(GST_BIN(chain), "sink");
  GstPad* end = gst_element_get_static_pad(sink, "sink");
  gst_pad_add_probe(end, GST_PAD_PROBE_TYPE_BUFFER, sound ? on_sound : on_picture, nullptr, nullptr);
  gst_object_unref(end);
  gst_object_unref(sink);
  gst_element_sync_state_with_parent(chain);
  GstPad* in = gst_element_get_static_pad(chain, "sink");
  gst_pad_link(pad, in);
  gst_object_unref(in);
}

void offer_to_receive(const std::string& wanted) {
  if (wanted.empty()) return;
  GstCaps* caps = gst_caps_from_string(wanted.c_str());
  GstWebRTCRTPTransceiver* transceiver = nullptr;
  g_signal_emit_by_name(webrtc, "add-transceiver", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY, caps, &transceiver);
  gst_object_unref(transceiver);
  gst_caps_unref(caps);
}

int open_in_folder(const char* name) { return open((folder / name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600); }

}  // namespace

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  if (argc < 3) return 2;
  const bool sends = std::string(argv[1]) == "send";
  folder = argv[2];
  GError* error = nullptr;
  GstElement* pipeline = sends ? gst_parse_launch(sending, &error) : gst_pipeline_new(nullptr);
  if (pipeline == nullptr) {
    std::fprintf(stderr, "%s\n", error->message);
    return 1;
  }
  if (!sends) gst_bin_add(GST_BIN(pipeline), gst_element_factory_make("webrtcbin", "w"));
  webrtc = gst_bin_get_by_name(GST_BIN(pipeline), "w");
  gst_util_set_object_arg(G_OBJECT(webrtc), "bundle-policy", "max-bundle");
  if (!sends) {
    received = open_in_folder("received.h264");
    heard = open_in_folder("received.s16");
    const bool sound_first = argc > 3 && std::string(argv[3]) == "first";
    std::string sound;
    for (int i = 3; i < argc; ++i)
      for (const auto& coding : codings)
        if (std::string(argv[i]) == coding.name) sound += (sound.empty() ? "" : ";") + std::string(coding.caps);
    gst_element_set_state(pipeline, GST_STATE_READY);
    if (sound_first) offer_to_receive(sound);
    offer_to_receive(
        "application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=102,packetization-mode=(string)1,"
        "profile-level-id=(string)42e01f");
    if (!sound_first) offer_to_receive(sound);
    g_signal_connect(webrtc, "pad-added", G_CALLBACK(on_pad), pipeline);
  }
  g_signal_connect(webrtc, "notify::ice-gathering-state", G_CALLBACK(on_gathering), nullptr);
  g_signal_connect(webrtc, "notify::connection-state", G_CALLBACK(on_state), nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  g_signal_emit_by_name(webrtc, "create-offer", nullptr, gst_promise_new_with_change_func(on_offer, nullptr, nullptr));
  g_main_loop_run(g_main_loop_new(nullptr, FALSE));
  return 0;
}
