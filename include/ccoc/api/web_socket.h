// WebSocket connections as the hub's own code sees them: a session that is told what arrives, and an
// outbox, bounded, that a slow viewer cannot make grow. Independent of the network library.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "ccoc/base/bytes.h"
#include "ccoc/base/time.h"

namespace ccoc::api {

/// Flags of a binary message (contract.md, /stream).
namespace unit_flags {
inline constexpr std::uint8_t key = 1;
inline constexpr std::uint8_t discontinuity = 2;
inline constexpr std::uint8_t initialization = 4;
inline constexpr std::uint8_t skipped = 8;
inline constexpr std::uint8_t audio = 16;
inline constexpr std::uint8_t preroll = 32;  ///< decode, do not show
}  // namespace unit_flags

inline constexpr std::size_t unit_header_size = 24;

struct UnitHeader {
  std::uint8_t flags = 0;
  std::uint16_t id = 0;
  std::uint32_t sequence = 0;
  std::int64_t capture_us = 0;  ///< since 1970 UTC
  std::int64_t media_time = 0;
  friend bool operator==(const UnitHeader&, const UnitHeader&) = default;
};
std::array<std::uint8_t, unit_header_size> encode(const UnitHeader& header);
std::optional<UnitHeader> decode_unit_header(ByteView bytes);

/// One access unit or MP4 fragment on its way to one subscription.
struct OutUnit {
  std::uint8_t flags = 0;
  std::int64_t capture_us = 0;
  std::int64_t media_time = 0;
  SharedBytes bytes;
  /// What a decoder needs first (MP4 initialization segment); sent as a message of its own, with flag 4, unless it
  /// is the one that was sent last. Null for Annex B.
  SharedBytes init;
};

struct OutMessage {
  bool binary = false;
  std::array<std::uint8_t, unit_header_size> header{};
  SharedBytes bytes;
  std::string text;
};

struct OutboxLimits {
  std::size_t media_bytes = 8u << 20;         ///< of all subscriptions; beyond it the fattest give way
  std::size_t hard_bytes = 32u << 20;         ///< not even a key frame is queued beyond it
  std::size_t subscription_bytes = 4u << 20;  ///< of one, beside its newest key frame
  std::size_t text_bytes = 1u << 20;          ///< a peer that reads no answers is hung up on
};

/// What a connection still has to send. Any thread may put, one takes. When a subscription has too much
/// waiting, what it has stays (it can be decoded), what comes is dropped until the next key unit; that one
/// replaces what still waits and carries the `skipped` flag. Memory per connection is bounded by `hard_bytes`.
class Outbox {
 public:
  explicit Outbox(OutboxLimits limits = {}) : limits_(limits) {}

  void send_text(std::string text);

  enum class Put {
    queued,
    dropped,  ///< the viewer is late: nothing is queued until the next key unit
    resumed,  ///< queued, after a drop
    closed,   ///< the connection ended
  };
  Put put(std::uint16_t subscription, OutUnit unit);
  /// Drops what waits of a subscription; its sequence goes on unless `forget`.
  void clear(std::uint16_t subscription, bool forget);

  /// No more is taken; what waits is dropped, the close frame (RFC 6455 §7.4) goes out. The first call counts.
  void close(std::uint16_t code, std::string reason);
  struct Close {
    std::uint16_t code;
    std::string reason;
  };
  std::optional<Close> closing() const;

  // The connection's side.
  /// `wake` is called, on whatever thread puts and not free to ask the outbox, when there is something to take and nobody was told.
  void on_ready(std::function<void()> wake);
  /// nullopt: nothing waits; `wake` will be called.
  std::optional<OutMessage> take();

  std::size_t waiting_bytes() const;

 private:
  struct Item {
    std::optional<std::uint16_t> subscription;
    OutUnit unit;
    std::string text;
  };
  struct Flow {
    std::size_t bytes = 0;
    std::uint32_t next_sequence = 0;
    bool dropping = false;
    SharedBytes init;  ///< sent last
  };
  void drop_waiting(std::uint16_t subscription, Flow& flow);
  void wake(std::unique_lock<std::mutex>& lock);

  const OutboxLimits limits_;
  mutable std::mutex mutex_;
  std::deque<Item> items_;
  std::map<std::uint16_t, Flow> flows_;
  std::size_t media_bytes_ = 0;
  std::size_t text_bytes_ = 0;
  bool idle_ = true;  ///< the taker found nothing and waits for `wake_`
  std::optional<Close> closing_;
  std::function<void()> wake_;
};

/// What the hub does with one WebSocket. Calls come on pool threads and may block. Texts come one at a time; a tick
/// may come beside one.
class SocketSession {
 public:
  virtual ~SocketSession() = default;
  virtual void on_text(std::string_view text) = 0;
  /// Once a second.
  virtual void on_tick() {}
  /// The last call.
  virtual void on_closed() {}
};

}  // namespace ccoc::api
