// `/stream` over real sockets: live from a channel fed by hand, recorded from files on a real disk.
#include <gtest/gtest.h>

#include "support/api_world.h"

namespace ccoc::test {
namespace {

using api::UnitHeader;
namespace flags = api::unit_flags;

class ApiStream : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    world = new ApiWorld;
    for (const auto* id : {"cam01", "cam02", "dark"}) world->add_camera(id);
    world->record("cam01", start, seconds{20});
    world->record("cam02", start, seconds{20});
    investigator = new Person(world->port());
    ASSERT_EQ(investigator->log_in("investigator").status, 200);
  }
  static void TearDownTestSuite() {
    delete investigator;
    delete world;
  }

  struct Unit {
    UnitHeader header;
    std::string bytes;
  };
  static std::optional<Unit> next_unit(SocketPeer& socket) {
    const auto message = socket.read_binary();
    const auto header = api::decode_unit_header(as_bytes(message));
    if (!header) return std::nullopt;
    return Unit{*header, message.substr(api::unit_header_size)};
  }
  static boost::json::value next_text(SocketPeer& socket) {
    const auto text = socket.read_text();
    EXPECT_FALSE(text.empty());
    return text.empty() ? boost::json::value(boost::json::object{}) : boost::json::parse(text);
  }
  /// The problem type of the next error message.
  static std::string next_error(SocketPeer& socket) {
    for (int i = 0; i < 20; ++i) {
      const auto value = next_text(socket);
      if (value.as_object().empty()) break;
      if (value.at("op").as_string() == "error") return std::string(value.at("problem").at("type").as_string());
    }
    return {};
  }
  static bool wait_for_state(SocketPeer& socket, std::string_view state) {
    for (int i = 0; i < 50; ++i) {
      const auto value = next_text(socket);
      if (value.as_object().empty()) return false;
      if (value.at("op").as_string() == "state" && value.at("state").as_string() == state) return true;
    }
    return false;
  }

  static inline const UtcTime start = at("2026-11-24T05:00:00Z");
  static ApiWorld* world;
  static Person* investigator;
};
ApiWorld* ApiStream::world = nullptr;
Person* ApiStream::investigator = nullptr;

TEST_F(ApiStream, live_starts_at_the_cached_key_frame) {
  const auto channel = world->open_channel("cam01");
  Camera camera(at("2026-11-24T07:00:00Z"));
  for (int i = 0; i < 30; ++i) world->feed(channel, camera.next());  // a GOP, and five of the next
  ASSERT_TRUE(becomes([&] { return channel->last_key() != nullptr && channel->last_key()->capture_time == at("2026-11-24T07:00:01Z"); }));
  auto socket = investigator->socket("/api/v1/stream");
  ASSERT_TRUE(socket.open());
  socket.send_text(R"({"op":"subscribe","id":7,"camera":"cam01","stream":"main","position":"live"})");
  const auto subscribed = next_text(socket);
  EXPECT_EQ(subscribed.at("op").as_string(), "subscribed");
  EXPECT_EQ(subscribed.at("codec").as_string(), street().format->codec_string);
  EXPECT_EQ(subscribed.at("width").as_int64(), 320);
  const auto first = next_unit(socket);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->header.id, 7);
  EXPECT_EQ(first->header.sequence, 0u);
  EXPECT_EQ(first->header.flags & flags::key, flags::key);
  EXPECT_EQ(first->header.capture_us, at("2026-11-24T07:00:01Z").time_since_epoch().count());
  const auto nals = media::split_annexb(as_bytes(first->bytes));
  ASSERT_GE(nals.size(), 3u);
  EXPECT_TRUE(std::ranges::any_of(nals, [](ByteView nal) { return media::nal_type(media::Codec::h264, nal) == 7; })) << "SPS in band";
  for (int i = 1; i < 5; ++i) EXPECT_EQ(next_unit(socket)->header.sequence, static_cast<std::uint32_t>(i));
  world->feed(channel, camera.next());
  EXPECT_EQ(next_unit(socket)->header.capture_us, at("2026-11-24T07:00:01.200Z").time_since_epoch().count());
  world->media_reactor.post([channel] { channel->on_interrupted(media::GapCause::network, "the cable was pulled"); });
  EXPECT_TRUE(wait_for_state(socket, "gap"));
  socket.send_text(R"({"op":"unsubscribe","id":7})");
  EXPECT_TRUE(wait_for_state(socket, "ended"));
  EXPECT_TRUE(becomes([&] { return channel->subscriber_count() == 0; }));
  world->live.remove("cam01", "main");
}

TEST_F(ApiStream, fragments_come_behind_their_initialization_segment) {
  const auto channel = world->open_channel("cam01");
  Camera camera(at("2026-11-24T08:00:00Z"));
  for (int i = 0; i < 3; ++i) world->feed(channel, camera.next());
  ASSERT_TRUE(becomes([&] { return channel->last_key() != nullptr; }));
  auto socket = investigator->socket("/api/v1/stream");
  socket.send_text(R"({"op":"subscribe","id":1,"camera":"cam01","format":"fmp4"})");
  const auto init = next_unit(socket);
  ASSERT_TRUE(init);
  EXPECT_EQ(init->header.flags, flags::initialization);
  EXPECT_EQ(init->bytes.substr(4, 4), "ftyp");
  const auto header = media::parse_file_header(as_bytes(init->bytes));
  ASSERT_TRUE(header) << header.error().message;
  std::int64_t expected = 0;
  for (int i = 0; i < 2; ++i) {
    const auto unit = next_unit(socket);
    ASSERT_TRUE(unit);
    const auto fragment = media::parse_fragment_header(as_bytes(unit->bytes));
    ASSERT_TRUE(fragment) << fragment.error().message;
    EXPECT_EQ(fragment->decode_time, expected);
    EXPECT_EQ(unit->header.media_time, expected);
    expected += 3600;
  }
  world->live.remove("cam01", "main");
}

TEST_F(ApiStream, a_subscription_finds_a_channel_that_comes_later) {
  auto socket = investigator->socket("/api/v1/stream");
  socket.send_text(R"({"op":"subscribe","id":1,"camera":"dark"})");
  EXPECT_TRUE(wait_for_state(socket, "gap"));
  const auto channel = world->open_channel("dark");
  Camera camera(at("2026-11-24T07:00:00Z"));
  world->feed(channel, camera.next());
  const auto unit = next_unit(socket);
  ASSERT_TRUE(unit);
  EXPECT_EQ(unit->header.flags & flags::key, flags::key);
  world->live.remove("dark", "main");
}

TEST_F(ApiStream, recorded_pictures_play_and_seek) {
  auto socket = investigator->socket("/api/v1/stream");
  socket.send_text(R"({"op":"subscribe","id":1,"camera":"cam01","position":"2026-11-24T05:00:05.500Z","speed":4})");
  auto unit = next_unit(socket);
  ASSERT_TRUE(unit);
  EXPECT_EQ(unit->header.capture_us, (start + seconds{5}).time_since_epoch().count()) << "the key frame before";
  EXPECT_EQ(unit->header.flags, flags::key | flags::discontinuity | flags::preroll);
  socket.send_text(R"({"op":"seek","id":1,"position":"2026-11-24T05:00:10Z"})");
  const auto wanted = (start + seconds{10}).time_since_epoch().count();
  for (int i = 0; i < 500 && unit && unit->header.capture_us != wanted; ++i) unit = next_unit(socket);
  ASSERT_TRUE(unit);
  EXPECT_EQ(unit->header.capture_us, wanted);
  EXPECT_EQ(unit->header.flags & flags::discontinuity, flags::discontinuity);
  socket.send_text(R"({"op":"pause","id":1})");
  EXPECT_TRUE(wait_for_state(socket, "paused"));
  socket.send_text(R"({"op":"step","id":1,"frames":1})");
  EXPECT_TRUE(next_unit(socket));
  socket.send_text(R"({"op":"seek","id":1,"position":"2026-11-24T05:00:19Z"})");
  socket.send_text(R"({"op":"resume","id":1})");
  EXPECT_TRUE(wait_for_state(socket, "ended"));
}

TEST_F(ApiStream, several_subscriptions_share_a_connection_and_a_clock) {
  auto socket = investigator->socket("/api/v1/stream");
  socket.send_text(R"({"op":"subscribe","id":1,"camera":"cam01","position":"2026-11-24T05:00:02Z","group":"g"})");
  socket.send_text(R"({"op":"subscribe","id":2,"camera":"cam02","position":"2026-11-24T05:00:02Z","group":"g"})");
  std::set<int> seen;
  for (int i = 0; i < 200 && seen.size() < 2; ++i) {
    const auto unit = next_unit(socket);
    ASSERT_TRUE(unit);
    seen.insert(unit->header.id);
  }
  EXPECT_EQ(seen, (std::set<int>{1, 2}));
  socket.send_text(R"({"op":"seek","id":1,"position":"2026-11-24T05:00:12Z"})");
  const auto wanted = (start + seconds{12}).time_since_epoch().count();
  seen.clear();
  for (int i = 0; i < 500 && seen.size() < 2; ++i) {
    const auto unit = next_unit(socket);
    ASSERT_TRUE(unit);
    if (unit->header.capture_us >= wanted) seen.insert(unit->header.id);
  }
  EXPECT_EQ(seen, (std::set<int>{1, 2})) << "a seek of one is everyone's";
}

TEST_F(ApiStream, a_camera_of_a_group_is_shown_earlier_or_later_by_its_offset) {
  auto socket = investigator->socket("/api/v1/stream");
  /// What a subscription shows while all stands still, as seconds of the recording.
  const auto shown = [&](int id, double wanted) {
    for (int i = 0; i < 500; ++i) {
      const auto unit = next_unit(socket);
      if (!unit) break;
      const bool hidden = (unit->header.flags & flags::preroll) != 0;
      const double at_s = static_cast<double>(unit->header.capture_us - start.time_since_epoch().count()) / 1e6;
      if (unit->header.id == id && !hidden && std::abs(at_s - wanted) < 0.001) return true;
    }
    return false;
  };
  socket.send_text(R"({"op":"subscribe","id":1,"camera":"cam01","position":"2026-11-24T05:00:02Z","group":"g"})");
  socket.send_text(R"({"op":"subscribe","id":2,"camera":"cam02","position":"2026-11-24T05:00:02Z","group":"g","offset_ms":-2000})");
  socket.send_text(R"({"op":"pause","id":1})");
  socket.send_text(R"({"op":"seek","id":1,"position":"2026-11-24T05:00:10Z"})");
  EXPECT_TRUE(shown(2, 12)) << "it is late by two seconds, so what it shows was taken later";
  socket.send_text(R"({"op":"offset","id":2,"offset_ms":1000})");
  EXPECT_TRUE(shown(2, 9)) << "corrected while all stands still";
  socket.send_text(R"({"op":"seek","id":2,"position":"2026-11-24T05:00:11Z"})");
  EXPECT_TRUE(shown(1, 11)) << "the clock is the group's";
  registry::CameraPatch patch;
  patch.playback_offset_ms = -3000;
  ASSERT_TRUE(world->cameras.update("cam02", patch));
  socket.send_text(R"({"op":"subscribe","id":3,"camera":"cam02","position":"2026-11-24T05:00:02Z","group":"g"})");
  EXPECT_TRUE(shown(3, 14)) << "what is remembered of the camera";
  socket.send_text(R"({"op":"subscribe","id":4,"camera":"cam02","position":"2026-11-24T05:00:04Z"})");
  EXPECT_TRUE(shown(4, 4)) << "alone its own times count";
  socket.send_text(R"({"op":"unsubscribe","id":4})");
  patch.playback_offset_ms = 0;
  ASSERT_TRUE(world->cameras.update("cam02", patch));
  for (const char* wrong :
       {R"({"op":"offset","id":1})", R"({"op":"offset","id":1,"offset_ms":60001})", R"({"op":"offset","id":1,"offset_ms":"1"})",
        R"({"op":"subscribe","id":9,"camera":"cam01","offset_ms":1.5})", R"({"op":"subscribe","id":9,"camera":"cam01","gaps":"jump"})"}) {
    socket.send_text(wrong);
    EXPECT_FALSE(next_error(socket).empty()) << wrong;
  }
}

TEST_F(ApiStream, the_live_edge_leads_into_the_live_channel) {
  const auto begin = at("2026-11-24T09:00:00Z");
  auto recorder = world->archive->record({"dark", "main"});
  ASSERT_TRUE(recorder) << recorder.error().message;
  const auto channel = world->open_channel("dark");
  Camera camera(begin);
  for (int i = 0; i < 75; ++i) {
    const auto unit = camera.next();
    (*recorder)->on_unit(unit);
    world->feed(channel, unit);
  }
  ASSERT_TRUE(becomes([&] { return (*recorder)->status().last_written_at >= begin + seconds{1}; }));
  auto socket = investigator->socket("/api/v1/stream");
  socket.send_text(R"({"op":"subscribe","id":1,"camera":"dark","position":"2026-11-24T09:00:00Z","speed":4})");
  EXPECT_TRUE(wait_for_state(socket, "live"));
  const auto fresh = camera.next();
  world->feed(channel, fresh);
  std::optional<Unit> unit;
  do {
    unit = next_unit(socket);
    ASSERT_TRUE(unit);
  } while (unit->header.capture_us < fresh->capture_time.time_since_epoch().count());
  EXPECT_EQ(unit->header.flags & flags::preroll, 0);
  recorder->reset();
  world->live.remove("dark", "main");
}

TEST_F(ApiStream, wrong_commands_are_answered_with_problems) {
  auto socket = investigator->socket("/api/v1/stream");
  const std::vector<std::pair<std::string, std::string>> cases{
      {"{", "/problems/malformed"},
      {"[]", "/problems/invalid"},
      {R"({"op":"subscribe"})", "/problems/invalid"},
      {R"({"op":"dance","id":1})", "/problems/invalid"},
      {R"({"op":"subscribe","id":70000,"camera":"cam01"})", "/problems/invalid"},
      {R"({"op":"subscribe","id":1,"camera":"cam01","stream":"third"})", "/problems/invalid"},
      {R"({"op":"subscribe","id":1,"camera":"cam01","speed":0})", "/problems/invalid"},
      {R"({"op":"subscribe","id":1,"camera":"cam01","position":"yesterday"})", "/problems/invalid"},
      {R"({"op":"subscribe","id":1,"camera":"cam01","colour":"red"})", "/problems/invalid"},
      {R"({"op":"subscribe","id":1,"camera":"nowhere"})", "/problems/not-found"},
      {R"({"op":"subscribe","id":1,"camera":"cam01","stream":"sub"})", "/problems/not-found"},
      {R"({"op":"seek","id":9,"position":"live"})", "/problems/not-found"},
  };
  for (const auto& [text, type] : cases) {
    socket.send_text(text);
    EXPECT_EQ(next_error(socket), type) << text;
  }
  socket.send_text(R"({"op":"subscribe","id":1,"camera":"cam01"})");
  socket.send_text(R"({"op":"subscribe","id":1,"camera":"cam01"})");
  EXPECT_EQ(next_error(socket), "/problems/conflict");
}

TEST_F(ApiStream, who_may_see_live_only_sees_no_footage) {
  Person viewer(world->port());
  ASSERT_EQ(viewer.log_in("viewer").status, 200);
  ASSERT_FALSE(access::rights_of(access::Role::viewer).has(access::Right::playback_view));
  auto socket = viewer.socket("/api/v1/stream");
  socket.send_text(R"({"op":"subscribe","id":1,"camera":"cam01","position":"2026-11-24T05:00:02Z"})");
  EXPECT_EQ(next_error(socket), "/problems/forbidden");
  socket.send_text(R"({"op":"subscribe","id":1,"camera":"cam01"})");
  EXPECT_TRUE(wait_for_state(socket, "gap"));
  socket.send_text(R"({"op":"seek","id":1,"position":"2026-11-24T05:00:02Z"})");
  EXPECT_EQ(next_error(socket), "/problems/forbidden");
}

TEST_F(ApiStream, a_right_that_is_withdrawn_ends_what_it_allowed) {
  const access::Actor nobody;
  const auto user = world->access.create_user({.username = "short",
                                               .name = "",
                                               .role = access::Role::investigator,
                                               .password = std::string(password),
                                               .must_change_password = false},
                                              nobody);
  ASSERT_TRUE(user);
  Person person(world->port());
  ASSERT_EQ(person.log_in("short").status, 200);
  auto socket = person.socket("/api/v1/stream");
  ASSERT_TRUE(socket.open());
  ASSERT_TRUE(world->access.update_user(user->id, {.name = {}, .role = access::Role::viewer, .disabled = {}, .password = {}}, nobody));
  EXPECT_EQ(socket.read_close(), 1008);
}

TEST_F(ApiStream, a_viewer_that_does_not_read_is_skipped_and_hurts_nobody) {
  const auto channel = world->open_channel("cam02");
  auto slow = investigator->socket("/api/v1/stream", 4096);
  auto quick = investigator->socket("/api/v1/stream");
  for (auto* socket : {&slow, &quick}) socket->send_text(R"({"op":"subscribe","id":1,"camera":"cam02"})");
  ASSERT_TRUE(becomes([&] { return channel->subscriber_count() == 2; }));
  // 40 MB in frames of 200 kB, which the slow one leaves in the hub.
  const auto big = std::make_shared<Bytes>(200'000);
  (*big)[1] = 3;
  (*big)[2] = 0x0d;
  (*big)[3] = 0x3c;  // one NAL unit of 199 996 bytes
  (*big)[4] = 0x65;
  for (int i = 0; i < 200; ++i) {
    auto unit = std::make_shared<media::AccessUnit>();
    unit->format = street().format;
    unit->data = big;
    unit->key = i % 10 == 0;
    unit->media_time = i * 3600;
    unit->capture_time = start + milliseconds{40 * i};
    world->feed(channel, unit);
    const auto read = next_unit(quick);
    ASSERT_TRUE(read);
    ASSERT_EQ(read->header.flags & flags::skipped, 0) << i;
  }
  bool skipped = false;
  std::uint32_t sequence = 0;
  std::int64_t last = 0;
  for (int i = 0; i < 200 && !skipped; ++i) {
    const auto read = next_unit(slow);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->header.sequence, sequence++);
    EXPECT_GE(read->header.capture_us, last);
    last = read->header.capture_us;
    skipped = (read->header.flags & flags::skipped) != 0;
    EXPECT_TRUE(!skipped || (read->header.flags & flags::key) != 0);
  }
  EXPECT_TRUE(skipped);
  world->live.remove("cam02", "main");
}

TEST_F(ApiStream, messages_of_every_length_come_whole_and_pongs_between_them) {
  const auto channel = world->open_channel("cam02");
  auto socket = investigator->socket("/api/v1/stream", 4096);
  socket.send_text(R"({"op":"subscribe","id":1,"camera":"cam02"})");
  ASSERT_TRUE(becomes([&] { return channel->subscriber_count() == 1; }));
  Camera camera(at("2026-11-24T08:00:00Z"));
  world->feed(channel, camera.next());
  // At and around where the length takes more bytes (RFC 6455 §5.2), and what the kernel does not take at once.
  std::vector<std::size_t> sizes;
  for (const std::size_t message : {125, 126, 127, 65535, 65536, 65537, 1'000'000}) sizes.push_back(message - api::unit_header_size);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    auto data = std::make_shared<Bytes>(sizes[i], static_cast<std::uint8_t>(i + 1));
    const auto nal = sizes[i] - 4;
    for (std::size_t at = 0; at < 4; ++at) (*data)[at] = static_cast<std::uint8_t>(nal >> (24 - 8 * at));
    (*data)[4] = 0x41;
    auto unit = std::make_shared<media::AccessUnit>();
    unit->format = street().format;
    unit->data = std::move(data);
    unit->media_time = static_cast<std::int64_t>(i + 1) * 3600;
    unit->capture_time = at("2026-11-24T08:00:00Z") + milliseconds{40 * (i + 1)};
    world->feed(channel, unit);
    socket.send(9, "ping " + std::to_string(i));
  }
  ASSERT_TRUE(next_unit(socket));
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const auto unit = next_unit(socket);
    ASSERT_TRUE(unit) << i;
    ASSERT_EQ(unit->bytes.size(), sizes[i]);
    EXPECT_EQ(unit->bytes.substr(5), std::string(sizes[i] - 5, static_cast<char>(i + 1)));
  }
  socket.send_text(R"({"op":"unsubscribe","id":1})");
  EXPECT_TRUE(wait_for_state(socket, "ended"));
  ASSERT_EQ(socket.pongs().size(), sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) EXPECT_EQ(socket.pongs()[i], "ping " + std::to_string(i));
  world->live.remove("cam02", "main");
}

}  // namespace
}  // namespace ccoc::test
