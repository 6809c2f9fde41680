#include "explain.h"

#include <algorithm>
#include <utility>

#include "address_guard.h"

namespace ccoc::ingest::bridge {
namespace {

using media::GapCause;

/// Cameras lock accounts: a wrong password is not tried again soon (faults.md 11).
constexpr std::uint32_t after_wrong_password = 30;
constexpr std::uint32_t after_mistake = 10;

bool contains(const std::string& text, std::string_view part) {
  const auto same = [](char a, char b) { return g_ascii_tolower(a) == g_ascii_tolower(b); };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

bool is_from_source(GstMessage* message) {
  return GST_IS_ELEMENT(GST_MESSAGE_SRC(message)) && GST_OBJECT_FLAG_IS_SET(GST_MESSAGE_SRC(message), GST_ELEMENT_FLAG_SOURCE);
}

unsigned http_status(GstMessage* message) {
  const GstStructure* details = nullptr;
  unsigned status = 0;
  gst_message_parse_error_details(message, &details);
  if (details != nullptr) gst_structure_get_uint(details, "http-status-code", &status);
  return status;
}

Ended of_http_status(unsigned status) {
  if (status == 401 || status == 403) return {GapCause::camera, after_wrong_password, "the server refuses user or password"};
  if (status == 404 || status == 410) return {GapCause::camera, after_mistake, "the server does not know this path (404)"};
  if (status >= 300 && status < 400)
    return {GapCause::camera, after_mistake,
            "the server sends the hub elsewhere; with a password that is followed only if ingest.follow_redirects allows it"};
  return {GapCause::camera, 0, "the server answers with an error (" + std::to_string(status) + ")"};
}

Ended of_resource(const GError& error, const std::string& all) {
  if (contains(all, "certificate")) return {GapCause::camera, after_mistake, "the server's certificate is not accepted"};
  switch (error.code) {
    case GST_RESOURCE_ERROR_NOT_AUTHORIZED: return {GapCause::camera, after_wrong_password, "the camera refuses user or password"};
    case GST_RESOURCE_ERROR_NOT_FOUND: return {GapCause::camera, after_mistake, "the camera or server does not know this path"};
    case GST_RESOURCE_ERROR_OPEN_READ:
    case GST_RESOURCE_ERROR_OPEN_READ_WRITE:
    case GST_RESOURCE_ERROR_OPEN_WRITE: return {GapCause::camera, 0, "the camera or server answers, but not as this protocol wants it"};
    default: return {GapCause::network, 0, "the connection broke"};
  }
}

std::uint16_t port_of(const Url& url) {
  if (url.port != 0) return url.port;
  const std::pair<std::string_view, std::uint16_t> usual[] = {{"http", 80},   {"https", 443}, {"rtsp", 554},
                                                              {"rtsps", 322}, {"rtmp", 1935}, {"rtmps", 443}};
  for (const auto& [scheme, port] : usual)
    if (url.scheme == scheme) return port;
  return 0;
}

}  // namespace

std::string waiting_sentence(const Url& url) { return "nobody sends to " + url.scheme + " port " + std::to_string(url.port) + " yet"; }

Ended explain(const Error& error) {
  switch (error.code) {
    case ErrorCode::permission_denied: return {GapCause::disabled, after_wrong_password, error.message};
    case ErrorCode::unsupported: return {GapCause::hub, after_wrong_password, error.message};
    case ErrorCode::unavailable:
    case ErrorCode::timeout:
    case ErrorCode::not_found: return {GapCause::network, 0, error.message};
    default: return {GapCause::camera, after_mistake, error.message};
  }
}

Ended explain(GstMessage* message, const Url& url, std::uint32_t connect_timeout_ms, bool had_pictures) {
  GError* error = nullptr;
  gchar* debug = nullptr;
  gst_message_parse_error(message, &error, &debug);
  const std::unique_ptr<GError, decltype(&g_error_free)> owned(error, g_error_free);
  const Text owned_debug(debug);
  const auto all = std::string(error->message) + "\n" + (debug != nullptr ? debug : "");
  if (const char* refused = refusal()) return {GapCause::disabled, after_wrong_password, refused};
  if (const auto status = http_status(message); status >= 300) return of_http_status(status);
  const bool resource = error->domain == GST_RESOURCE_ERROR;
  if (!had_pictures && url.scheme == "srt" && resource)
    return {GapCause::network, 0, "nobody answers there with SRT, or the passphrase or stream id is not accepted"};
  if (const auto port = port_of(url); !had_pictures && port != 0) {
    if (const auto reached = reach(url.host, port, connect_timeout_ms); !reached) return explain(reached.error());
  }
  if (resource) return of_resource(*error, all);
  if (!had_pictures && url.scheme == "https" && is_from_source(message))
    return {GapCause::camera, after_mistake,
            "no encrypted connection with the server comes about; perhaps this machine does not trust its certificate"};
  if (had_pictures) return {GapCause::camera, 0, "the stream cannot be read any further"};
  return {GapCause::camera, after_mistake, no_video_sentence};
}

}  // namespace ccoc::ingest::bridge
