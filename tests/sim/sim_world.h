// A seeded world on one thread: its clock, its timers, its network. One seed replays one history exactly.
// Nothing here knows of cameras or disks; those are built upon it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>

#include "ccoc/base/reactor.h"

namespace ccoc::sim {

class World;

/// The camera's end of a connection in the world.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual void on_bytes(ByteView bytes) = 0;
  virtual void on_closed() = 0;
};

/// A connection as the world keeps it: two ends, bytes under way in order.
class Wire {
 public:
  /// The camera's side. Bytes arrive at the hub later, cut at random places.
  void send_to_hub(ByteView bytes);
  void close_from_camera();
  bool open() const { return open_; }
  void attach(Peer* peer) { peer_ = peer; }

 private:
  friend class World;
  friend class WireConnection;
  World* world_ = nullptr;
  std::weak_ptr<Wire> self_;
  ConnectionHandler* handler_ = nullptr;  ///< null once the hub let go
  Peer* peer_ = nullptr;
  bool open_ = true;
  PeerAddress address_;  ///< of the camera
  MonoTime arrives_{};   ///< of what was sent last: order is kept
};

class World final : public Reactor {
 public:
  explicit World(std::uint64_t seed, UtcTime start);
  ~World() override;

  // Reactor
  const Clock& clock() const override { return clock_; }
  void post(std::function<void()> task) override;
  std::unique_ptr<Timer> call_after(Duration delay, std::function<void()> task) override;
  std::unique_ptr<Connection> connect(const Endpoint& to, Duration timeout, ConnectionHandler& handler) override;
  Result<std::unique_ptr<Connection>> adopt(int socket, ConnectionHandler& handler) override;
  Result<DatagramPair> open_datagrams(DatagramHandler& even, DatagramHandler& odd) override;

  /// A datagram on its way to a port of the hub; the sender decides how late it comes, and whether.
  void send_datagram(const PeerAddress& from, std::uint16_t to_port, ByteView bytes, Duration delay);
  /// What the hub sends to this address; one receiver for each.
  using DatagramReceiver = std::function<void(ByteView bytes, std::uint16_t from_port)>;
  void receive_datagrams(const PeerAddress& at, DatagramReceiver receiver) { receivers_[key_of(at)] = std::move(receiver); }
  /// The address of a host of this world.
  static PeerAddress address_of(const std::string& host, std::uint16_t port);

  /// Runs all events up to `until` of the monotonic clock.
  void run_for(Duration span);
  /// Steps the wall clock (NTP), not the monotonic one.
  void step_utc(Duration by) { clock_.utc_offset += by; }

  /// Who answers at a host; called for each connection. Returning false refuses it.
  using Acceptor = std::function<bool(std::shared_ptr<Wire>)>;
  void listen(const std::string& host, Acceptor acceptor) { hosts_[host] = std::move(acceptor); }
  void unlisten(const std::string& host) { hosts_.erase(host); }

  std::mt19937_64& random() { return random_; }
  std::int64_t uniform(std::int64_t low, std::int64_t high) { return std::uniform_int_distribution<std::int64_t>{low, high}(random_); }
  bool chance(double probability) { return std::bernoulli_distribution{probability}(random_); }
  std::uint64_t events_run() const { return events_run_; }
  /// Hash over the order and time of all events so far: equal for equal histories.
  std::uint64_t fingerprint() const { return fingerprint_; }

 private:
  friend class Wire;
  friend class WireConnection;
  friend class WorldDatagram;
  using AddressKey = std::pair<std::array<std::uint8_t, 16>, std::uint16_t>;
  static AddressKey key_of(const PeerAddress& a) { return {a.address, a.port}; }
  struct SimClock final : Clock {
    MonoTime mono{};
    UtcTime utc_base{};
    Duration utc_offset{0};
    UtcTime utc_now() const override { return utc_base + mono.time_since_epoch() + utc_offset; }
    MonoTime now() const override { return mono; }
  };
  struct SimTimer;
  using Key = std::pair<MonoTime, std::uint64_t>;

  Key schedule(MonoTime at, std::function<void()> task);
  void cancel(const Key& key) { queue_.erase(key); }
  Duration latency() { return Duration{uniform(200, 4000)}; }

  SimClock clock_;
  std::mt19937_64 random_;
  std::map<Key, std::function<void()>> queue_;
  std::uint64_t next_id_ = 0;
  std::uint64_t events_run_ = 0;
  std::uint64_t fingerprint_ = 1469598103934665603ull;
  std::map<std::string, Acceptor> hosts_;
  std::map<std::uint16_t, DatagramHandler*> ports_;
  std::map<AddressKey, DatagramReceiver> receivers_;
  std::uint16_t next_port_ = 40000;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ccoc::sim
