#include "ccoc/media/sdp.h"
#include "check.h"

using namespace ccoc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto sdp = media::parse_sdp(as_text({data, size}));
  if (!sdp) return 0;
  check(sdp->media.size() <= 32);
  for (const auto& section : sdp->media) {
    check(section.payload_type >= 0 && section.payload_type <= 127);
    check(section.clock_rate > 0);
    check(section.fmtp.size() <= 64);
    check(section.framerate >= 0 && section.framerate <= 1000);
  }
  return 0;
}
