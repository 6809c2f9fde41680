// N RTSP cameras in one thread: rtsp://ADDRESS:PORT/cam01/main, /cam01/sub, … Each frame is patched in place and sent
// with one call to each of its viewers; frames are paced by absolute time and the cameras spread in phase.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ccoc/simulator/clip.h"
#include "ccoc/simulator/fault.h"

namespace ccoc::simulator {

struct CameraMedia {
  ClipPtr main;
  ClipPtr sub;  ///< may be null: the camera has only a main stream
};

struct FarmOptions {
  std::string address = "127.0.0.1";  ///< numeric, IPv4 or IPv6
  std::uint16_t port = 0;             ///< 0: any free one
  std::string user{};                 ///< empty: no authentication
  std::string password{};
  bool udp = true;
  unsigned with_sound = 0;  ///< so many cameras, from the first, have a microphone (G.711 A-law, by TCP)
  std::vector<CameraMedia> cameras{};
  FaultPlan faults{};
  Duration report_interval = std::chrono::seconds{5};  ///< of RTCP sender reports
  std::size_t backlog_bytes = 1024 * 1024;             ///< per viewer; beyond it whole frames are dropped
  int send_buffer_bytes = 0;                           ///< of the kernel, per viewer; 0: as the kernel likes
};

/// Counters of one stream since the farm started, summed over its viewers.
struct StreamCounts {
  unsigned camera = 0;  ///< from 1
  std::string stream;   ///< "main" or "sub"
  std::uint64_t frames_sent = 0;
  std::uint64_t frames_dropped = 0;  ///< the viewer was too slow
  std::uint64_t bytes_sent = 0;
  std::uint64_t plays = 0;
  std::uint64_t last_frame = 0;  ///< frame number of the last one sent
};

/// "cam01"; three digits above 99.
std::string camera_name(unsigned camera);
std::string to_json(const std::vector<StreamCounts>& counts);

/// Owns its thread. Thread-safe.
class Farm {
 public:
  /// Listening when it returns. `conflict` when the port is taken.
  static Result<std::unique_ptr<Farm>> start(FarmOptions options);
  /// Stops, if that was not done.
  ~Farm();
  Farm(const Farm&) = delete;
  Farm& operator=(const Farm&) = delete;

  std::uint16_t port() const;
  /// "rtsp://127.0.0.1:PORT/cam01/main", without credentials.
  std::string url(unsigned camera, const std::string& stream) const;
  /// Makes it happen now (`at` and `every` are not looked at).
  void apply(const Fault& fault);
  std::vector<StreamCounts> counts() const;
  /// Sends what viewers are still owed (at most a second), then closes. Blocks until the thread has ended.
  void stop();

 private:
  struct Impl;
  explicit Farm(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ccoc::simulator
