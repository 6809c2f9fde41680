#include "throttle.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace ccoc::access {
namespace {

constexpr int free_for_account = 5;
constexpr int free_for_address = 20;
constexpr std::chrono::seconds longest_wait{30};
constexpr std::chrono::minutes memory{15};
constexpr std::size_t most_keys = 10'000;

}  // namespace

std::chrono::seconds Throttle::wait_of(const std::string& key, int free_attempts, MonoTime now) {
  const auto found = failures_.find(key);
  if (found == failures_.end() || now - found->second.last > memory) return std::chrono::seconds(0);
  const int over = found->second.count - free_attempts;
  if (over < 0) return std::chrono::seconds(0);
  const auto distance = std::min(longest_wait, std::chrono::seconds(1 << std::min(over, 5)));
  return std::max(std::chrono::seconds(0), std::chrono::ceil<std::chrono::seconds>(found->second.last + distance - now));
}

void Throttle::count(const std::string& key, MonoTime now) {
  if (failures_.size() >= most_keys && !failures_.contains(key)) {
    // A flood of invented names: the older half goes.
    std::vector<MonoTime> ages;
    ages.reserve(failures_.size());
    for (const auto& one : failures_) ages.push_back(one.second.last);
    const auto middle = ages.begin() + static_cast<std::ptrdiff_t>(ages.size() / 2);
    std::ranges::nth_element(ages, middle);
    std::erase_if(failures_, [&](const auto& one) { return one.second.last <= *middle; });
  }
  auto& entry = failures_[key];
  if (now - entry.last > memory) entry.count = 0;
  ++entry.count;
  entry.before = std::exchange(entry.last, now);
}

std::chrono::seconds Throttle::begin(std::string_view account, std::string_view address, MonoTime now) {
  const std::lock_guard lock(mutex_);
  const auto user = "user " + std::string(account.substr(0, 100));
  const auto from = "from " + std::string(address);
  const auto wait = std::max(wait_of(user, free_for_account, now), wait_of(from, free_for_address, now));
  if (wait.count() == 0) {
    count(user, now);
    count(from, now);
  }
  return wait;
}

void Throttle::succeeded(std::string_view account, std::string_view address) {
  const std::lock_guard lock(mutex_);
  failures_.erase("user " + std::string(account.substr(0, 100)));
  const auto from = failures_.find("from " + std::string(address));
  if (from == failures_.end()) return;
  from->second.last = from->second.before;
  if (--from->second.count <= 0) failures_.erase(from);
}

}  // namespace ccoc::access
