// The first byte chooses codec and reader; the rest is a NAL unit, Annex B, length-prefixed data or a record.
#include "ccoc/media/nal.h"
#include "check.h"

using namespace ccoc;

namespace {

void check_format(media::Codec codec, const Result<media::VideoFormat>& format) {
  if (!format) return;
  check(format->width > 0 && format->width <= 16'384 && format->height > 0 && format->height <= 16'384);
  check(format->fps >= 0 && format->fps <= 1000);
  const auto again = media::parse_decoder_config(codec, media::decoder_config(*format));
  check(!again || again->width == format->width);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto codec = (data[0] & 1) != 0 ? media::Codec::h265 : media::Codec::h264;
  const ByteView bytes{data + 1, size - 1};
  switch (data[0] >> 1 & 3) {
    case 0: check_format(codec, media::make_format(codec, {}, {Bytes(bytes.begin(), bytes.end())}, {})); break;
    case 1: check_format(codec, media::parse_decoder_config(codec, bytes)); break;
    case 2:
      for (const auto nal : media::split_annexb(bytes)) {
        check(!nal.empty());
        media::starts_picture(codec, nal);
        media::is_random_access(codec, nal);
        media::recovery_point(codec, nal);
      }
      break;
    default: media::for_each_nal(bytes, [&](ByteView nal) { media::recovery_point(codec, nal); });
  }
  return 0;
}
