#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "ccoc/base/asio_reactor.h"
#include "support/process.h"

namespace ccoc {
namespace {

class Collector : public DatagramHandler {
 public:
  void on_datagram(ByteView bytes, const PeerAddress& from) override {
    const std::lock_guard lock(mutex_);
    ++count_;
    bytes_ += bytes.size();
    from_ = from;
  }
  int count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  std::size_t bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }
  PeerAddress from() const {
    const std::lock_guard lock(mutex_);
    return from_;
  }

 private:
  mutable std::mutex mutex_;
  int count_ = 0;
  std::size_t bytes_ = 0;
  PeerAddress from_;
};

class Datagrams : public testing::Test {
 protected:
  /// Runs on the reactor's thread, to its end.
  void there(const std::function<void()>& task) {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    reactor.post([&] {
      task();
      const std::lock_guard lock(mutex);
      done = true;
      changed.notify_all();
    });
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return done; });
  }
  void TearDown() override {
    there([&] { one = DatagramPair{}, two = DatagramPair{}; });
  }

  Collector even, odd, other;
  DatagramPair one, two;
  AsioReactor reactor{"media"};
};

TEST_F(Datagrams, come_in_pairs_of_ports_and_arrive_prompt_or_not_and_after_every_change) {
  const auto loopback = *parse_peer_address("127.0.0.1", 0);
  there([&] {
    one = *reactor.open_datagrams(even, odd);
    two = *reactor.open_datagrams(other, other);
  });
  EXPECT_EQ(one.even->port() % 2, 0);
  EXPECT_EQ(one.odd->port(), one.even->port() + 1);
  const Bytes small(10, 1), large(60'000, 2);
  int sent = 0;
  for (int round = 0; round < 20; ++round) {
    there([&] {
      one.even->set_prompt(round % 3 == 0);
      one.even->set_prompt(round % 2 == 0);
      two.even->send_to(small, {loopback.address, one.even->port()});
      two.even->send_to(large, {loopback.address, one.even->port()});
    });
    sent += 2;
    ASSERT_TRUE(test::eventually([&] { return even.count() == sent; })) << round;
  }
  EXPECT_EQ(even.bytes(), 20u * (small.size() + large.size()));
  EXPECT_TRUE(even.from().same_host(loopback));
  EXPECT_EQ(even.from().port, two.even->port());
  EXPECT_EQ(odd.count(), 0);
}

TEST(PeerAddress, is_read_from_numbers_only) {
  EXPECT_EQ(parse_peer_address("::ffff:10.1.2.3", 5), parse_peer_address("10.1.2.3", 5));
  EXPECT_FALSE(parse_peer_address("camera.example", 5));
  EXPECT_FALSE(parse_peer_address("10.1.2", 5));
}

}  // namespace
}  // namespace ccoc
