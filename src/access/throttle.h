// Slows whoever keeps guessing passwords. After five failures of a name, or twenty of an address (which a whole police
// station may share), each attempt must keep a distance from the failure before it: 1, 2, 4 … 30 seconds. Nobody is locked out for good:
// who knows the password and waits gets in. Thread-safe, in memory, bounded.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "ccoc/base/time.h"

namespace ccoc::access {

class Throttle {
 public:
  /// Zero: go ahead, and the attempt counts as a failure until succeeded() takes it back (so that attempts made at
  /// once do not slip through together). Else how long to wait, in whole seconds.
  std::chrono::seconds begin(std::string_view account, std::string_view address, MonoTime now);
  /// Forgets the account's failures and takes back this attempt of the address; its others stay, so that one good
  /// account does not open the way to guess at the rest.
  void succeeded(std::string_view account, std::string_view address);

 private:
  struct Failures {
    int count = 0;
    MonoTime last;
    MonoTime before;  ///< `last`, should this attempt succeed
  };
  std::chrono::seconds wait_of(const std::string& key, int free_attempts, MonoTime now);
  void count(const std::string& key, MonoTime now);

  std::mutex mutex_;
  std::map<std::string, Failures> failures_;
};

}  // namespace ccoc::access
