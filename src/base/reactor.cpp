#include "ccoc/base/reactor.h"

namespace ccoc {

Result<std::unique_ptr<ListeningSocket>> Reactor::listen(const std::string&, std::uint16_t, AcceptHandler) {
  return fail(ErrorCode::unavailable, "nobody can connect to this world");
}

}  // namespace ccoc
