#include "source_element.h"

#include <fcntl.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "address_guard.h"
#include "opened_file.h"
#include "webrtc.h"

namespace ccoc::ingest::bridge {
namespace {

using Names = std::set<std::string_view>;

const Names always = {"pipeline", "bin",     "typefind", "capsfilter", "queue",         "queue2",         "identity", "fakesink",
                      "appsink",  "tsdemux", "qtdemux",  "flvdemux",   "matroskademux", "multipartdemux", "aacparse", "opusparse"};
const Names for_rtsp = {"rtspsrc",      "rtpbin",       "rtpsession",   "rtpssrcdemux", "rtpptdemux",   "rtpjitterbuffer",
                        "rtpstorage",   "rtpfunnel",    "funnel",       "udpsrc",       "udpsink",      "fakesrc",
                        "appsrc",       "rtph264depay", "rtph265depay", "rtpjpegdepay", "rtpmp4gdepay", "rtpmp4adepay",
                        "rtpopusdepay", "rtppcmudepay", "rtppcmadepay", "rtpmp2tdepay"};
const Names for_webrtc = {"webrtcbin",     "nicesrc",         "nicesink",       "dtlssrtpdec", "dtlssrtpenc",  "dtlsdec",
                          "dtlsenc",       "srtpdec",         "srtpenc",        "rtpbin",      "rtpsession",   "rtpssrcdemux",
                          "rtpptdemux",    "rtpjitterbuffer", "rtpstorage",     "rtpfunnel",   "funnel",       "rtprtxsend",
                          "rtprtxreceive", "rtpulpfecdec",    "rtpulpfecenc",   "rtpredenc",   "rtpreddec",    "clocksync",
                          "tee",           "output-selector", "input-selector", "valve",       "rtph264depay", "rtph265depay",
                          "rtpopusdepay",  "rtppcmudepay",    "rtppcmadepay",   "appsrc"};
const Names for_viewers = {"rtph264pay", "rtpopuspay", "rtppcmapay",   "rtppcmupay",    "faad",   "avdec_aac",
                           "alawdec",    "mulawdec",   "audioconvert", "audioresample", "opusenc"};
const Names for_http = {"souphttpsrc", "hlsdemux"};

Names names_for(const std::string& scheme) {
  auto out = always;
  if (scheme == "rtsp" || scheme == "rtsps") out.insert(for_rtsp.begin(), for_rtsp.end());
  if (scheme == "http" || scheme == "https") out.insert(for_http.begin(), for_http.end());
  if (scheme == "whip" || scheme == "whep") out.insert(for_webrtc.begin(), for_webrtc.end());
  if (scheme == "whep") out.insert(for_viewers.begin(), for_viewers.end());
  if (scheme == "srt") out.insert("srtsrc");
  if (scheme == "rtmp" || scheme == "rtmps") out.insert("rtmp2src");
  if (scheme == "file") out.insert("fdsrc");
  return out;
}

Result<GstElement*> make(const char* factory, const char* package) {
  if (auto* element = gst_element_factory_make(factory, nullptr)) return element;
  return fail(ErrorCode::unsupported, std::string("GStreamer's ") + factory + " is missing here; install " + package);
}

void set_text(GstElement* element, const char* property, const std::string& value) {
  if (!value.empty()) g_object_set(element, property, value.c_str(), nullptr);
}

Result<SourcePlan> rtsp(const Url& url, const Start& order) {
  auto element = make("rtspsrc", "gstreamer1.0-plugins-good");
  if (!element) return std::unexpected(element.error());
  const std::uint64_t limit_us = order.connect_timeout_ms * std::uint64_t{1000};
  set_text(*element, "location", url.text);
  set_text(*element, "user-id", order.username);
  set_text(*element, "user-pw", order.password);
  // Times as the camera gives them: the hub has its own clock rules.
  g_object_set(*element, "latency", 100u, "tcp-timeout", limit_us, "timeout", std::uint64_t{0}, nullptr);
  gst_util_set_object_arg(G_OBJECT(*element), "buffer-mode", "none");
  gst_util_set_object_arg(G_OBJECT(*element), "protocols", order.transport == "udp" ? "udp" : "tcp");
  return SourcePlan{*element, order.transport == "udp" ? "udp" : "tcp"};
}

Result<SourcePlan> srt(const Url& url, const Start& order) {
  if (url.port == 0) return fail(ErrorCode::invalid_argument, "an srt:// URL needs a port: srt://host:9000");
  auto host = url.host;
  if (!url.listens()) {
    auto address = resolve(host);
    if (!address) return std::unexpected(address.error());
    host = *std::move(address);
  }
  auto element = make("srtsrc", "gstreamer1.0-plugins-bad");
  if (!element) return std::unexpected(element.error());
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  set_text(*element, "uri", "srt://" + host + ":" + std::to_string(url.port) + (url.listens() ? "?mode=listener" : ""));
  set_text(*element, "streamid", url.value("streamid"));
  set_text(*element, "passphrase", order.password);
  if (const auto latency = url.value("latency"); !latency.empty()) gst_util_set_object_arg(G_OBJECT(*element), "latency", latency.c_str());
  // The hub tries again, with its back-off; and a second sender is a new session.
  g_object_set(*element, "do-timestamp", TRUE, "auto-reconnect", FALSE, "keep-listening", FALSE, nullptr);
  return SourcePlan{*element, "srt"};
}

Result<SourcePlan> rtmp(const Url& url, const Start& order) {
  auto element = make("rtmp2src", "gstreamer1.0-plugins-bad");
  if (!element) return std::unexpected(element.error());
  set_text(*element, "location", url.text);
  set_text(*element, "username", order.username);
  set_text(*element, "password", order.password);
  g_object_set(*element, "timeout", std::max(order.connect_timeout_ms / 1000, 1u), nullptr);
  return SourcePlan{*element, "rtmp"};
}

Result<SourcePlan> http(const Url& url, const Start& order) {
  auto element = make("souphttpsrc", "gstreamer1.0-plugins-good");
  if (!element) return std::unexpected(element.error());
  if (!order.follow_redirects) only_this_host(url.host);
  // Even on the same host another protocol could be given the password.
  const gboolean redirects = order.password.empty() || order.follow_redirects;
  set_text(*element, "location", url.text);
  set_text(*element, "user-id", order.username);
  set_text(*element, "user-pw", order.password);
  set_text(*element, "user-agent", "ccoc");
  g_object_set(*element, "automatic-redirect", redirects, "retries", 0, "timeout", 15u, nullptr);
  return SourcePlan{*element, "http"};
}

Result<SourcePlan> whip() {
  const auto element = make_webrtc_element();
  if (!element) return std::unexpected(element.error());
  return SourcePlan{*element, "whip"};
}

Result<SourcePlan> file(const Url& url, const Start& order) {
  const auto opened = open_beneath(order.files, url.path);
  if (!opened) return std::unexpected(opened.error());
  auto element = make("fdsrc", "gstreamer1.0-plugins-base");
  if (!element) return std::unexpected(element.error());
  g_object_set(*element, "fd", *opened, nullptr);
  return SourcePlan{*element, "file", true};
}

}  // namespace

void keep_only_elements_for(const std::string& scheme) {
  const auto wanted = names_for(scheme);
  auto* registry = gst_registry_get();
  auto* all = gst_registry_get_feature_list(registry, GST_TYPE_ELEMENT_FACTORY);
  for (auto* at = all; at != nullptr; at = at->next) {
    auto* feature = GST_PLUGIN_FEATURE(at->data);
    if (!wanted.contains(gst_plugin_feature_get_name(feature))) gst_registry_remove_feature(registry, feature);
  }
  gst_plugin_feature_list_free(all);
}

Result<SourcePlan> make_source_element(const Url& url, const Start& order) {
  if (url.scheme == "rtsp" || url.scheme == "rtsps") return rtsp(url, order);
  if (url.scheme == "srt") return srt(url, order);
  if (url.scheme == "rtmp" || url.scheme == "rtmps") return rtmp(url, order);
  if (url.scheme == "http" || url.scheme == "https") return http(url, order);
  if (url.scheme == "file") return file(url, order);
  if (url.scheme == "whip") return whip();
  return fail(ErrorCode::unsupported, "the hub does not know " + url.scheme.substr(0, 20) + ":// streams");
}

}  // namespace ccoc::ingest::bridge
