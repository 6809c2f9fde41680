// What a picture worker that was taken over may answer. The first byte chooses what the hub waits for.
#include <algorithm>
#include <cmath>

#include "../../src/vision/answers.h"
#include "ccoc/media/nal.h"
#include "check.h"

using namespace ccoc;
using namespace ccoc::vision;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto wanted = static_cast<AnswerKind>(data[0] % 4);
  const auto body = body_of(Bytes(data + 1, data + size), wanted);
  if (!body) {
    check(body.error().message.size() <= 300);
    check(std::ranges::all_of(body.error().message, [](char c) { return c >= 0x20 && c <= 0x7e; }));
    return 0;
  }
  if (const auto look = parse_look(*body)) {
    check(look->width > 0 && look->height > 0 && std::isfinite(look->mean) && std::isfinite(look->deviation));
  }
  const auto units = parse_units(*body);
  if (!units) return 0;
  media::VideoFormatPtr format;
  for (const auto& unit : *units) {
    const auto picture = take_h264(unit.annexb, format);
    if (!picture) continue;
    check(format && format->width > 0 && format->height > 0 && !(*picture)->empty());
    check(media::for_each_nal(**picture, [](ByteView nal) { check(!nal.empty()); }));
  }
  return 0;
}
