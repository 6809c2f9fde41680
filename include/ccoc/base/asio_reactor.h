// The production Reactor: one thread, one io_context, the kernel's sockets and clocks.
#pragma once

#include <memory>
#include <string>

#include "ccoc/base/reactor.h"

namespace ccoc {

/// Starts its thread at once, named `name` (at most 15 characters). Destroying it stops and joins.
class AsioReactor final : public Reactor {
 public:
  explicit AsioReactor(std::string name);
  ~AsioReactor() override;

  const Clock& clock() const override;
  void post(std::function<void()> task) override;
  std::unique_ptr<Timer> call_after(Duration delay, std::function<void()> task) override;
  std::unique_ptr<Connection> connect(const Endpoint& to, Duration timeout, ConnectionHandler& handler) override;
  Result<std::unique_ptr<Connection>> adopt(int socket, ConnectionHandler& handler) override;
  Result<std::unique_ptr<ListeningSocket>> listen(const std::string& host, std::uint16_t port, AcceptHandler on_accept) override;
  Result<DatagramPair> open_datagrams(DatagramHandler& even, DatagramHandler& odd) override;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

/// `threads` workers with one bounded queue. Destroying it runs what was queued, then joins.
std::unique_ptr<WorkQueue> make_thread_pool(std::string name, unsigned threads, std::size_t max_queued);

}  // namespace ccoc
