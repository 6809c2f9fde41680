#include <utility>

#include "ccoc/api/web_socket.h"

namespace ccoc::api {
namespace {

template <class T>
void put_be(std::uint8_t* at, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    at[i] = static_cast<std::uint8_t>(static_cast<std::make_unsigned_t<T>>(value) >> (8 * (sizeof(T) - 1 - i)));
  }
}

template <class T>
T get_be(const std::uint8_t* at) {
  std::make_unsigned_t<T> value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value = static_cast<std::make_unsigned_t<T>>((value << 8) | at[i]);
  return static_cast<T>(value);
}

}  // namespace

std::array<std::uint8_t, unit_header_size> encode(const UnitHeader& header) {
  std::array<std::uint8_t, unit_header_size> out{};
  out[0] = 1;
  out[1] = header.flags;
  put_be(&out[2], header.id);
  put_be(&out[4], header.sequence);
  put_be(&out[8], header.capture_us);
  put_be(&out[16], header.media_time);
  return out;
}

std::optional<UnitHeader> decode_unit_header(ByteView bytes) {
  if (bytes.size() < unit_header_size || bytes[0] != 1) return std::nullopt;
  UnitHeader header;
  header.flags = bytes[1];
  header.id = static_cast<std::uint16_t>((bytes[2] << 8) | bytes[3]);
  header.sequence = get_be<std::uint32_t>(&bytes[4]);
  header.capture_us = get_be<std::int64_t>(&bytes[8]);
  header.media_time = get_be<std::int64_t>(&bytes[16]);
  return header;
}

void Outbox::wake(std::unique_lock<std::mutex>&) {
  if (!idle_ || !wake_) return;
  idle_ = false;
  wake_();  // only posts; a copy to be called without the lock would cost every picture of every viewer an allocation
}

void Outbox::send_text(std::string text) {
  std::unique_lock lock(mutex_);
  if (closing_) return;
  if (text_bytes_ + text.size() > limits_.text_bytes) {
    lock.unlock();
    close(1008, "answers are not read");
    return;
  }
  text_bytes_ += text.size();
  items_.push_back(Item{std::nullopt, {}, std::move(text)});
  wake(lock);
}

Outbox::Put Outbox::put(std::uint16_t subscription, OutUnit unit) {
  std::unique_lock lock(mutex_);
  if (closing_) return Put::closed;
  auto& flow = flows_[subscription];
  const std::size_t size = unit.bytes->size() + unit_header_size;
  const bool decodable = (unit.flags & unit_flags::key) != 0;
  const auto too_much = [&] { return flow.bytes + size > limits_.subscription_bytes || media_bytes_ + size > limits_.media_bytes; };
  const bool was_dropping = flow.dropping;
  if (decodable && (was_dropping || too_much())) {
    drop_waiting(subscription, flow);
    if (media_bytes_ + size > limits_.hard_bytes) {
      flow.dropping = true;
      return Put::dropped;
    }
    flow.dropping = false;
    unit.flags |= unit_flags::skipped;
  } else if (was_dropping || (!decodable && too_much())) {
    flow.dropping = true;
    return Put::dropped;
  }
  flow.bytes += size;
  media_bytes_ += size;
  items_.push_back(Item{subscription, std::move(unit), {}});
  wake(lock);
  return was_dropping ? Put::resumed : Put::queued;
}

void Outbox::drop_waiting(std::uint16_t subscription, Flow& flow) {
  if (flow.bytes == 0) return;
  std::erase_if(items_, [&](const Item& item) { return item.subscription == subscription; });
  media_bytes_ -= flow.bytes;
  flow.bytes = 0;
}

void Outbox::clear(std::uint16_t subscription, bool forget) {
  const std::scoped_lock lock(mutex_);
  const auto found = flows_.find(subscription);
  if (found == flows_.end()) return;
  drop_waiting(subscription, found->second);
  found->second.dropping = false;
  if (forget) flows_.erase(found);
}

void Outbox::close(std::uint16_t code, std::string reason) {
  std::unique_lock lock(mutex_);
  if (closing_) return;
  closing_ = Close{code, std::move(reason)};
  items_.clear();
  flows_.clear();
  media_bytes_ = text_bytes_ = 0;
  wake(lock);
}

std::optional<Outbox::Close> Outbox::closing() const {
  const std::scoped_lock lock(mutex_);
  return closing_;
}

void Outbox::on_ready(std::function<void()> wake_call) {
  std::unique_lock lock(mutex_);
  wake_ = std::move(wake_call);
  if (!items_.empty() || closing_) wake(lock);
}

std::optional<OutMessage> Outbox::take() {
  const std::scoped_lock lock(mutex_);
  if (items_.empty()) {
    idle_ = true;
    return std::nullopt;
  }
  Item& item = items_.front();
  OutMessage out;
  if (!item.subscription) {
    text_bytes_ -= item.text.size();
    out.text = std::move(item.text);
    items_.pop_front();
    return out;
  }
  auto& flow = flows_[*item.subscription];
  const auto header = [&](std::uint8_t flags) {
    return encode(UnitHeader{.flags = flags,
                             .id = *item.subscription,
                             .sequence = flow.next_sequence++,
                             .capture_us = item.unit.capture_us,
                             .media_time = item.unit.media_time});
  };
  out.binary = true;
  if (item.unit.init && item.unit.init != flow.init) {
    flow.init = item.unit.init;
    out.header = header(unit_flags::initialization);
    out.bytes = item.unit.init;
    return out;
  }
  const std::size_t size = item.unit.bytes->size() + unit_header_size;
  flow.bytes -= size;
  media_bytes_ -= size;
  out.header = header(item.unit.flags);
  out.bytes = std::move(item.unit.bytes);
  items_.pop_front();
  return out;
}

std::size_t Outbox::waiting_bytes() const {
  const std::scoped_lock lock(mutex_);
  return media_bytes_ + text_bytes_;
}

}  // namespace ccoc::api
