// One thread's view of the outside world: its clock, its timers, and byte connections.
// Protocol code is written against this interface and owns no thread, socket or clock of its own.
// Production: AsioReactor (kernel). Tests: the seeded world in tests/sim.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "ccoc/base/bytes.h"
#include "ccoc/base/clock.h"
#include "ccoc/base/result.h"

namespace ccoc {

/// A pending call; destroying it cancels the call. Use only on the reactor's thread.
class Timer {
 public:
  virtual ~Timer() = default;
};

/// Where to connect. `host` is a name or an address without brackets.
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
  /// Refuse loopback and link-local addresses after the name is resolved (faults.md 31).
  bool refuse_local = false;
};

/// An address and a port as the network knows them. Cheap to compare.
struct PeerAddress {
  std::array<std::uint8_t, 16> address{};  ///< IPv6, or IPv4 mapped into it (RFC 4291 §2.5.5.2)
  std::uint16_t port = 0;
  bool same_host(const PeerAddress& other) const { return address == other.address; }
  friend bool operator==(const PeerAddress&, const PeerAddress&) = default;
};
/// Nothing when `host` is no numeric address (brackets and zones are not understood).
std::optional<PeerAddress> parse_peer_address(const std::string& host, std::uint16_t port);

/// What a connection tells its owner; called on the reactor's thread. The owner may destroy the
/// connection inside any of these calls.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;
  virtual void on_connected() = 0;
  /// Bytes as they come, in any pieces. The view is valid during the call only.
  virtual void on_bytes(ByteView bytes) = 0;
  /// The end: once, after it nothing comes. `unavailable` with the reason, or `timeout`.
  virtual void on_closed(const Error& reason) = 0;
};

/// A byte stream to one peer. Destroying it closes it; no handler call follows.
class Connection {
 public:
  virtual ~Connection() = default;
  /// Queues bytes; bounded at 1 MiB, or as set_queue_limit() says, beyond which the connection is closed with `limit_exceeded`.
  virtual void send(ByteView bytes) = 0;
  /// Queues bytes that several connections share, in order with the others and without copying them; bounded at 32 MiB
  /// as above. Who sends much looks at unsent() first.
  virtual void send_shared(const SharedBytes& bytes) { send(*bytes); }
  /// Queued bytes that have not left yet.
  virtual std::size_t unsent() const { return 0; }
  /// Bytes that send() may queue beyond what is shared; 1 MiB unless it is told.
  virtual void set_queue_limit(std::size_t) {}
  /// True: wake the reader for every packet (someone is watching). False: the kernel may collect
  /// up to 64 KiB or 250 ms first, which costs less. Default true.
  virtual void set_prompt(bool prompt) = 0;
  /// Whom it reached; nothing before on_connected.
  virtual std::optional<PeerAddress> peer() const = 0;
};

/// Called on the reactor's thread. The owner may destroy the socket inside the call.
class DatagramHandler {
 public:
  virtual ~DatagramHandler() = default;
  /// The view is valid during the call only.
  virtual void on_datagram(ByteView bytes, const PeerAddress& from) = 0;
};

/// One UDP socket. Destroying it closes it; no handler call follows.
class DatagramSocket {
 public:
  virtual ~DatagramSocket() = default;
  virtual std::uint16_t port() const = 0;
  /// Best effort: what cannot leave at once is lost.
  virtual void send_to(ByteView bytes, const PeerAddress& to) = 0;
  /// The same for several at once, in order.
  virtual void send_all_to(std::span<const ByteView> datagrams, const PeerAddress& to) {
    for (const auto bytes : datagrams) send_to(bytes, to);
  }
  /// Hands over what has come, inside this call.
  virtual void receive() = 0;
  /// As Connection::set_prompt; when not prompt, what came may be fetched every 40 ms only. Default true.
  virtual void set_prompt(bool prompt) = 0;
};

/// For RTP and RTCP: an even port and the next one (RFC 3550 §11).
struct DatagramPair {
  std::unique_ptr<DatagramSocket> even, odd;
};

/// A socket that others connect to. Destroying it closes it; connections that came go on.
class ListeningSocket {
 public:
  virtual ~ListeningSocket() = default;
  virtual std::uint16_t port() const = 0;
};
/// A connection came: `socket` is the callee's, who adopts or closes it. Called on the reactor's thread.
using AcceptHandler = std::function<void(int socket, const PeerAddress& peer)>;

/// Runs on one thread. Everything but post() is called on that thread only.
class Reactor {
 public:
  virtual ~Reactor() = default;
  virtual const Clock& clock() const = 0;
  /// Runs `task` on the reactor's thread, in order. May be called from any thread.
  virtual void post(std::function<void()> task) = 0;
  virtual std::unique_ptr<Timer> call_after(Duration delay, std::function<void()> task) = 0;
  /// Starts resolving and connecting; the handler learns the outcome later, never inside this call.
  virtual std::unique_ptr<Connection> connect(const Endpoint& to, Duration timeout, ConnectionHandler& handler) = 0;
  /// Takes over a connected stream socket (TCP, or one end of a socket pair, whose peer() is nothing): on_connected does
  /// not follow. `unavailable` when this world has none; then, too, the socket is closed.
  virtual Result<std::unique_ptr<Connection>> adopt(int socket, ConnectionHandler& handler) = 0;
  /// Listens by TCP; `host` is a numeric address or a name, port 0 any free one. `conflict` when it is taken,
  /// `permission_denied` for a port below 1024 without the right to it, `unavailable` when this world has none.
  virtual Result<std::unique_ptr<ListeningSocket>> listen(const std::string& host, std::uint16_t port, AcceptHandler on_accept);
  /// `unavailable` when no pair of ports is free or this world has no datagrams.
  virtual Result<DatagramPair> open_datagrams(DatagramHandler& even, DatagramHandler& odd) = 0;
};

/// Blocking work (disk, database) is run elsewhere. `work` runs on a pool thread. Bounded: submit()
/// returns false when the queue is full and nothing was taken. Thread-safe.
class WorkQueue {
 public:
  virtual ~WorkQueue() = default;
  virtual bool submit(std::function<void()> work) = 0;
};

}  // namespace ccoc
