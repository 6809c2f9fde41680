// Whether a stream brings sound, as far as is known before any has come.
#pragma once

#include <algorithm>
#include <string>

#include "ccoc/api/api.h"

namespace ccoc::api {

/// It did on this connection, does now, or has set it up. A camera whose sound is switched off brings none. Any thread.
inline bool expects_sound(const Services& services, const std::string& camera, const std::string& stream) {
  if (const auto channel = services.live.find(camera, stream); channel && channel->audio_format()) return true;
  return std::ranges::any_of(services.ingest.statuses_of(camera), [&stream](const ingest::StreamStatus& status) {
    return status.role == stream && (status.sound_set_up || !status.audio_codec.empty());
  });
}

}  // namespace ccoc::api
