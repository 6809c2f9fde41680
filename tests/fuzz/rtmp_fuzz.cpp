// Someone who pushes by RTMP, hostile: the first byte is the size of the pieces in which the rest arrives.
#include <algorithm>
#include <variant>

#include "bridge/flv_reader.h"
#include "bridge/rtmp_session.h"
#include "check.h"

using namespace ccoc;
using namespace ccoc::ingest::bridge;

namespace {

class Sender final : public RtmpSessionListener {
 public:
  void on_published() override { ++published; }
  void on_media(RtmpMedia kind, std::uint32_t time, ByteView body) override {
    check(published > 0 && !body.empty());
    kind == RtmpMedia::video ? flv_.video(time, body) : flv_.audio(time, body);
  }
  int published = 0;

 private:
  FlvReader flv_{[](const Message& message) {
    if (const auto* picture = std::get_if<Picture>(&message)) check(!picture->data.empty());
    const auto* sound = std::get_if<Sound>(&message);
    check(sound == nullptr || (sound->sample_rate > 0 && sound->channels > 0 && sound->duration > 0));
  }};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = data[0] * 16u + 1;
  Sender sender;
  RtmpSession session("live", "key", sender);
  for (std::size_t at = 1; at < size; at += piece) {
    const bool goes_on = session.feed({data + at, std::min(piece, size - at)});
    check(session.published() == (sender.published > 0));
    if (!goes_on) break;
  }
  check(session.output().size() < 8192 + 32 * size);
  return 0;
}
