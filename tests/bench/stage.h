// The camera farm and the hub as processes of their own, the way people start them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ccoc/base/result.h"
#include "net.h"
#include "options.h"
#include "process.h"

namespace ccoc::bench {

std::string camera_id(int number);  ///< "cam01"

/// What the farm says it sent, by "cam01/main".
struct SentFrames {
  std::uint64_t sent = 0;
  std::uint64_t dropped = 0;
};

/// `ccoc simulate` on a free port.
class FarmProcess {
 public:
  static Result<FarmProcess> start(const Options& options, const std::string& folder);
  std::uint16_t port() const { return port_; }
  pid_t pid() const { return child_.pid(); }
  std::string url(int camera, const std::string& stream) const;
  /// Stops it; what it counted.
  Result<std::map<std::string, SentFrames>> stop();

 private:
  FarmProcess(Child child, std::uint16_t port, std::string stats) : child_(std::move(child)), port_(port), stats_(std::move(stats)) {}
  Child child_;
  std::uint16_t port_;
  std::string stats_;
};

/// `ccoc serve` with its private PostgreSQL in a fresh folder, with every camera of a farm registered.
class HubProcess {
 public:
  /// Returns when every camera is live. `extra` are more settings, KEY=VALUE.
  static Result<HubProcess> start(const Options& options, const FarmProcess& farm, const std::string& folder,
                                  const std::vector<std::string>& extra = {});
  /// The same without cameras, in a folder that may have been used before.
  static Result<HubProcess> start_alone(const Options& options, const std::string& folder, const std::vector<std::string>& extra = {});
  /// Registers cameras; `csv` with its head.
  Status import_cameras(const std::string& csv, int count);
  const HttpClient& http() const { return http_; }
  pid_t pid() const { return child_.pid(); }
  std::string footage() const { return data_ + "/footage"; }
  const std::string& data() const { return data_; }
  double start_s() const { return start_s_; }  ///< from exec to ready
  double live_s() const { return live_s_; }    ///< from the cameras' registration to the last one's picture
  /// Cameras whose state is `live`.
  Result<int> live_cameras() const;
  Result<std::chrono::milliseconds> stop() { return child_.stop(); }
  void kill() { child_.kill(); }

 private:
  HubProcess(Child child, HttpClient http, std::string data) : child_(std::move(child)), http_(std::move(http)), data_(std::move(data)) {}
  Status log_in(const std::string& password);

  Child child_;
  HttpClient http_;
  std::string data_;
  double start_s_ = 0, live_s_ = 0;
};

/// Looks every 20 ms until `condition`, at most `limit`; false when it did not come true.
bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds limit);
/// The last lines of a log, for a person.
std::string tail(const std::string& path, std::size_t bytes = 1500);

}  // namespace ccoc::bench
