// Many cameras at once. The numbers are those of the catalogue in docs/faults.md.
#include <algorithm>
#include <ranges>

#include "ccoc/base/log.h"
#include "faults/stage.h"

namespace ccoc::faults {
namespace {

/// Cameras and the hub's sessions with them, one each, in one world.
class Crowd {
 public:
  explicit Crowd(std::uint64_t seed = 1) : world_(seed, UtcTime{1'795'000'000s}) { log::set_level(log::Level::error); }
  ~Crowd() {
    members_.clear();
    log::set_level(log::Level::info);
  }

  struct Member {
    std::unique_ptr<ScriptedCamera> camera;  ///< null: nobody answers at its address
    std::shared_ptr<ingest::StatusCell> cell = std::make_shared<ingest::StatusCell>();
    std::unique_ptr<ingest::StreamSession> session;
    std::optional<MonoTime> first_picture;
    Duration longest_wait{0};  ///< between two pictures

    bool live() const { return cell->get().state == ingest::StreamState::live; }
  };

  /// A registered camera; `edit` its script before it is asked for the first time.
  Member& add(bool answers, const std::function<void(Script&)>& edit = {}) {
    auto& member = *members_.emplace_back(std::make_unique<Member>());
    const std::string host = "cam" + std::to_string(members_.size());
    if (answers) {
      member.camera = std::make_unique<ScriptedCamera>(world_, host);
      if (edit) edit(member.camera->script);
    }
    ingest::StreamConfig config;
    config.camera = host;
    config.role = "main";
    config.url = "rtsp://" + host + "/main";
    member.session = std::make_unique<ingest::StreamSession>(world_, config, ingest::IngestOptions{}, nullptr, member.cell,
                                                             static_cast<std::uint32_t>(members_.size() * 7919));
    member.session->add_sinks({{std::make_shared<Sink>(world_, member)}});
    member.session->start();
    return member;
  }

  sim::World& world() { return world_; }
  const std::vector<std::unique_ptr<Member>>& members() const { return members_; }
  auto living() const {
    return members_ | std::views::filter([](const auto& member) { return member->camera != nullptr; });
  }
  std::size_t live() const {
    return static_cast<std::size_t>(std::ranges::count_if(members_, [](const auto& member) { return member->live(); }));
  }
  int connections() const {
    int out = 0;
    for (const auto& member : living()) out += member->camera->connections();
    return out;
  }

 private:
  class Sink final : public media::FrameSink {
   public:
    Sink(sim::World& world, Member& member) : world_(world), member_(member) {}
    void on_unit(const media::AccessUnitPtr&) override {
      const auto now = world_.clock().now();
      if (!member_.first_picture) member_.first_picture = now;
      if (last_) member_.longest_wait = std::max<Duration>(member_.longest_wait, now - *last_);
      last_ = now;
    }
    void on_interrupted(media::GapCause, std::string_view) override {}

   private:
    sim::World& world_;
    Member& member_;
    std::optional<MonoTime> last_;
  };

  sim::World world_;
  std::vector<std::unique_ptr<Member>> members_;
};

// 16
TEST(Many, fault_16_sixty_cameras_that_come_back_at_once_are_asked_one_after_the_other) {
  Crowd crowd;
  for (int i = 0; i < 60; ++i) crowd.add(true, [](Script& script) { script.fps = 5; });
  crowd.world().run_for(2s);
  ASSERT_EQ(crowd.live(), 60u);

  // The mast loses its power for two minutes: connections die, nobody answers.
  for (const auto& member : crowd.living()) {
    member->camera->script.accepts = false;
    member->camera->close_all();
  }
  crowd.world().run_for(120s);
  EXPECT_EQ(crowd.live(), 0u);
  for (const auto& member : crowd.living()) member->camera->script.accepts = true;

  // The longest wait is 30 s and half as much again of jitter.
  int before = crowd.connections();
  int busiest = 0;
  for (int slice = 0; slice < 460; ++slice) {
    crowd.world().run_for(100ms);
    const int now = crowd.connections();
    busiest = std::max(busiest, now - before);
    before = now;
  }
  EXPECT_EQ(crowd.live(), 60u);
  EXPECT_LE(busiest, 6) << "a storm: so many within 100 ms";
}

TEST(Many, fault_16_ten_thousand_registered_and_half_of_them_away_the_living_are_not_late) {
  Crowd crowd;
  for (int i = 0; i < 10'000; ++i) {
    crowd.add(i % 2 == 0, [](Script& script) {
      script.fps = 1;
      script.gop_frames = 2;
      script.frame_bytes = 200;
    });
  }
  const auto began = crowd.world().clock().now();
  crowd.world().run_for(3s);
  EXPECT_EQ(crowd.live(), 5'000u);
  for (const auto& member : crowd.living()) member->longest_wait = Duration{0};
  crowd.world().run_for(17s);
  EXPECT_EQ(crowd.live(), 5'000u);
  Duration latest{0}, longest{0};
  for (const auto& member : crowd.living()) {
    ASSERT_TRUE(member->first_picture);
    latest = std::max<Duration>(latest, *member->first_picture - began);
    longest = std::max(longest, member->longest_wait);
  }
  // First attempts are spread over 300 ms, and a key frame comes every two seconds.
  EXPECT_LT(latest, 3s);
  EXPECT_LT(longest, 1100ms);
}

}  // namespace
}  // namespace ccoc::faults
