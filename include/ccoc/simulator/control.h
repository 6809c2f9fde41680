// Faults by HTTP, for a person or a test that watches: one small server beside the farm.
//   GET    /cameras                    counters of every stream (as --stats writes them)
//   POST   /cameras/{cam03|all}/faults {"fault":"stall+20s"} as on the command line, without camera and time
//   DELETE /cameras/{cam03|all}/faults everything that lasts ends
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ccoc/simulator/farm.h"

namespace ccoc::simulator {

class Control {
 public:
  /// Listens when it returns. `conflict` when the port is taken. `farm` outlives it.
  static Result<std::unique_ptr<Control>> start(Farm& farm, const std::string& address, std::uint16_t port, unsigned cameras);
  ~Control();

  std::uint16_t port() const;

 private:
  struct Impl;
  explicit Control(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ccoc::simulator
