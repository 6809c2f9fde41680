// What a WebRTC peer offers, before GStreamer reads it.
#include <algorithm>
#include <string_view>

#include "bridge/offer.h"
#include "ccoc/base/bytes.h"
#include "check.h"

using namespace ccoc;
using namespace ccoc::ingest;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto offer = bridge::read_offer(std::string(as_text({data, size})));
  if (!offer) return 0;
  check(offer->sdp.starts_with("v=0") && offer->sdp.ends_with("\r\n") && offer->sdp.find('\0') == std::string::npos);
  for (const auto& video : offer->video) check(video.payload <= 127 && video.profile.size() <= 6);
  for (const auto& sound : offer->sound) check(sound.payload <= 127);
  check(offer->sound.size() <= 128 && (offer->audio || !offer->listens));
  bridge::Start order;
  order.sound = true;
  check(!bridge::sound_for(*offer, order) || offer->listens);
  std::size_t candidates = 0;
  for (auto at = offer->sdp.find("\r\na=candidate:"); at != std::string::npos; at = offer->sdp.find("\r\na=candidate:", at + 1))
    ++candidates;
  check(candidates <= 32);
  return 0;
}
