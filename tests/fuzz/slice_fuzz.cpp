// An SPS, a PPS and a picture, each behind its length in one byte but the last: the quantiser of a hostile camera's slice.
#include "ccoc/media/nal.h"
#include "ccoc/media/slice_quantizer.h"
#include "check.h"

using namespace ccoc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView rest{data, size};
  const auto take = [&] {
    const std::size_t length = rest.empty() ? 0 : std::min<std::size_t>(rest[0], rest.size() - 1);
    const auto piece = rest.empty() ? rest : rest.subspan(1, length);
    rest = rest.subspan(std::min(rest.size(), 1 + length));
    return Bytes(piece.begin(), piece.end());
  };
  media::VideoFormat format;
  format.sps.push_back(take());
  format.pps.push_back(take());
  const media::SliceQuantizer quantizer(format);
  const auto qp = quantizer.of(rest);
  check(!qp || *qp <= 51);
  return 0;
}
