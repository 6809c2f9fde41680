#include "ccoc/ingest/source.h"

#include "rtsp_source.h"

namespace ccoc::ingest {

Result<std::unique_ptr<Source>> make_source(Reactor& reactor, const StreamConfig& config, const IngestOptions& options,
                                            SourceListener& listener) {
  return std::make_unique<RtspSource>(reactor, config, options, listener);
}

}  // namespace ccoc::ingest
