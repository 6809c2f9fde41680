#pragma once

namespace ccoc::hub {

inline constexpr const char* version = CCOC_VERSION;

}  // namespace ccoc::hub
