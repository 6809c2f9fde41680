// Puts RTP packets that came by UDP back into their order (RFC 3550 §5.1). Private to ingest. Pure: the caller says
// what time it is. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "ccoc/base/bytes.h"
#include "ccoc/base/time.h"

namespace ccoc::ingest {

/// A packet in order passes through without a copy. One that comes too early is kept until those before it came, at
/// most 100 ms and 256 packets long; then the missing ones are given up. What comes twice or too late is dropped.
class ReorderBuffer {
 public:
  /// `deliver` is called inside push() and expire(); the view is valid during that call.
  explicit ReorderBuffer(std::function<void(ByteView)> deliver) : deliver_(std::move(deliver)) {}

  void push(ByteView packet, MonoTime now);
  /// Gives up what has been missing for too long.
  void expire(MonoTime now);

  std::uint64_t repeated() const { return repeated_; }  ///< came twice, or after they had been given up
  std::uint64_t reordered() const { return reordered_; }

 private:
  struct Held {
    Bytes bytes;
    MonoTime came;
  };
  void release_ready();
  void release_all();

  std::function<void(ByteView)> deliver_;
  std::optional<std::uint32_t> ssrc_;
  std::int64_t next_ = 0;              ///< extended sequence number
  std::map<std::int64_t, Held> held_;  ///< by extended sequence number, all above next_
  std::uint64_t repeated_ = 0, reordered_ = 0;
};

}  // namespace ccoc::ingest
