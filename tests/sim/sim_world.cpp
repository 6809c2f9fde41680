#include "sim/sim_world.h"

#include <unistd.h>

#include <algorithm>

namespace ccoc::sim {

struct World::SimTimer final : Timer {
  SimTimer(World& owner, Key place) : world(owner), key(place), alive(owner.alive_) {}
  ~SimTimer() override {
    if (*alive) world.cancel(key);
  }
  World& world;
  Key key;
  std::shared_ptr<bool> alive;
};

class WireConnection final : public Connection {
 public:
  WireConnection(World& world, std::shared_ptr<Wire> wire) : world_(world), wire_(std::move(wire)) {}
  ~WireConnection() override {
    wire_->handler_ = nullptr;
    if (!wire_->open_) return;
    wire_->open_ = false;
    world_.schedule(world_.clock_.mono + world_.latency(), [wire = wire_] {
      if (wire->peer_ != nullptr) wire->peer_->on_closed();
    });
  }
  void send(ByteView bytes) override {
    world_.schedule(world_.clock_.mono + Duration{500}, [wire = wire_, copy = Bytes(bytes.begin(), bytes.end())] {
      if (wire->peer_ != nullptr) wire->peer_->on_bytes(copy);
    });
  }
  void set_prompt(bool) override {}
  std::optional<PeerAddress> peer() const override { return wire_->address_; }

 private:
  World& world_;
  std::shared_ptr<Wire> wire_;
};

class WorldDatagram final : public DatagramSocket {
 public:
  WorldDatagram(World& world, std::uint16_t port, DatagramHandler& handler) : world_(world), alive_(world.alive_), port_(port) {
    world_.ports_[port_] = &handler;
  }
  ~WorldDatagram() override {
    if (*alive_) world_.ports_.erase(port_);
  }
  std::uint16_t port() const override { return port_; }
  void send_to(ByteView bytes, const PeerAddress& to) override {
    world_.schedule(world_.clock_.mono + world_.latency(), [&world = world_, to, from = port_, copy = Bytes(bytes.begin(), bytes.end())] {
      const auto found = world.receivers_.find(World::key_of(to));
      if (found != world.receivers_.end()) found->second(copy, from);
    });
  }
  void receive() override {}
  void set_prompt(bool) override {}

 private:
  World& world_;
  std::shared_ptr<bool> alive_;
  std::uint16_t port_;
};

void Wire::send_to_hub(ByteView bytes) {
  if (!open_) return;
  arrives_ = std::max(arrives_, world_->clock_.mono + world_->latency());
  std::size_t at = 0;
  while (at < bytes.size()) {
    // Mostly whole, sometimes cut anywhere: a reader must not care.
    std::size_t size = bytes.size() - at;
    if (world_->chance(0.1)) size = static_cast<std::size_t>(world_->uniform(1, static_cast<std::int64_t>(size)));
    Bytes piece(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin() + static_cast<std::ptrdiff_t>(at + size));
    world_->schedule(arrives_, [wire = self_.lock(), piece = std::move(piece)] {
      if (wire->handler_ != nullptr) wire->handler_->on_bytes(piece);
    });
    at += size;
  }
}

void Wire::close_from_camera() {
  if (!open_) return;
  open_ = false;
  arrives_ = std::max(arrives_, world_->clock_.mono + world_->latency());
  world_->schedule(arrives_, [wire = self_.lock()] {
    if (auto* handler = std::exchange(wire->handler_, nullptr)) {
      handler->on_closed(Error{ErrorCode::unavailable, "the peer closed the connection", {}});
    }
  });
}

World::World(std::uint64_t seed, UtcTime start) : random_(seed) { clock_.utc_base = start; }

World::~World() { *alive_ = false; }

World::Key World::schedule(MonoTime at, std::function<void()> task) {
  const Key key{std::max(at, clock_.mono), next_id_++};
  queue_.emplace(key, std::move(task));
  return key;
}

void World::post(std::function<void()> task) { schedule(clock_.mono, std::move(task)); }

std::unique_ptr<Timer> World::call_after(Duration delay, std::function<void()> task) {
  return std::make_unique<SimTimer>(*this, schedule(clock_.mono + std::max(delay, Duration{0}), std::move(task)));
}

std::unique_ptr<Connection> World::connect(const Endpoint& to, Duration timeout, ConnectionHandler& handler) {
  auto wire = std::make_shared<Wire>();
  wire->world_ = this;
  wire->self_ = wire;
  wire->handler_ = &handler;
  wire->address_ = address_of(to.host, to.port);
  schedule(clock_.mono + latency(), [this, wire, host = to.host, timeout] {
    if (wire->handler_ == nullptr) return;
    const auto found = hosts_.find(host);
    if (found != hosts_.end() && found->second(wire)) return wire->handler_->on_connected();
    wire->open_ = false;
    const Error reason = found == hosts_.end() ? Error{ErrorCode::timeout, "no answer while connecting", {}}
                                               : Error{ErrorCode::unavailable, "connection refused", {}};
    schedule(clock_.mono + (found == hosts_.end() ? timeout : Duration{0}), [wire, reason] {
      if (auto* waiting = std::exchange(wire->handler_, nullptr)) waiting->on_closed(reason);
    });
  });
  return std::make_unique<WireConnection>(*this, std::move(wire));
}

PeerAddress World::address_of(const std::string& host, std::uint16_t port) {
  PeerAddress out;
  out.address = {0xfd};
  const auto hash = std::hash<std::string>{}(host);
  for (std::size_t i = 0; i < 8; ++i) out.address[8 + i] = static_cast<std::uint8_t>(hash >> (8 * i));
  out.port = port;
  return out;
}

Result<std::unique_ptr<Connection>> World::adopt(int socket, ConnectionHandler&) {
  ::close(socket);
  return fail(ErrorCode::unavailable, "the simulated world has no sockets");
}

Result<DatagramPair> World::open_datagrams(DatagramHandler& even, DatagramHandler& odd) {
  const auto port = std::exchange(next_port_, static_cast<std::uint16_t>(next_port_ >= 60000 ? 40000 : next_port_ + 2));
  return DatagramPair{std::make_unique<WorldDatagram>(*this, port, even),
                      std::make_unique<WorldDatagram>(*this, static_cast<std::uint16_t>(port + 1), odd)};
}

void World::send_datagram(const PeerAddress& from, std::uint16_t to_port, ByteView bytes, Duration delay) {
  schedule(clock_.mono + delay, [this, from, to_port, copy = Bytes(bytes.begin(), bytes.end())] {
    const auto found = ports_.find(to_port);
    if (found != ports_.end()) found->second->on_datagram(copy, from);
  });
}

void World::run_for(Duration span) {
  const MonoTime until = clock_.mono + span;
  while (!queue_.empty() && queue_.begin()->first.first <= until) {
    auto first = queue_.extract(queue_.begin());
    clock_.mono = first.key().first;
    ++events_run_;
    fingerprint_ = (fingerprint_ ^ static_cast<std::uint64_t>(clock_.mono.time_since_epoch().count())) * 1099511628211ull;
    fingerprint_ = (fingerprint_ ^ first.key().second) * 1099511628211ull;
    first.mapped()();
  }
  clock_.mono = until;
}

}  // namespace ccoc::sim
