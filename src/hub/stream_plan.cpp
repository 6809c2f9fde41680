#include "stream_plan.h"

namespace ccoc::hub {

std::vector<ingest::StreamConfig> streams_of(const registry::Camera& camera, const std::vector<registry::StreamSource>& sources,
                                             const IngestConfig& config) {
  std::vector<ingest::StreamConfig> out;
  for (const auto& source : sources) {
    ingest::StreamConfig stream;
    stream.camera = camera.id;
    stream.role = source.role;
    stream.url = source.url;
    stream.username = source.username;
    stream.password = source.password;
    if (source.transport == "tcp") stream.transport = rtsp::MediaTransport::tcp;
    if (source.transport == "udp") stream.transport = rtsp::MediaTransport::udp;
    stream.client = source.client;
    stream.certificate = source.certificate_sha256;
    stream.audio = camera.audio && config.audio;
    stream.enabled = camera.enabled;
    stream.record = camera.recording.mode == registry::RecordingMode::continuous;
    stream.on_demand = config.sub_streams == "on_demand" && source.role == "sub" && source.url != "whip:";  // who pushes is not called
    out.push_back(std::move(stream));
  }
  return out;
}

}  // namespace ccoc::hub
