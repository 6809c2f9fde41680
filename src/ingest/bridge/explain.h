// What went wrong, as a sentence with its cause.
#pragma once

#include "ccoc/ingest/bridge_wire.h"
#include "gst.h"
#include "url.h"

namespace ccoc::ingest::bridge {

Ended explain(const Error& error);
/// Of an error on a pipeline's bus. `had_pictures`: the stream ran before; else it is tried whether the host can be reached.
Ended explain(GstMessage* error, const Url& url, std::uint32_t connect_timeout_ms, bool had_pictures);

/// While a listener waits for its sender.
std::string waiting_sentence(const Url& url);

inline constexpr const char* no_video_sentence = "the stream has no video that is understood (H.264, H.265 and Motion JPEG are)";

}  // namespace ccoc::ingest::bridge
