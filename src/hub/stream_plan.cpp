#include "stream_plan.h"

namespace ccoc::hub {

std::vector<ingest::StreamConfig> streams_of(const registry::Camera& camera,
                                             const std::vector<registry::StreamSource>& sources, bool sub_on_demand) {
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
    stream.enabled = camera.enabled;
    stream.record = camera.recording.mode == registry::RecordingMode::continuous;
    stream.on_demand = sub_on_demand && source.role == "sub";
    out.push_back(std::move(stream));
  }
  return out;
}

}  // namespace ccoc::hub
