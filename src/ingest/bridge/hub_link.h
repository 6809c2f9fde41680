// The bridge's end of the socket to the hub. When the hub lets go of it, the process ends at once.
#pragma once

#include <functional>
#include <mutex>

#include "ccoc/ingest/bridge_wire.h"

namespace ccoc::ingest::bridge {

class HubLink {
 public:
  /// Takes standard input for the socket; from then on nothing that a plug-in reads or prints can disturb it.
  HubLink();

  /// Waits for the hub's order; the process ends when none comes.
  Start receive_order();
  /// Once, after the order: the process ends when the hub lets go of it. `take`: what the hub sends to be passed on, on a thread
  /// of its own; without it the hub has nothing more to say.
  void watch(std::function<void(const Message&)> take = {});
  /// From any thread. Waits while the hub reads slowly, so that nothing grows here.
  void send(const Message& message);
  /// Says why and ends the process.
  [[noreturn]] void end(const Ended& message);

 private:
  void read_on(const std::function<void(const Message&)>& take);
  void write(ByteView bytes);

  int socket_ = -1;
  MessageReader reader_;
  std::mutex writing_;
};

}  // namespace ccoc::ingest::bridge
