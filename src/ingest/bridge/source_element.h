// The element that brings a URL's bytes, and which elements this process may use at all.
#pragma once

#include <string>

#include "ccoc/ingest/bridge_wire.h"
#include "gst.h"
#include "url.h"

namespace ccoc::ingest::bridge {

struct SourcePlan {
  GstElement* element = nullptr;  ///< floating
  std::string transport;          ///< as SourceReport
  bool file = false;              ///< begins anew at its end
};

/// `unsupported` when GStreamer's plug-in for it is not installed, `permission_denied`, `not_found`.
Result<SourcePlan> make_source_element(const Url& url, const Start& order);

/// Forgets every element that a stream of this scheme does not need: a playlist cannot name a file or another protocol, and
/// what parses the stream is a short list.
void keep_only_elements_for(const std::string& scheme);

}  // namespace ccoc::ingest::bridge
