#include "ccoc/base/random.h"

#include <sys/random.h>

#include <array>
#include <cstdint>
#include <cstdlib>

namespace ccoc {

std::string random_name() {
  constexpr char digits[] = "0123456789abcdef";
  std::array<std::uint8_t, 16> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) std::abort();
  std::string out;
  for (const auto byte : bytes) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

}  // namespace ccoc
