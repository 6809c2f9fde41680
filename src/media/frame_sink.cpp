#include "ccoc/media/frame_sink.h"

namespace ccoc::media {

std::string_view to_string(GapCause cause) {
  switch (cause) {
    case GapCause::camera: return "camera";
    case GapCause::network: return "network";
    case GapCause::hub: return "hub";
    case GapCause::disk: return "disk";
    case GapCause::disabled: return "disabled";
  }
  return "hub";
}

}  // namespace ccoc::media
