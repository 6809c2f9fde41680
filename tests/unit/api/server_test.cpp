// The server over real sockets, with a dispatcher of its own: what hostile and slow peers do, and what it answers.
#include "ccoc/api/server.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <condition_variable>
#include <cstring>
#include <mutex>

#include "ccoc/api/problem.h"
#include "support/http_client.h"

namespace ccoc::api {
namespace {

using namespace std::chrono_literals;
using test::Peer;
using test::SocketPeer;

class Pattern final : public BodySource {
 public:
  Pattern(std::uint64_t size, std::uint64_t breaks_at) : size_(size), breaks_at_(breaks_at) {}
  std::uint64_t size() const override { return size_; }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    if (offset >= breaks_at_) return fail(ErrorCode::io, "the disk is gone");
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_ - offset));
    for (std::size_t i = 0; i < count; ++i) into[i] = static_cast<std::uint8_t>((offset + i) % 251);
    return count;
  }

 private:
  std::uint64_t size_;
  std::uint64_t breaks_at_;
};

/// Says back what it hears; "flood" makes it send much more than anybody reads.
class EchoSession final : public SocketSession {
 public:
  EchoSession(std::shared_ptr<Outbox> outbox, std::atomic<int>& open) : outbox_(std::move(outbox)), open_(open) { ++open_; }
  ~EchoSession() override { --open_; }
  void on_text(std::string_view text) override {
    if (text == "flood") {
      const auto bytes = std::make_shared<const Bytes>(Bytes(100'000, 7));
      for (int i = 0; i < 2000; ++i) {
        most_ = std::max(most_, outbox_->waiting_bytes());
        outbox_->put(1, OutUnit{i % 25 == 0 ? unit_flags::key : std::uint8_t{0}, i, i, bytes, nullptr});
      }
      outbox_->send_text("most " + std::to_string(most_));
    } else if (text == "bye") {
      outbox_->close(1008, "as you wish");
    } else {
      outbox_->send_text(std::string(text));
    }
  }

 private:
  std::shared_ptr<Outbox> outbox_;
  std::atomic<int>& open_;
  std::size_t most_ = 0;
};

class FakeDispatcher final : public Dispatcher {
 public:
  std::size_t body_limit(const Request& request) const override {
    return request.path == "/small" ? 100 : request.path == "/large" ? std::size_t{10} << 20 : std::size_t{1} << 20;
  }
  Response handle(Request& request) override {
    if (request.path == "/file") return source_response(request, std::make_shared<Pattern>(1'000'000, ~0ull), "x/y", "t");
    if (request.path == "/broken") return source_response(request, std::make_shared<Pattern>(1'000'000, 300'000), "x/y", "t");
    if (request.path == "/wait") {
      std::unique_lock lock(mutex);
      ++waiting;
      changed.notify_all();
      changed.wait(lock, [this] { return released; });
    }
    if (request.path == "/later") {
      Response out;
      out.later = [this](std::function<void(Response&&)> done) {
        const std::scoped_lock lock(mutex);
        later.push_back(std::move(done));
        changed.notify_all();
      };
      return out;
    }
    if (request.path == "/evil") {
      auto out = json_response(200, "{}");
      out.headers.add("X-Name", "a\r\nSet-Cookie: b=c");
      return out;
    }
    return json_response(200, std::string(to_string(request.method)) + " " + request.path + " " + std::to_string(request.body.size()));
  }
  std::expected<std::unique_ptr<SocketSession>, Response> open_socket(Request& request, std::shared_ptr<Outbox> outbox) override {
    if (request.path != "/echo") return std::unexpected(problem_response(make_problem(ProblemKind::not_found)));
    return std::make_unique<EchoSession>(std::move(outbox), sockets);
  }
  bool wait_for_waiting(int number) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 10s, [&] { return waiting >= number; });
  }
  /// Those who wait for an answer, when there are so many.
  std::vector<std::function<void(Response&&)>> take_later(std::size_t number) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, 10s, [&] { return later.size() >= number; });
    return std::exchange(later, {});
  }
  void release() {
    const std::scoped_lock lock(mutex);
    released = true;
    changed.notify_all();
  }

  std::mutex mutex;
  std::condition_variable changed;
  int waiting = 0;
  std::vector<std::function<void(Response&&)>> later;
  bool released = false;
  std::atomic<int> sockets{0};
};

class ServerTest : public ::testing::Test {
 protected:
  std::uint16_t serve(ServerOptions options = {}) {
    auto started = Server::start(options, dispatcher_);
    EXPECT_TRUE(started) << (started ? "" : started.error().message);
    server_ = std::move(*started);
    return server_->port();
  }
  /// True when the condition holds within ten seconds.
  static bool becomes(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  FakeDispatcher dispatcher_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, answers_several_requests_on_one_connection) {
  Peer peer(serve());
  for (int i = 0; i < 3; ++i) {
    const auto answer = peer.ask("POST", "/a", {}, "hello");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "POST /a 5");
  }
  EXPECT_EQ(peer.ask("HEAD", "/a").header("Content-Length"), "9");
  EXPECT_EQ(peer.ask("GET", "/b").body, "GET /b 0") << "the answer to HEAD had no body";
}

TEST_F(ServerTest, answers_pipelined_requests_in_order) {
  Peer peer(serve());
  peer.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(peer.read_answer().body, "GET /1 0");
  EXPECT_EQ(peer.read_answer().body, "GET /2 0");
}

TEST_F(ServerTest, closes_when_asked_to) {
  Peer peer(serve());
  const auto answer = peer.ask("GET", "/a", {{"Connection", "close"}});
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_TRUE(peer.ends());
}

TEST_F(ServerTest, refuses_what_is_no_http) {
  const auto port = serve();
  for (const std::string_view text :
       {"hello\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET  HTTP/1.1\r\n\r\n", "GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /../x HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nBad Name: 1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    Peer peer(port);
    peer.send(text);
    const auto answer = peer.read_answer();
    EXPECT_EQ(answer.status, 400) << text;
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json") << text;
    EXPECT_TRUE(peer.ends()) << text;
  }
}

TEST_F(ServerTest, bounds_the_header) {
  Peer peer(serve());
  peer.send("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n");
  EXPECT_EQ(peer.read_answer().status, 431);
}

TEST_F(ServerTest, bounds_the_body_by_route) {
  const auto port = serve();
  EXPECT_EQ(Peer(port).ask("POST", "/small", {}, std::string(100, 'x')).status, 200);
  EXPECT_EQ(Peer(port).ask("POST", "/small", {}, std::string(101, 'x')).status, 413);
  EXPECT_EQ(Peer(port).ask("POST", "/large", {{"Cookie", "a=b"}}, std::string(2'000'000, 'x')).status, 200);
}

TEST_F(ServerTest, bounds_a_body_that_does_not_tell_its_size) {
  Peer peer(serve());
  peer.send("POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 20; ++i) peer.send("a\r\n0123456789\r\n");
  EXPECT_EQ(peer.read_answer().status, 413);
}

TEST_F(ServerTest, takes_little_from_who_does_not_say_who_he_is) {
  const auto port = serve();
  Peer peer(port);
  peer.send("POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n");
  EXPECT_EQ(peer.read_answer().status, 413);
}

TEST_F(ServerTest, says_go_on_to_who_waits_for_it) {
  Peer peer(serve());
  peer.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(peer.read_answer().status, 100);
  peer.send("abc");
  EXPECT_EQ(peer.read_answer().body, "POST /a 3");
}

TEST_F(ServerTest, does_not_wait_for_ever_for_a_header) {
  Peer peer(serve({.header_timeout = 50ms}));
  peer.send("GET / HTT");
  EXPECT_TRUE(peer.ends());
}

TEST_F(ServerTest, does_not_wait_for_ever_for_a_body) {
  Peer peer(serve({.body_timeout = 50ms}));
  peer.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_TRUE(peer.ends());
}

TEST_F(ServerTest, does_not_keep_an_idle_connection_for_ever) {
  Peer peer(serve({.idle_timeout = 50ms}));
  EXPECT_EQ(peer.ask("GET", "/a").status, 200);
  EXPECT_TRUE(peer.ends());
}

TEST_F(ServerTest, serves_others_while_a_thousand_connections_idle) {
  const rlimit files{4096, 4096};
  ::setrlimit(RLIMIT_NOFILE, &files);
  const auto port = serve({.max_connections_per_address = 1500, .header_timeout = 60s});
  std::vector<Peer> idle;
  for (int i = 0; i < 1000; ++i) idle.emplace_back(port);
  EXPECT_EQ(Peer(port).ask("GET", "/a").status, 200);
  EXPECT_GE(server_->connections(), 1000u);
  idle.clear();
  EXPECT_TRUE(becomes([&] { return server_->connections() == 0; }));
}

TEST_F(ServerTest, turns_away_who_has_too_many_connections) {
  const auto port = serve({.max_connections_per_address = 2});
  Peer first(port);
  Peer second(port);
  EXPECT_EQ(first.ask("GET", "/a").status, 200);
  EXPECT_EQ(second.ask("GET", "/a").status, 200);
  Peer third(port);
  EXPECT_EQ(third.read_answer().status, 503);
  EXPECT_TRUE(third.ends());
}

TEST_F(ServerTest, says_not_now_when_its_pool_is_full) {
  const auto port = serve({.pool_threads = 1, .pool_queue = 1});
  Peer running(port);
  Peer queued(port);
  running.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(dispatcher_.wait_for_waiting(1));
  queued.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  // Of the next ones at most the queue's length is taken.
  Peer refused(port);
  ASSERT_TRUE(becomes([&] {
    const auto answer = Peer(port).ask("GET", "/a", {{"Connection", "close"}});
    return answer.status == 503 && !answer.header("Retry-After").empty();
  }));
  dispatcher_.release();
  EXPECT_EQ(running.read_answer().status, 200);
  EXPECT_EQ(queued.read_answer().status, 200);
}

TEST_F(ServerTest, sends_a_file_whole_and_in_parts) {
  const auto port = serve();
  Peer peer(port);
  const auto whole = peer.ask("GET", "/file");
  ASSERT_EQ(whole.status, 200);
  ASSERT_EQ(whole.body.size(), 1'000'000u);
  for (std::size_t i = 0; i < whole.body.size(); i += 997) {
    ASSERT_EQ(static_cast<unsigned char>(whole.body[i]), i % 251);
  }
  const auto part = peer.ask("GET", "/file", {{"Range", "bytes=600000-"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, whole.body.substr(600'000));
  EXPECT_EQ(peer.ask("GET", "/file", {{"Range", "bytes=2000000-"}}).status, 416);
  EXPECT_EQ(peer.ask("GET", "/file", {{"If-None-Match", "\"t\""}}).status, 304);
  EXPECT_EQ(peer.ask("GET", "/a").status, 200) << "a 304 has no body";
}

TEST_F(ServerTest, cuts_the_connection_when_a_file_breaks_while_it_is_sent) {
  Peer peer(serve());
  EXPECT_EQ(peer.ask("GET", "/broken").status, 0) << "an incomplete body must not look complete";
}

TEST_F(ServerTest, lets_no_line_break_into_a_header) {
  Peer peer(serve());
  const auto answer = peer.ask("GET", "/evil");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Set-Cookie"), "");
}

TEST_F(ServerTest, says_who_has_the_port) {
  const auto port = serve();
  const auto second = Server::start({.port = port}, dispatcher_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_NE(second.error().message.find(std::to_string(port)), std::string::npos);
}

TEST_F(ServerTest, talks_web_socket) {
  SocketPeer socket(serve(), "/echo");
  ASSERT_TRUE(socket.open());
  EXPECT_EQ(socket.answer().header("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  socket.send_text("hello");
  EXPECT_EQ(socket.read_text(), "hello");
  socket.send_text("bye");
  EXPECT_EQ(socket.read_close(), 1008);
}

TEST_F(ServerTest, refuses_a_web_socket_with_an_ordinary_answer) {
  SocketPeer socket(serve(), "/other");
  EXPECT_EQ(socket.answer().status, 404);
}

TEST_F(ServerTest, ends_web_sockets_that_break_the_rules) {
  const auto port = serve();
  SocketPeer binary(port, "/echo");
  binary.send(2, "x");
  EXPECT_EQ(binary.read_close(), 1003);
  SocketPeer large(port, "/echo");
  large.send_text(std::string(100'000, 'x'));
  EXPECT_EQ(large.read_close(), 1009);
  SocketPeer latin(port, "/echo");
  latin.send_text("\xff\xfe");
  EXPECT_EQ(latin.read_close(), 1007);
  SocketPeer unmasked(port, "/echo");
  unmasked.raw().send(std::string("\x81\x01x", 3));
  EXPECT_EQ(unmasked.read_close(), 1002);
  SocketPeer reserved(port, "/echo");
  reserved.send(0x71, "x");
  EXPECT_EQ(reserved.read_close(), 1002);
}

TEST_F(ServerTest, lets_go_of_a_web_socket_that_disappears) {
  const auto port = serve();
  {
    SocketPeer socket(port, "/echo");
    socket.send_text("x");
    EXPECT_EQ(socket.read_text(), "x");
    EXPECT_EQ(dispatcher_.sockets, 1);
  }
  EXPECT_TRUE(becomes([&] { return dispatcher_.sockets == 0 && server_->connections() == 0; }));
}

TEST_F(ServerTest, keeps_its_memory_when_a_viewer_does_not_read) {
  const auto port = serve({.outbox = {.media_bytes = 1'000'000, .hard_bytes = 2'000'000, .subscription_bytes = 1'000'000}});
  SocketPeer socket(port, "/echo", {}, 4096);
  socket.send_text("flood");  // 200 MB
  const auto text = socket.read_text();
  ASSERT_TRUE(text.starts_with("most ")) << text;
  EXPECT_LE(std::strtoull(text.c_str() + 5, nullptr, 10), 2'000'000u);
}

TEST_F(ServerTest, hangs_up_on_a_viewer_that_is_dead) {
  const auto port = serve({.idle_timeout = 200ms});
  SocketPeer socket(port, "/echo", {}, 4096);
  socket.send_text("flood");
  EXPECT_TRUE(becomes([&] { return dispatcher_.sockets == 0; }));
}

TEST_F(ServerTest, says_good_bye_when_it_stops) {
  SocketPeer socket(serve(), "/echo");
  Peer idle(server_->port());
  idle.ask("GET", "/a");
  server_->stop();
  EXPECT_EQ(socket.read_close(), 1001);
  EXPECT_TRUE(idle.ends());
  EXPECT_EQ(dispatcher_.sockets, 0);
}

TEST_F(ServerTest, stops_even_when_a_viewer_does_not_read) {
  SocketPeer socket(serve(), "/echo", {}, 4096);
  socket.send_text("flood");
  server_->stop();
  EXPECT_EQ(dispatcher_.sockets, 0);
}

TEST_F(ServerTest, answers_that_come_later_hold_no_thread) {
  const auto port = serve();
  std::vector<Peer> waiting;
  for (int i = 0; i < 10; ++i) {
    waiting.emplace_back(port);
    waiting.back().send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  auto answers = dispatcher_.take_later(10);
  ASSERT_EQ(answers.size(), 10u);
  EXPECT_EQ(Peer(port).ask("GET", "/x").status, 200) << "more wait than there are threads";
  for (auto& done : answers) {
    done(json_response(200, "late"));
    done(json_response(200, "twice"));
  }
  for (auto& peer : waiting) {
    EXPECT_EQ(peer.read_answer().body, "late");
    EXPECT_EQ(peer.ask("GET", "/x").status, 200) << "the connection goes on";
  }
}

TEST_F(ServerTest, an_answer_that_never_comes_is_given_up) {
  ServerOptions options;
  options.late_limit = 10ms;
  const auto port = serve(options);
  EXPECT_EQ(Peer(port).ask("GET", "/later").status, 503);
  for (auto& done : dispatcher_.take_later(1)) done(json_response(200, "too late"));
  EXPECT_EQ(Peer(port).ask("GET", "/x").status, 200);
}

TEST_F(ServerTest, who_waits_for_a_later_answer_does_not_hold_up_the_end) {
  const auto port = serve();
  Peer peer(port);
  peer.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  auto answers = dispatcher_.take_later(1);
  ASSERT_EQ(answers.size(), 1u);
  server_.reset();
  answers[0](json_response(200, "nobody is there"));
  EXPECT_TRUE(peer.ends());
}

}  // namespace
}  // namespace ccoc::api
