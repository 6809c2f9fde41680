#include "ccoc/media/rtp.h"
#include "check.h"

using namespace ccoc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView packet{data, size};
  if (const auto rtp = media::parse_rtp(packet)) {
    check(rtp->payload.size() + 12 <= size);
    check(rtp->payload.empty() || (rtp->payload.data() >= data && rtp->payload.data() + rtp->payload.size() <= data + size));
  }
  media::has_bye(packet);
  if (const auto report = media::parse_sender_report(packet)) {
    // In the last second of the window of 136 years, rounding up leads back to its start.
    const auto utc = media::ntp_to_utc(report->ntp);
    check(report->ntp >> 32 == 0x7fffffff || media::ntp_to_utc(media::utc_to_ntp(utc)) == utc);
    const auto again = media::parse_sender_report(media::make_sender_report(*report));
    check(again && again->ntp == report->ntp && again->rtp_timestamp == report->rtp_timestamp);
  }
  return 0;
}
