#include <gtest/gtest.h>
#include <netinet/in.h>
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

TEST(AdoptedConnection, takes_what_came_to_a_listening_port_and_tells_from_where) {
  Listener listener;
  AsioReactor reactor{"test"};
  std::unique_ptr<ListeningSocket> door;
  std::unique_ptr<Connection> connection;
  std::atomic<std::uint16_t> port = 0;
  std::atomic<bool> second_allowed = false, same_peer = false;
  reactor.post([&] {
    door = *reactor.listen("127.0.0.1", 0, [&](int socket, const PeerAddress& peer) {
      connection = *reactor.adopt(socket, listener);
      same_peer = connection->peer() == peer && peer.same_host(*parse_peer_address("127.0.0.1", 1));
      connection->send(as_bytes("welcome"));
    });
    second_allowed = reactor.listen("127.0.0.1", door->port(), [](int, const PeerAddress&) {}).error().code != ErrorCode::conflict;
    port = door->port();
  });
  ASSERT_TRUE(test::eventually([&] { return port != 0; }));
  EXPECT_FALSE(second_allowed);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  char buffer[64];
  EXPECT_EQ(::read(fd, buffer, sizeof buffer), 7);
  EXPECT_TRUE(same_peer);
  ::close(fd);
  EXPECT_TRUE(test::eventually([&] { return listener.closed == 1; }));
  std::atomic<bool> done = false;
  reactor.post([&] {
    connection.reset();
    door.reset();
    done = true;
  });
  EXPECT_TRUE(test::eventually([&] { return done.load(); }));
}

TEST(AdoptedConnection, sends_shared_and_own_bytes_in_order_and_says_what_waits) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  Listener listener;
  AsioReactor reactor{"test"};
  std::unique_ptr<Connection> connection;
  const auto shared = std::make_shared<const Bytes>(3'000'000, std::uint8_t{'s'});
  std::atomic<std::size_t> waiting = 0;
  reactor.post([&] {
    connection = *reactor.adopt(ends[0], listener);
    connection->send_shared(shared);
    connection->send(as_bytes("own"));
    connection->send_shared(shared);
    connection->send(as_bytes("end"));
    waiting = connection->unsent();
  });
  // The kernel takes some 200 kB; more cannot have left.
  ASSERT_TRUE(test::eventually([&] { return waiting > 5'000'000; }));
  std::string text;
  std::vector<char> buffer(1 << 16);
  while (text.size() < 6'000'006) {
    const auto count = ::read(ends[1], buffer.data(), buffer.size());
    ASSERT_GT(count, 0);
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  EXPECT_EQ(text, std::string(3'000'000, 's') + "own" + std::string(3'000'000, 's') + "end");
  std::atomic<bool> empty = false;
  EXPECT_TRUE(test::eventually([&] {
    reactor.post([&] { empty = connection->unsent() == 0; });
    return empty.load();
  }));
  // Nobody reads any more: the bound ends it.
  reactor.post([&] {
    for (int i = 0; i < 20 && listener.closed == 0; ++i) connection->send_shared(shared);
  });
  EXPECT_TRUE(test::eventually([&] { return listener.closed == 1; }));
  std::atomic<bool> done = false;
  reactor.post([&] {
    connection.reset();
    done = true;
  });
  EXPECT_TRUE(test::eventually([&] { return done.load(); }));
  ::close(ends[1]);
}

}  // namespace
}  // namespace ccoc
