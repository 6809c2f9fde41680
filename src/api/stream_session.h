// One `/stream` connection: reads commands, checks rights, keeps the subscriptions.
#pragma once

#include <atomic>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "ccoc/api/api.h"
#include "gate.h"
#include "subscription.h"

namespace ccoc::api {

inline constexpr std::size_t max_subscriptions = 256;

class StreamSession final : public SocketSession {
 public:
  StreamSession(Services& services, Gate& gate, const Request& request, std::shared_ptr<Outbox> outbox,
                std::atomic<std::size_t>& subscription_count);
  ~StreamSession() override;

  void on_text(std::string_view text) override;
  void on_tick() override;
  void on_closed() override;

 private:
  void subscribe(std::uint16_t id, class FieldReader& fields);
  void command(std::string_view op, std::uint16_t id, class FieldReader& fields);
  std::shared_ptr<Subscription> find(std::uint16_t id);
  void drop(std::uint16_t id);
  bool may(access::Right right, std::uint16_t id);
  void refuse(std::optional<std::uint16_t> id, const Problem& problem);
  void post(std::function<void()> task) { services_.playback_reactor.post(std::move(task)); }

  Services& services_;
  Gate& gate_;
  const Credentials credentials_;
  const access::Actor actor_;
  const std::shared_ptr<Outbox> outbox_;
  std::atomic<std::size_t>& subscription_count_;
  std::mutex mutex_;  ///< of what follows: a tick comes beside a text
  access::Rights rights_;
  std::map<std::uint16_t, std::shared_ptr<Subscription>> subscriptions_;
  std::map<std::string, std::shared_ptr<SubscriptionGroup>> groups_;
  std::set<std::string> watched_;  ///< cameras seen live, for the audit trail
  const UtcTime opened_at_;
  int ticks_ = 0;
};

}  // namespace ccoc::api
