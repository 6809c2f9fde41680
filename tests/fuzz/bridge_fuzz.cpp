// What a bridge that was taken over may send: one source, any bytes, in pieces of any size.
#include <algorithm>
#include <functional>

#include "ccoc/ingest/bridge_wire.h"
#include "ccoc/media/nal.h"
#include "ccoc/media/picture_assembler.h"
#include "check.h"

using namespace ccoc;
using namespace ccoc::ingest;

namespace {

bool harmless(const std::string& text) {
  return text.size() <= 300 && std::ranges::all_of(text, [](char c) { return c >= 0x20 && c <= 0x7e; });
}

/// As BridgeSource, without a process.
class Hub {
 public:
  void take(const bridge::Start&) {}
  void take(const bridge::Waiting& message) { check(harmless(message.why)); }
  void take(const bridge::SetUp& message) { check(harmless(message.transport) && harmless(message.certificate)); }
  void take(const bridge::Configuration& message) { assembler(message.codec).configure(message.record); }
  void take(const bridge::Picture& message) {
    auto& pictures = assembler(message.codec);
    if (message.after_loss) pictures.lost();
    pictures.push({.data = message.data, .annexb = message.annexb, .whole = message.whole, .time = message.time});
  }
  void take(const bridge::Sound& message) {
    check(message.sample_rate > 0 && message.channels > 0 && message.duration > 0 && !message.data.empty());
  }
  void take(const bridge::Ended& message) { check(harmless(message.reason)); }
  void take(const bridge::Silent& message) { check(harmless(message.why)); }
  void take(const bridge::Answer& message) {
    check(message.sdp.size() <= bridge::max_sdp && message.sdp.starts_with("v=0"));
    check(std::ranges::all_of(message.sdp, [](char c) { return (c >= 0x20 && c <= 0x7e) || c == '\r' || c == '\n'; }));
  }

 private:
  media::PictureAssembler& assembler(media::Codec codec) {
    if (!assembler_ || codec != codec_) {
      codec_ = codec;
      assembler_ = media::make_picture_assembler(codec, [codec](media::RawUnit&& unit) {
        check(unit.format && unit.format->codec == codec && unit.data && !unit.data->empty());
        check(codec == media::Codec::mjpeg || media::for_each_nal(*unit.data, [](ByteView nal) { check(!nal.empty()); }));
        check(codec != media::Codec::mjpeg || (unit.key && unit.format->width > 0 && unit.format->height > 0));
      });
    }
    return *assembler_;
  }
  media::Codec codec_ = media::Codec::h264;
  std::unique_ptr<media::PictureAssembler> assembler_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = data[0] * 16u + 1;
  Hub hub;
  bridge::MessageReader reader;
  for (std::size_t at = 1; at < size; at += piece) {
    reader.feed({data + at, std::min(piece, size - at)});
    for (;;) {
      const auto message = reader.next();
      if (!message) return 0;
      if (!message->has_value()) break;
      std::visit([&hub](const auto& m) { hub.take(m); }, **message);
    }
  }
  return 0;
}
