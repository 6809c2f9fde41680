#include "depacketizer_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  feed_depacketizer("H265", {data, size});
  return 0;
}
