// `ccoc doctor`: what a hub needs, looked at one by one, each with what to do.
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <iostream>

#include "ccoc/db/private_server.h"
#include "commands.h"
#include "foundation.h"
#include "places.h"
#include "volumes.h"

namespace ccoc::hub {
namespace {

class Findings {
 public:
  void good(const std::string& what) { std::cout << "ok    " << what << '\n'; }
  void bad(const std::string& what, const std::string& mend) {
    std::cout << "FAIL  " << what << (mend.empty() ? "" : "\n      " + mend) << '\n';
    failed_ = true;
  }
  bool failed() const { return failed_; }

 private:
  bool failed_ = false;
};

}  // namespace

int doctor(const Config& config) {
  Findings findings;
  auto data = DataDirectory::open(config.data.dir, false);
  if (!data) {
    findings.bad(data.error().message, "");
    return 1;
  }
  findings.good("data directory " + data->path().string() + (data->hub_running() ? " (a hub runs on it)" : ""));

  auto database = open_database(config, *data, 1);
  if (database) {
    findings.good(config.database.url.empty() ? "PostgreSQL of its own answers, schema is the newest"
                                              : "PostgreSQL at database.url answers, schema is the newest");
  } else {
    findings.bad(database.error().message, "the hub cannot start without its registry of cameras");
  }

  if (auto volumes = open_volumes(config, data->path()); !volumes) {
    findings.bad(volumes.error().message, "footage cannot be written");
  } else {
    for (const auto& volume : *volumes) {
      const auto space = volume.disk->space();
      if (!space) {
        findings.bad("volume " + volume.name + ": " + space.error().message, "footage there cannot be played, and none can be written");
        continue;
      }
      const auto text =
          "volume " + volume.name + (volume.far ? " answers" : " has " + std::to_string(space->free_bytes >> 30) + " GiB free");
      if (space->free_bytes > volume.min_free_bytes) {
        findings.good(text);
      } else {
        findings.bad(text, "free some space, or lower its min_free_gib; the oldest footage is removed to keep that much free");
      }
    }
  }

  if (const auto root = find_web_root(config); !root.empty()) {
    findings.good("console at " + root);
  } else {
    findings.bad("the built console is missing", "run ./dev build, or set http.web_root");
  }
  if (const auto worker = find_vision_worker(); !worker.empty()) {
    findings.good("picture worker at " + worker);
  } else {
    findings.bad("ccoc-vision is missing beside ccoc", "snapshots will not work; build or install it");
  }
  if (const auto bridge = find_bridge(); !bridge.empty()) {
    findings.good("receiver of SRT, RTMP, HTTP and files at " + bridge);
  } else {
    findings.bad("ccoc-bridge is missing beside ccoc", "only RTSP cameras will work; build it with GStreamer's headers, or install it");
  }
  return findings.failed() ? 1 : 0;
}

}  // namespace ccoc::hub
