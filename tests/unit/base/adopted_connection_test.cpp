#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

#include "ccoc/base/asio_reactor.h"
#include "support/process.h"

namespace ccoc {
namespace {

class Listener final : public ConnectionHandler {
 public:
  void on_connected() override { ++connected; }
  void on_bytes(ByteView bytes) override {
    const std::lock_guard lock(mutex_);
    text_ += as_text(bytes);
  }
  void on_closed(const Error&) override { ++closed; }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  std::atomic<int> connected = 0, closed = 0;

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

TEST(AdoptedConnection, carries_bytes_both_ways_and_tells_its_end) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  Listener listener;
  AsioReactor reactor{"test"};
  std::unique_ptr<Connection> connection;
  reactor.post([&] {
    connection = *reactor.adopt(ends[0], listener);
    EXPECT_FALSE(connection->peer());
    connection->set_prompt(false);
    connection->send(as_bytes("to the child"));
  });
  char buffer[64];
  EXPECT_EQ(::read(ends[1], buffer, sizeof buffer), 12);
  EXPECT_EQ(::write(ends[1], "to the hub", 10), 10);
  EXPECT_TRUE(test::eventually([&] { return listener.text() == "to the hub"; }));
  EXPECT_EQ(listener.connected, 0);
  ::close(ends[1]);
  EXPECT_TRUE(test::eventually([&] { return listener.closed == 1; }));
  std::atomic<bool> done = false;
  reactor.post([&] {
    connection.reset();
    done = true;
  });
  EXPECT_TRUE(test::eventually([&] { return done.load(); }));
}

TEST(AdoptedConnection, refuses_what_is_no_socket) {
  Listener listener;
  AsioReactor reactor{"test"};
  std::atomic<bool> refused = false;
  reactor.post([&] { refused = !reactor.adopt(-1, listener).has_value(); });
  EXPECT_TRUE(test::eventually([&] { return refused.load(); }));
}

}  // namespace
}  // namespace ccoc
