#include "session_parts.h"

namespace ccoc::ingest {

Result<rtsp::ClientOptions> client_options(const StreamConfig& config, const IngestOptions& options) {
  auto url = rtsp::parse_url(config.url);
  if (!url) return std::unexpected(url.error());
  rtsp::ClientOptions out;
  out.user = config.username.empty() ? url->user : config.username;
  out.password = config.username.empty() ? url->password : config.password;
  out.url = std::move(*url);
  out.certificate = config.certificate;
  out.transport = config.transport.value_or(rtsp::MediaTransport::tcp);
  out.other_transport = !config.transport;
  out.refuse_local = options.refuse_local;
  out.allow_basic = options.allow_basic_auth;
  out.redirect_anywhere = options.follow_redirects;
  out.connect_timeout = options.connect_timeout;
  return out;
}

std::unique_ptr<RtpReceiver> make_receiver(const media::SdpMedia& track, std::optional<std::uint32_t> ssrc,
                                           rtsp::MediaTransport transport, media::Depacketizer::Sink sink) {
  auto depacketizer = media::make_depacketizer(track, std::move(sink));
  if (!depacketizer) return nullptr;
  RtpReceiverOptions options;
  options.payload_type = track.payload_type;
  options.unordered = transport == rtsp::MediaTransport::udp;
  options.ssrc = ssrc;
  return std::make_unique<RtpReceiver>(std::move(*depacketizer), options);
}

}  // namespace ccoc::ingest
