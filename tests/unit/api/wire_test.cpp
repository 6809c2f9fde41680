// What lies beneath a WebSocket, over a real socket; the other end is read here, byte for byte.
#include "wire.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>

namespace ccoc::api {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

class WireTest : public testing::Test {
 protected:
  WireTest() {
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    peer.connect(acceptor.local_endpoint());
    wire.emplace(boost::beast::tcp_stream(acceptor.accept()));
    wire->next_layer().socket().non_blocking(true);
  }

  static OutMessage text(std::string words) {
    OutMessage message;
    message.text = std::move(words);
    return message;
  }
  /// As Beast does; how it ended.
  std::optional<boost::system::error_code> write(std::string_view bytes) {
    std::optional<boost::system::error_code> ended;
    wire->async_write_some(asio::buffer(bytes), [&](boost::system::error_code error, std::size_t) { ended = error; });
    io.run();
    io.restart();
    return ended;
  }
  /// All that the other end is sent until the wire is gone.
  std::string received() {
    wire.reset();
    io.run();
    std::string all;
    boost::system::error_code error;
    asio::read(peer, asio::dynamic_buffer(all), error);
    return all;
  }

  asio::io_context io;
  tcp::socket peer{io};
  std::optional<Wire> wire;
};

TEST_F(WireTest, sends_messages_and_what_beast_writes_in_order) {
  wire->put(text("one"));
  EXPECT_EQ(wire->unsent(), 5u);
  EXPECT_EQ(write(std::string_view("\x8a\x00", 2)), boost::system::error_code{});  // a pong
  wire->put(text("two"));
  wire->flush();
  EXPECT_EQ(wire->unsent(), 0u);
  EXPECT_EQ(received(), std::string("\x81\x03one\x8a\x00\x81\x03two", 12));
}

TEST_F(WireTest, sends_nothing_behind_a_close_frame) {
  wire->put(text("before"));
  EXPECT_EQ(write("\x88\x02\x03\xe8"), boost::system::error_code{});
  wire->put(text("behind"));
  wire->flush();
  EXPECT_EQ(received(),
            "\x81\x06"
            "before\x88\x02\x03\xe8");
}

TEST_F(WireTest, tells_whoever_writes_that_the_other_end_is_gone) {
  peer.close();
  std::optional<boost::system::error_code> ended;
  for (int i = 0; i < 100 && (!ended || !*ended); ++i) ended = write(std::string(100'000, 'x'));
  EXPECT_TRUE(ended && *ended);
  wire->put(text("lost"));
  EXPECT_EQ(wire->unsent(), 0u);
}

}  // namespace
}  // namespace ccoc::api
