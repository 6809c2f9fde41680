// The whole hub in one object: the composition root. It starts every part in order, connects them, and
// stops them in the reverse order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "ccoc/base/config.h"
#include "ccoc/base/result.h"

namespace ccoc::hub {

struct HubOptions {
  /// For the first administrator (CCOC_ADMIN_PASSWORD); empty: a random one, kept in DATA/initial-admin-password.
  std::string admin_password;
};

class Hub {
 public:
  /// Everything runs when it returns. The error is a sentence that says what to do.
  static Result<std::unique_ptr<Hub>> start(const Config& config, const HubOptions& options);
  /// stop().
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  std::uint16_t http_port() const;
  /// Looks whether what comes is recorded, and whether retention runs. Call every two seconds, from a thread that does nothing
  /// else: what it watches over may hang.
  void look_after();
  /// Closes all recordings and ends everything within 3 s. Further calls do nothing.
  void stop();

 private:
  struct Impl;
  explicit Hub(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ccoc::hub
