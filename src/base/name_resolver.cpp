#include "ccoc/base/name_resolver.h"

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace ccoc {
namespace {

constexpr std::size_t most_remembered = 100'000;  // of names that failed

PeerAddress address_of(const sockaddr& name) {
  PeerAddress out;
  if (name.sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &name, sizeof v6);
    std::memcpy(out.address.data(), &v6.sin6_addr, 16);
  } else {
    sockaddr_in v4;
    std::memcpy(&v4, &name, sizeof v4);
    out.address[10] = out.address[11] = 0xff;
    std::memcpy(out.address.data() + 12, &v4.sin_addr, 4);
  }
  return out;
}

}  // namespace

Result<Addresses> look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, ::freeaddrinfo);
  if (code != 0) {
    return fail(code == EAI_AGAIN ? ErrorCode::unavailable : ErrorCode::not_found,
                "the name '" + host + "' cannot be resolved: " + ::gai_strerror(code));
  }
  Addresses out;
  for (const auto* entry = found; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family == AF_INET || entry->ai_family == AF_INET6) out.push_back(address_of(*entry->ai_addr));
  }
  if (out.empty()) return fail(ErrorCode::not_found, "the name '" + host + "' has no address");
  return out;
}

/// Held by the threads as well: a look-up that hangs outlives the resolver.
struct NameResolver::State {
  struct Asker {
    std::weak_ptr<const void> wanted;
    Answer answer;
  };

  explicit State(Lookup l) : look_up(std::move(l)) {}

  const Lookup look_up;
  std::mutex mutex;  ///< for all below; held while answers are given, so that none is given after the end
  bool closed = false;
  std::map<std::string, std::vector<Asker>> asked;  ///< queued or being looked up
  std::deque<std::string> usual, doubtful;
  std::set<std::string> failed;  ///< when asked for last
  unsigned threads = 0, threads_at_doubtful = 0;

  std::deque<std::string>* next_queue() {
    if (!usual.empty()) return &usual;
    return !doubtful.empty() && threads_at_doubtful < threads_for_doubtful ? &doubtful : nullptr;
  }

  static void work(const std::shared_ptr<State>& self) {
    std::unique_lock lock(self->mutex);
    while (auto* queue = self->closed ? nullptr : self->next_queue()) {
      const auto host = std::move(queue->front());
      queue->pop_front();
      if (std::ranges::all_of(self->asked[host], [](const Asker& asker) { return asker.wanted.expired(); })) {
        self->asked.erase(host);
        continue;
      }
      const unsigned doubtful = queue == &self->doubtful ? 1 : 0;
      self->threads_at_doubtful += doubtful;
      lock.unlock();
      const auto found = self->look_up(host);
      lock.lock();
      self->threads_at_doubtful -= doubtful;
      self->give(host, found);
    }
    --self->threads;
  }

  void give(const std::string& host, const Result<Addresses>& found) {
    if (found) {
      failed.erase(host);
    } else if (failed.size() < most_remembered) {
      failed.insert(host);
    }
    const auto askers = asked.extract(host);
    if (closed) return;
    for (const auto& asker : askers.mapped()) asker.answer(found);
  }
};

NameResolver::NameResolver(Lookup lookup) : state_(std::make_shared<State>(std::move(lookup))) {}

NameResolver::~NameResolver() {
  const std::lock_guard lock(state_->mutex);
  state_->closed = true;
  state_->asked.clear();
  state_->usual.clear();
  state_->doubtful.clear();
}

void NameResolver::resolve(const std::string& host, std::weak_ptr<const void> wanted, Answer answer) {
  const std::lock_guard lock(state_->mutex);
  const auto [entry, is_new] = state_->asked.try_emplace(host);
  entry->second.push_back({std::move(wanted), std::move(answer)});
  if (!is_new) return;
  (state_->failed.contains(host) ? state_->doubtful : state_->usual).push_back(host);
  if (state_->next_queue() == nullptr || state_->threads == most_threads) return;
  ++state_->threads;
  std::thread(&State::work, state_).detach();
}

}  // namespace ccoc
