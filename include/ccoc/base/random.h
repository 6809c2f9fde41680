// Names that nobody can guess.
#pragma once

#include <string>

namespace ccoc {

/// 128 random bits of the kernel as 32 hexadecimal digits. Aborts when the machine has no randomness. Any thread.
std::string random_name();

}  // namespace ccoc
