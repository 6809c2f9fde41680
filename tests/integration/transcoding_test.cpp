// H.265 for viewers who cannot decode it: live and recorded, over real sockets, through the real worker.
#include <gtest/gtest.h>

#include "support/api_world.h"
#include "unit/media/streams.h"

namespace ccoc::test {
namespace {

namespace flags = api::unit_flags;

/// A camera of H.265, 15 pictures a second.
class H265Camera {
 public:
  explicit H265Camera(UtcTime start) : time_(start) {}
  media::AccessUnitPtr next() {
    const auto& picture = clip_.pictures[at_++ % clip_.pictures.size()];
    auto unit = std::make_shared<media::AccessUnit>();
    unit->format = clip_.format;
    unit->data = std::make_shared<const Bytes>(media::test::join(picture));
    for (const auto& nal : picture) unit->key = unit->key || media::is_random_access(clip_.codec, nal);
    unit->capture_time = time_;
    unit->media_time = to_ticks(time_.time_since_epoch(), video_timescale);
    unit->discontinuity = at_ == 1;
    time_ += Duration{1'000'000 / 15};
    return unit;
  }
  UtcTime time() const { return time_; }

 private:
  media::test::Clip clip_ = media::test::load_clip(media::Codec::h265);
  std::size_t at_ = 0;
  UtcTime time_;
};

class Transcoding : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    world = new ApiWorld;
    world->add_camera("cam01");
    auto recorder = world->archive->record({"cam01", "main"});
    ASSERT_TRUE(recorder);
    H265Camera camera(start);
    while (camera.time() < start + seconds{20}) (*recorder)->on_unit(camera.next());
    recorder->reset();
    investigator = new Person(world->port());
    ASSERT_EQ(investigator->log_in("investigator").status, 200);
    channel = world->open_channel("cam01");
    H265Camera now(at("2026-11-24T07:00:00Z"));
    for (int i = 0; i < 20; ++i) world->feed(channel, now.next());
    ASSERT_TRUE(becomes([&] { return channel->last_key() != nullptr; }));
  }
  static void TearDownTestSuite() {
    channel.reset();
    delete investigator;
    delete world;
  }
  void TearDown() override {
    EXPECT_TRUE(becomes([] { return world->transcoder.sessions() == 0; })) << "a session was left behind";
  }

  static SocketPeer subscribe(const std::string& fields) {
    auto socket = investigator->socket("/api/v1/stream");
    EXPECT_TRUE(socket.open());
    socket.send_text(R"({"op":"subscribe","id":1,"camera":"cam01",)" + fields + "}");
    return socket;
  }
  /// The next message with this op.
  static boost::json::object next(SocketPeer& socket, std::string_view op) {
    for (int i = 0; i < 50; ++i) {
      const auto text = socket.read_text();
      if (text.empty()) break;
      const auto value = boost::json::parse(text).as_object();
      if (value.at("op").as_string() == op) return value;
    }
    return {};
  }
  struct Unit {
    api::UnitHeader header;
    std::string bytes;
  };
  static std::optional<Unit> next_unit(SocketPeer& socket) {
    const auto message = socket.read_binary();
    const auto header = api::decode_unit_header(as_bytes(message));
    if (!header) return std::nullopt;
    return Unit{*header, message.substr(api::unit_header_size)};
  }
  static bool is_h264(const std::string& annexb) {
    const auto nals = media::split_annexb(as_bytes(annexb));
    return !nals.empty() && std::ranges::any_of(nals, [](ByteView nal) {
      const int type = media::nal_type(media::Codec::h264, nal);
      return type == 1 || type == 5;
    });
  }

  static inline const UtcTime start = at("2026-11-24T05:00:00Z");
  static inline ApiWorld* world = nullptr;
  static inline Person* investigator = nullptr;
  static inline std::shared_ptr<live::Channel> channel;
};

TEST_F(Transcoding, of_live_pictures_is_announced_and_begins_with_a_key_frame) {
  auto socket = subscribe(R"("position":"live","decode":["avc1","mp4v"])");
  const auto subscribed = next(socket, "subscribed");
  ASSERT_FALSE(subscribed.empty());
  EXPECT_TRUE(subscribed.at("transcoded").as_bool());
  EXPECT_TRUE(subscribed.at("codec").as_string().starts_with("avc1."));
  EXPECT_EQ(subscribed.at("width").as_int64(), 320);
  const auto first = next_unit(socket);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->header.flags & flags::key);
  EXPECT_TRUE(is_h264(first->bytes));
  EXPECT_NEAR(static_cast<double>(first->header.capture_us - at("2026-11-24T07:00:01Z").time_since_epoch().count()), 0, 12)
      << "when the picture was taken, to one tick of 90 kHz";
}

TEST_F(Transcoding, is_not_done_for_who_can_decode_or_does_not_say) {
  for (const char* decode : {R"(,"decode":["avc1","hvc1"])", ""}) {
    auto socket = subscribe(R"("position":"live")" + std::string(decode));
    const auto subscribed = next(socket, "subscribed");
    ASSERT_FALSE(subscribed.empty());
    EXPECT_FALSE(subscribed.contains("transcoded"));
    EXPECT_TRUE(subscribed.at("codec").as_string().starts_with("hvc1."));
  }
}

TEST_F(Transcoding, of_more_than_may_be_is_refused_and_the_one_goes_on) {
  auto first = subscribe(R"("position":"live","decode":["avc1"])");
  ASSERT_FALSE(next(first, "subscribed").empty());
  auto second = subscribe(R"("position":"live","decode":["avc1"])");
  const auto error = next(second, "error");
  ASSERT_FALSE(error.empty());
  EXPECT_EQ(error.at("problem").at("status").as_int64(), 429);
  EXPECT_TRUE(next_unit(first));
}

TEST_F(Transcoding, of_footage_follows_a_seek) {
  auto socket = subscribe(R"("position":"2026-11-24T05:00:05Z","decode":["avc1"])");
  const auto subscribed = next(socket, "subscribed");
  ASSERT_FALSE(subscribed.empty());
  EXPECT_TRUE(subscribed.at("transcoded").as_bool());
  const auto shown = next_unit(socket);
  ASSERT_TRUE(shown);
  EXPECT_TRUE(is_h264(shown->bytes));
  EXPECT_GE(shown->header.capture_us, (start + seconds{5}).time_since_epoch().count() - 100'000);
  EXPECT_LT(shown->header.capture_us, (start + seconds{6}).time_since_epoch().count());
  socket.send_text(R"({"op":"seek","id":1,"position":"2026-11-24T05:00:12.500Z"})");
  std::optional<Unit> unit;
  do {
    unit = next_unit(socket);
    ASSERT_TRUE(unit);
  } while (unit->header.capture_us < (start + seconds{11}).time_since_epoch().count());
  EXPECT_TRUE(unit->header.flags & flags::discontinuity);
  EXPECT_TRUE(unit->header.flags & flags::key) << "it is coded anew from where it is shown";
  EXPECT_NEAR(static_cast<double>(unit->header.capture_us - (start + milliseconds{12'500}).time_since_epoch().count()), 0, 200'000);
}

TEST_F(Transcoding, names_what_is_wrong_with_the_list) {
  auto socket = subscribe(R"("position":"live","decode":"avc1")");
  const auto error = next(socket, "error");
  ASSERT_FALSE(error.empty());
  EXPECT_EQ(error.at("problem").at("status").as_int64(), 422);
}

}  // namespace
}  // namespace ccoc::test
