// A camera of an ApiWorld that sends in real time.
#pragma once

#include <atomic>
#include <thread>

#include "support/api_world.h"

namespace ccoc::test {

/// Sends from a thread of its own while it lives: 25 pictures a second, and G.711 where there is sound.
class LiveCamera {
 public:
  LiveCamera(ApiWorld& world, const std::string& id, bool sound = false)
      : world_(world), channel_(world.open_channel(id)), id_(id), thread_([this, sound] { run(sound); }) {}
  ~LiveCamera() {
    stopping_ = true;
    thread_.join();
    world_.live.remove(id_, "main");
  }

 private:
  void run(bool sound) {
    const auto format = std::make_shared<const media::AudioFormat>(media::AudioFormat{
        .codec = media::AudioCodec::pcma, .sample_rate = 8000, .channels = 1, .config = {}, .codec_string = "alaw"});
    Camera camera(world_.clock.utc_now());
    auto due = std::chrono::steady_clock::now();
    for (std::int64_t n = 0; !stopping_; ++n) {
      const auto unit = camera.next();
      world_.feed(channel_, unit);
      if (sound) {
        auto piece = std::make_shared<media::AudioUnit>();
        piece->format = format;
        piece->data = std::make_shared<const Bytes>(320, std::uint8_t{0xd5});
        piece->media_time = n * 3600;
        piece->duration = 3600;
        piece->capture_time = unit->capture_time;
        world_.media_reactor.post([channel = channel_, piece] { channel->on_audio(piece); });
      }
      std::this_thread::sleep_until(due += milliseconds{40});
    }
  }

  ApiWorld& world_;
  std::shared_ptr<live::Channel> channel_;
  const std::string id_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace ccoc::test
