#include "ccoc/media/jpeg.h"

#include "big_endian.h"

namespace ccoc::media {
namespace {

constexpr unsigned soi = 0xd8, sos = 0xda, eoi = 0xd9;

/// SOF0 to SOF15 but DHT, JPG and DAC, which stand between them.
bool is_frame_header(unsigned marker) { return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc; }

std::unexpected<Error> no_picture() { return fail(ErrorCode::corrupt, "this is no JPEG picture"); }

}  // namespace

Result<VideoFormat> parse_jpeg(ByteView file) {
  if (file.size() < 4 || file[0] != 0xff || file[1] != soi) return no_picture();
  std::size_t at = 2;
  while (at + 4 <= file.size() && file[at] == 0xff) {
    const unsigned marker = file[at + 1];
    if (marker == 0xff) {  // a fill byte
      ++at;
      continue;
    }
    const std::size_t length = get_u16(file, at + 2);
    if (marker == sos || marker == eoi || length < 2 || length > file.size() - at - 2) break;
    if (is_frame_header(marker) && length >= 8) {
      VideoFormat format;
      format.codec = Codec::mjpeg;
      format.height = get_u16(file, at + 5);
      format.width = get_u16(file, at + 7);
      format.codec_string = "mp4v.6C";
      if (format.width == 0 || format.height == 0) break;
      return format;
    }
    at += 2 + length;
  }
  return no_picture();
}

}  // namespace ccoc::media
