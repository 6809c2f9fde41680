// Motion JPEG from RTP (RFC 2435), and the headers that are made for it.
#include "ccoc/media/jpeg.h"
#include "depacketizer_fuzz.h"

using namespace ccoc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  media::SdpMedia sdp;
  sdp.encoding = "JPEG";
  const auto depacketizer = media::make_depacketizer(sdp, [](media::RawUnit&& unit) {
                              const auto format = media::parse_jpeg(*unit.data);
                              check(format && format->width == unit.format->width && format->height == unit.format->height);
                            }).value();
  feed_packets(*depacketizer, {data, size});
  (void)media::parse_jpeg({data, size});
  return 0;
}
