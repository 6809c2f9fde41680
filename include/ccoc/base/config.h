// What an administrator may set. One table describes every key (config.cpp): the TOML file, the
// environment (CCOC_SECTION__KEY), the command line and config/ccoc.toml all follow from it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ccoc/base/result.h"
#include "ccoc/base/time.h"

namespace ccoc {

struct DataConfig {
  std::string dir = "var";  ///< footage, private database, keys; relative to the working directory
};

struct HttpConfig {
  std::string address = "127.0.0.1:8080";  ///< ADDR:PORT, checked; see parse_listen_address
  std::string web_root;                    ///< built console; empty: found beside the program
};

struct RtspConfig {
  std::string listen = "127.0.0.1:8554";  ///< ADDR:PORT; empty: no RTSP server
  bool udp = true;                        ///< media by UDP, too
  std::string tls_listen;                 ///< ADDR:PORT for rtsps; empty: none
  std::int64_t max_connections = 500;
};

struct TlsConfig {
  std::string certificate;  ///< PEM file; both empty: self-made ones in data.dir/tls
  std::string key;          ///< PEM file
};

struct DatabaseConfig {
  std::string url;  ///< secret; empty: the hub runs a private PostgreSQL in data.dir
};

struct IngestConfig {
  bool allow_loopback = false;  ///< cameras on loopback and link-local addresses
  bool allow_basic_auth = true;
  bool follow_redirects = false;  ///< of cameras, to other hosts
  bool audio = true;              ///< of cameras; each may be told otherwise
  Duration no_frame_timeout = std::chrono::seconds{5};
  Duration backoff_min = std::chrono::milliseconds{500};
  Duration backoff_max = std::chrono::seconds{30};
  std::int64_t threads = 2;            ///< media threads
  std::string files;                   ///< folder that file: URLs may name; empty: none
  std::string sub_streams = "always";  ///< "always" connected, or "on_demand" while someone watches
};

struct ArchiveConfig {
  Duration segment = std::chrono::seconds{60};  ///< a file spans about this much
  Duration fragment = std::chrono::seconds{1};  ///< a fragment holds at most this much
  Duration sync_interval = std::chrono::seconds{2};
  std::int64_t queue_mib = 256;                          ///< MiB waiting for slow disks before whole GOPs are dropped
  std::vector<std::string> recorded_streams = {"main"};  ///< "main", "sub" or both
  double quota_gib = 0;                                  ///< GiB of footage; 0: no quota
  double min_free_gib = 2;                               ///< GiB always left free on the volume
  std::int64_t retention_days = 30;                      ///< of a camera that says nothing else
  std::int64_t scrub_mib_s = 32;                         ///< MiB/s read back in the idle time; 0: none
  std::int64_t scrub_days = 30;                          ///< from one round to the next
};

/// One place of footage.
struct VolumeConfig {
  std::string path;          ///< folder
  double weight = 1;         ///< share of the cameras; 0: nothing new is written
  double quota_gib = 0;      ///< GiB; 0: none
  double min_free_gib = -1;  ///< GiB; -1: as archive.min_free_gib
  bool encrypted = false;    ///< what is written from now on
  std::string s3;            ///< URL of bucket and prefix, instead of a folder
  std::string s3_region = "us-east-1";
  std::string s3_access_key;
  std::string s3_secret_key;  ///< secret
};

/// Footage that is moved when it has become old.
struct LifecycleConfig {
  std::string to;                    ///< volume
  double after_days = 7;             ///< since its end
  std::vector<std::string> cameras;  ///< empty: all
  std::vector<std::string> zones;    ///< empty: all
};

struct WebRtcConfig {
  std::int64_t max_viewers = 16;  ///< at a time, each a process
};

struct VisionConfig {
  std::int64_t thumbnails_mib = 512;                  ///< MiB of thumbnails kept on disk; 0: none
  Duration look_interval = std::chrono::seconds{15};  ///< between two looks at each camera's picture; 0: none
  Duration frozen_after = std::chrono::minutes{3};
  Duration motion_interval = std::chrono::seconds{1};  ///< between two looks for movement, of cameras that ask for it
  std::int64_t transcodings = 2;                       ///< streams made into H.264 for viewers, at the same time; 0: none
};

struct SiteConfig {
  std::string name_th = "สถานีตำรวจภูธรช้างเผือก";
  std::string name_en = "Chang Phueak Police Station";
  double min_lat = 18.60;
  double max_lat = 19.00;
  double min_lon = 98.80;
  double max_lon = 99.20;
  double center_lat = 18.8040;
  double center_lon = 98.9865;
  double zoom = 14.5;                     ///< of the map when it opens
  std::string timezone = "Asia/Bangkok";  ///< times are shown in it; stored in UTC
  std::string geography_dir;              ///< GeoJSON loaded at start while there is none; empty: none
};

struct LogConfig {
  std::string level = "info";  ///< trace, debug, info, warn, error
};

/// Every setting with its default. Valid once it came out of load_config().
struct Config {
  DataConfig data;
  HttpConfig http;
  RtspConfig rtsp;
  TlsConfig tls;
  DatabaseConfig database;
  IngestConfig ingest;
  ArchiveConfig archive;
  std::map<std::string, VolumeConfig> volumes;       ///< by name; "main" may be missing
  std::map<std::string, LifecycleConfig> lifecycle;  ///< by name
  WebRtcConfig webrtc;
  VisionConfig vision;
  SiteConfig site;
  LogConfig log;
};

/// Where settings come from, each stronger than the one before: defaults, file, environment, command line.
struct ConfigSources {
  std::string file = {};  ///< path of a TOML file; empty: none
  /// Name and value; names other than CCOC_SECTION__KEY are ignored. See environment_of().
  std::vector<std::pair<std::string, std::string>> environment = {};
  /// "section.key" and value as text, as the command line gave them.
  std::vector<std::pair<std::string, std::string>> overrides = {};
};

/// Reads, checks, and merges. `invalid_argument` with one line per mistake: where it stands, what is
/// wrong, and for an unknown key the nearest known one; `not_found` or `io` when the file cannot be read.
Result<Config> load_config(const ConfigSources& sources);

/// The text of config/ccoc.toml: every key with its meaning, its range and its default.
std::string describe_config();

/// Splits an environment block (`environ`) into names and values; null gives none.
std::vector<std::pair<std::string, std::string>> environment_of(const char* const* environment);

struct ListenAddress {
  std::string host;  ///< numeric address without brackets, or a name
  std::uint16_t port = 0;
};

/// "127.0.0.1:8080", "[::1]:8080"; port 0 asks the kernel for a free one.
Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace ccoc
