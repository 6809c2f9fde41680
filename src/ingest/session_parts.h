// What a lasting session and a probe make of a stream's configuration in the same way. Private to ingest.
#pragma once

#include "ccoc/ingest/ingest.h"
#include "ccoc/ingest/rtp_receiver.h"
#include "ccoc/rtsp/client.h"

namespace ccoc::ingest {

/// An Error: the URL cannot be read.
Result<rtsp::ClientOptions> client_options(const StreamConfig& config, const IngestOptions& options);

/// Null for an encoding that is not understood; the client chooses one that is.
std::unique_ptr<RtpReceiver> make_receiver(const media::SdpMedia& track, std::optional<std::uint32_t> ssrc,
                                           rtsp::MediaTransport transport, media::Depacketizer::Sink sink);

}  // namespace ccoc::ingest
