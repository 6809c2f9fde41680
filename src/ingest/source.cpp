#include "ccoc/ingest/source.h"

#include "bridge_source.h"
#include "rtsp_source.h"

namespace ccoc::ingest {

void Source::take_offer(std::string, OfferAnswered answered) {
  answered(fail(ErrorCode::conflict, "this stream does not wait for a sender by WebRTC: its URL is not whip:"));
}

Result<std::unique_ptr<Source>> make_source(Reactor& reactor, const StreamConfig& config, const IngestOptions& options,
                                            SourceListener& listener) {
  const bool rtsp = config.url.starts_with("rtsp://") || config.url.starts_with("rtsps://");
  if (!rtsp || config.client == "gstreamer") return make_bridge_source(reactor, config, options, listener);
  return std::make_unique<RtspSource>(reactor, config, options, listener);
}

}  // namespace ccoc::ingest
