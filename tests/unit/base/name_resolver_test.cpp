#include "ccoc/base/name_resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace ccoc {
namespace {

using namespace std::chrono_literals;

/// A name server of which the test says who is known. Names that begin with "dead" are not answered before let_go().
struct NameServer {
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool gone = false;
    std::map<std::string, int> asked;
    int waiting = 0, most_waiting = 0;
  };
  std::shared_ptr<State> state = std::make_shared<State>();

  ~NameServer() { let_go(); }

  NameResolver::Lookup lookup() const {
    return [state = state](const std::string& host) -> Result<Addresses> {
      std::unique_lock lock(state->mutex);
      ++state->asked[host];
      if (!host.starts_with("dead")) return Addresses{*parse_peer_address("192.0.2.7", 0)};
      state->most_waiting = std::max(state->most_waiting, ++state->waiting);
      state->changed.notify_all();
      state->changed.wait(lock, [&] { return state->gone; });
      --state->waiting;
      state->changed.notify_all();
      return fail(ErrorCode::unavailable, "nobody answers");
    };
  }
  void let_go(bool go = true) const {
    const std::lock_guard lock(state->mutex);
    state->gone = go;
    state->changed.notify_all();
  }
  bool wait_for_waiting(int count) const {
    std::unique_lock lock(state->mutex);
    return state->changed.wait_for(lock, 20s, [&] { return state->waiting == count; });
  }
};

/// Answers as they come.
struct Answers {
  std::shared_ptr<int> alive = std::make_shared<int>();
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> given;

  NameResolver::Answer to(const std::string& host) {
    return [this, host](const Result<Addresses>& found) {
      const std::lock_guard lock(mutex);
      given.push_back(host + (found ? "" : ": " + found.error().message));
      changed.notify_all();
    };
  }
  bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 20s, [&] { return given.size() >= count; });
  }
};

TEST(NameResolver, answers) {
  const NameServer server;
  Answers answers;
  NameResolver resolver(server.lookup());
  resolver.resolve("camera", answers.alive, answers.to("camera"));
  ASSERT_TRUE(answers.wait_for(1));
  EXPECT_THAT(answers.given, testing::ElementsAre("camera"));
}

TEST(NameResolver, asks_once_for_a_name_that_several_want) {
  const NameServer server;
  Answers answers;
  NameResolver resolver(server.lookup());
  for (int i = 0; i < 5; ++i) resolver.resolve("dead", answers.alive, answers.to("dead"));
  ASSERT_TRUE(server.wait_for_waiting(1));
  server.let_go();
  ASSERT_TRUE(answers.wait_for(5));
  EXPECT_EQ(server.state->asked["dead"], 1);
}

// faults.md 16
TEST(NameResolver, names_that_nobody_answers_do_not_hold_up_the_others) {
  const NameServer server;
  Answers answers;
  NameResolver resolver(server.lookup());
  const auto ask_for_the_dead = [&] {
    for (int i = 0; i < 1000; ++i) {
      const auto host = "dead" + std::to_string(i);
      resolver.resolve(host, answers.alive, answers.to(host));
    }
  };
  ask_for_the_dead();
  ASSERT_TRUE(server.wait_for_waiting(static_cast<int>(NameResolver::most_threads)));
  server.let_go();
  ASSERT_TRUE(answers.wait_for(1000));

  // Once they are known for it they have two threads, and whoever lives is answered at once.
  server.let_go(false);
  server.state->most_waiting = 0;
  answers.given.clear();
  ask_for_the_dead();
  for (int i = 0; i < 100; ++i) resolver.resolve("living" + std::to_string(i), answers.alive, answers.to("living"));
  ASSERT_TRUE(answers.wait_for(100));
  EXPECT_THAT(answers.given, testing::Each("living"));
  EXPECT_LE(server.state->most_waiting, static_cast<int>(NameResolver::threads_for_doubtful));
}

TEST(NameResolver, does_not_ask_for_what_nobody_wants_any_more) {
  const NameServer server;
  Answers answers;
  NameResolver resolver(server.lookup());
  for (unsigned i = 0; i < NameResolver::most_threads; ++i) {
    const auto host = "dead" + std::to_string(i);
    resolver.resolve(host, answers.alive, answers.to(host));
  }
  ASSERT_TRUE(server.wait_for_waiting(static_cast<int>(NameResolver::most_threads)));
  auto gone = std::make_shared<int>();
  resolver.resolve("given up", gone, answers.to("given up"));
  resolver.resolve("camera", answers.alive, answers.to("camera"));
  gone.reset();
  server.let_go();
  ASSERT_TRUE(answers.wait_for(NameResolver::most_threads + 1));
  EXPECT_EQ(server.state->asked.count("given up"), 0u);
  EXPECT_EQ(server.state->asked.count("camera"), 1u);
}

TEST(NameResolver, ends_without_waiting_for_a_name_that_hangs) {
  const NameServer server;
  Answers answers;
  {
    NameResolver resolver(server.lookup());
    resolver.resolve("dead", answers.alive, answers.to("dead"));
    ASSERT_TRUE(server.wait_for_waiting(1));
  }
  server.let_go();
  ASSERT_TRUE(server.wait_for_waiting(0));
  EXPECT_TRUE(answers.given.empty());
}

TEST(NameResolver, looks_names_up_on_this_machine) {
  const auto found = look_up("localhost");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(
      found->front(),
      *parse_peer_address(
          found->front().address[15] == 1 && found->front().address[0] == 0 && found->front().address[10] == 0 ? "::1" : "127.0.0.1", 0));
  const auto missing = look_up("no-such-name.invalid");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, testing::HasSubstr("no-such-name.invalid"));
}

}  // namespace
}  // namespace ccoc
