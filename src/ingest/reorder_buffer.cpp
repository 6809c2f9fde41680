#include "reorder_buffer.h"

#include <algorithm>

#include "ccoc/media/rtp.h"

namespace ccoc::ingest {
namespace {

constexpr std::size_t max_held = 256;
constexpr Duration max_wait = std::chrono::milliseconds{100};
constexpr int largest_gap = 3000;  // RFC 3550 A.1, MAX_DROPOUT: beyond it the sender began anew

}  // namespace

void ReorderBuffer::push(ByteView bytes, MonoTime now) {
  const auto packet = media::parse_rtp(bytes);
  if (!packet) return deliver_(bytes);  // for whoever counts what is no RTP
  const auto ahead = static_cast<std::int16_t>(packet->sequence - static_cast<std::uint16_t>(next_));
  if (ssrc_ != packet->ssrc || std::abs(ahead) > largest_gap) {
    release_all();
    ssrc_ = packet->ssrc;
    next_ = packet->sequence + 1;
    return deliver_(bytes);
  }
  if (ahead < 0) {
    ++repeated_;
    return;
  }
  if (ahead == 0) {
    ++next_;
    deliver_(bytes);
    if (!held_.empty()) release_ready();
    return;
  }
  const auto [place, is_new] = held_.try_emplace(next_ + ahead);
  if (!is_new) {
    ++repeated_;
    return;
  }
  ++reordered_;
  place->second = {Bytes(bytes.begin(), bytes.end()), now};
  if (held_.size() > max_held) next_ = held_.begin()->first;
  release_ready();
  expire(now);
}

void ReorderBuffer::expire(MonoTime now) {
  const auto overdue = [now](const auto& entry) { return now - entry.second.came > max_wait; };
  while (std::ranges::any_of(held_, overdue)) {
    next_ = held_.begin()->first;
    release_ready();
  }
}

void ReorderBuffer::release_ready() {
  while (!held_.empty() && held_.begin()->first == next_) {
    const auto first = held_.extract(held_.begin());
    ++next_;
    deliver_(first.mapped().bytes);
  }
}

void ReorderBuffer::release_all() {
  while (!held_.empty()) {
    next_ = held_.begin()->first;
    release_ready();
  }
}

}  // namespace ccoc::ingest
