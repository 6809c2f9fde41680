#include "config_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace ccoc::config_detail {
namespace {

constexpr double any_size = 1e9;

template <class T, class Function>
Field at(Function function) {
  return Get<T>(function);
}

#define CCOC_FIELD(type, member) at<type>([](Config& c) -> type& { return c.member; })

using Texts = std::vector<std::string>;

std::vector<Key> make_keys() {
  return {
      {.name = "data.dir",
       .doc = "Footage, the private database and keys live here. Relative to the working directory.",
       .field = CCOC_FIELD(std::string, data.dir)},
      {.name = "http.address",
       .doc = "Address and port the console and the API listen on. Beyond this machine put TLS before it.",
       .field = CCOC_FIELD(std::string, http.address)},
      {.name = "http.web_root",
       .doc = "Folder of the built console. Empty: found beside the program.",
       .field = CCOC_FIELD(std::string, http.web_root)},
      {.name = "rtsp.listen",
       .doc = "Address and port of the RTSP server for other players: rtsp://KEYID:SECRET@ADDR:8554/cam01/main. Keys and pictures\n"
              "travel in clear: for other machines use rtsp.tls_listen. Empty: no plain RTSP.",
       .field = CCOC_FIELD(std::string, rtsp.listen)},
      {.name = "rtsp.udp",
       .doc = "Let players have the pictures by UDP. When false, by the RTSP connection only.",
       .field = CCOC_FIELD(bool, rtsp.udp)},
      {.name = "rtsp.tls_listen",
       .doc = "Address and port for RTSP over TLS: rtsps://KEYID:SECRET@ADDR:8322/cam01/main, such as \"0.0.0.0:8322\". With the\n"
              "certificate of [tls], by the connection only, never by UDP. Empty: no RTSP over TLS.",
       .field = CCOC_FIELD(std::string, rtsp.tls_listen)},
      {.name = "rtsp.max_connections",
       .doc = "Most connections to the RTSP server at the same time; a fifth of them, but at least 16, from one address.",
       .field = CCOC_FIELD(std::int64_t, rtsp.max_connections),
       .min = 1,
       .max = 10000},
      {.name = "tls.certificate",
       .doc = "Certificate and chain, a PEM file. Empty: a certificate that the hub makes for itself and keeps in tls/ in the data\n"
              "folder (ten years, made anew a month before its end). Used for RTSP over TLS; for HTTPS put a proxy before the hub.",
       .field = CCOC_FIELD(std::string, tls.certificate)},
      {.name = "tls.key",
       .doc = "Its key, a PEM file without a passphrase, readable by the hub alone. Given together with tls.certificate.",
       .field = CCOC_FIELD(std::string, tls.key)},
      {.name = "database.url",
       .doc = "postgresql://user:password@host:port/name of an existing server. Empty: the hub runs a private\n"
              "PostgreSQL in the data folder, on a unix socket.",
       .field = CCOC_FIELD(std::string, database.url),
       .secret = true},
      {.name = "ingest.allow_loopback",
       .doc = "Accept cameras on loopback and link-local addresses (simulated cameras, tests).",
       .field = CCOC_FIELD(bool, ingest.allow_loopback)},
      {.name = "ingest.allow_basic_auth",
       .doc = "Give a camera that knows nothing better its password unencrypted (Basic). When false such cameras are refused.",
       .field = CCOC_FIELD(bool, ingest.allow_basic_auth)},
      {.name = "ingest.follow_redirects",
       .doc = "Follow a camera that sends the hub to another host, by RTSP or HTTP, in a playlist, too. On the same host it is\n"
              "followed in any case; but by HTTP never where there is a password.",
       .field = CCOC_FIELD(bool, ingest.follow_redirects)},
      {.name = "ingest.audio",
       .doc = "Take the cameras' sound, too. Each camera can be told otherwise; false silences all.",
       .field = CCOC_FIELD(bool, ingest.audio)},
      {.name = "ingest.no_frame_timeout_s",
       .doc = "A stream without a frame for this long is taken for dead and connected anew.",
       .field = CCOC_FIELD(Duration, ingest.no_frame_timeout),
       .min = 1,
       .max = 600},
      {.name = "ingest.backoff_min_s",
       .doc = "First wait before connecting again; it doubles up to the next setting, with jitter.",
       .field = CCOC_FIELD(Duration, ingest.backoff_min),
       .min = 0.1,
       .max = 60},
      {.name = "ingest.backoff_max_s",
       .doc = "Longest wait before connecting again.",
       .field = CCOC_FIELD(Duration, ingest.backoff_max),
       .min = 1,
       .max = 3600},
      {.name = "ingest.threads",
       .doc = "Media threads; a camera stays on one.",
       .field = CCOC_FIELD(std::int64_t, ingest.threads),
       .min = 1,
       .max = 64},
      {.name = "ingest.files",
       .doc = "Folder whose files may be cameras (file:///folder/clip.mp4), played again and again. Empty: none may.",
       .field = CCOC_FIELD(std::string, ingest.files)},
      {.name = "ingest.sub_streams",
       .doc = "Keep the small streams connected always (pictures at once), or only on_demand.",
       .field = CCOC_FIELD(std::string, ingest.sub_streams),
       .choices = {"always", "on_demand"}},
      {.name = "archive.segment_seconds",
       .doc = "About how much footage one file holds.",
       .field = CCOC_FIELD(Duration, archive.segment),
       .min = 2,
       .max = 3600},
      {.name = "archive.fragment_seconds",
       .doc = "How much footage is written at once: at most this much is lost when the program is killed.",
       .field = CCOC_FIELD(Duration, archive.fragment),
       .min = 0.1,
       .max = 10},
      {.name = "archive.sync_interval_s",
       .doc = "How often written footage is forced onto the disk: at most this much is lost in a power cut.",
       .field = CCOC_FIELD(Duration, archive.sync_interval),
       .min = 0.1,
       .max = 60},
      {.name = "archive.queue_mib",
       .doc = "Memory for footage waiting for a slow disk, in MiB; when it is full whole GOPs are dropped and the\n"
              "gap is recorded.",
       .field = CCOC_FIELD(std::int64_t, archive.queue_mib),
       .min = 1,
       .max = 65536},
      {.name = "archive.recorded_streams",
       .doc = "Which streams of a camera are recorded.",
       .field = CCOC_FIELD(Texts, archive.recorded_streams),
       .choices = {"main", "sub"}},
      {.name = "archive.quota_gib",
       .doc = "Most GiB of footage to keep, oldest deleted first; 0: as much as the disk holds.",
       .field = CCOC_FIELD(double, archive.quota_gib),
       .min = 0,
       .max = any_size},
      {.name = "archive.min_free_gib",
       .doc = "GiB always left free on the footage's disk, oldest footage deleted first.",
       .field = CCOC_FIELD(double, archive.min_free_gib),
       .min = 0,
       .max = any_size},
      {.name = "archive.retention_days",
       .doc = "Days footage is kept when its camera says nothing else.",
       .field = CCOC_FIELD(std::int64_t, archive.retention_days),
       .min = 1,
       .max = 3650},
      {.name = "archive.scrub_mib_s",
       .doc = "MiB of footage a second that are read back and compared with their checksums while the disk is idle; 0: none.",
       .field = CCOC_FIELD(std::int64_t, archive.scrub_mib_s),
       .min = 0,
       .max = 65536},
      {.name = "archive.scrub_days",
       .doc = "Days from the beginning of one such round to that of the next.",
       .field = CCOC_FIELD(std::int64_t, archive.scrub_days),
       .min = 1,
       .max = 3650},
      {.name = "webrtc.max_viewers",
       .doc = "Viewers by WebRTC (WHEP) at a time; each is a process of its own.",
       .field = CCOC_FIELD(std::int64_t, webrtc.max_viewers),
       .min = 0,
       .max = 200},
      {.name = "vision.thumbnails_mib",
       .doc = "MiB of small pictures for the timeline kept in the data folder, oldest deleted first; 0: none are kept.",
       .field = CCOC_FIELD(std::int64_t, vision.thumbnails_mib),
       .min = 0,
       .max = 1'048'576},
      {.name = "vision.look_interval_s",
       .doc = "How often each camera's picture is looked at, to notice when it turns black, is covered or freezes; 0: never. A\n"
              "camera without a small stream a quarter as often, and all of them less often where that took more than a\n"
              "fiftieth of a core.",
       .field = CCOC_FIELD(Duration, vision.look_interval),
       .min = 0,
       .max = 3600},
      {.name = "vision.frozen_after_s",
       .doc = "A camera that sends the same picture for this long is said to be frozen.",
       .field = CCOC_FIELD(Duration, vision.frozen_after),
       .min = 1,
       .max = 86'400},
      {.name = "vision.motion_interval_s",
       .doc = "How often, at most, it is looked for movement in the pictures of cameras that ask for it (motion.enabled).",
       .field = CCOC_FIELD(Duration, vision.motion_interval),
       .min = 0.2,
       .max = 10},
      {.name = "vision.transcodings",
       .doc = "Streams made into H.264 at the same time, for viewers who cannot decode what the camera sends; each takes\n"
              "up to a processor core. 0: none.",
       .field = CCOC_FIELD(std::int64_t, vision.transcodings),
       .min = 0,
       .max = 64},
      {.name = "site.name_th", .doc = "Name of the place, in Thai.", .field = CCOC_FIELD(std::string, site.name_th)},
      {.name = "site.name_en", .doc = "Name of the place, in English.", .field = CCOC_FIELD(std::string, site.name_en)},
      {.name = "site.min_lat",
       .doc = "Cameras outside these bounds are refused as mistyped (degrees, WGS 84).",
       .field = CCOC_FIELD(double, site.min_lat),
       .min = -90,
       .max = 90},
      {.name = "site.max_lat", .doc = "", .field = CCOC_FIELD(double, site.max_lat), .min = -90, .max = 90},
      {.name = "site.min_lon", .doc = "", .field = CCOC_FIELD(double, site.min_lon), .min = -180, .max = 180},
      {.name = "site.max_lon", .doc = "", .field = CCOC_FIELD(double, site.max_lon), .min = -180, .max = 180},
      {.name = "site.center_lat", .doc = "Where the map opens.", .field = CCOC_FIELD(double, site.center_lat), .min = -90, .max = 90},
      {.name = "site.center_lon", .doc = "", .field = CCOC_FIELD(double, site.center_lon), .min = -180, .max = 180},
      {.name = "site.zoom", .doc = "How close the map opens (web map zoom).", .field = CCOC_FIELD(double, site.zoom), .min = 0, .max = 22},
      {.name = "site.timezone",
       .doc = "Times are shown in this zone of the IANA database; they are stored in UTC.",
       .field = CCOC_FIELD(std::string, site.timezone)},
      {.name = "site.geography_dir",
       .doc = "Folder with zones, communities, places and base .geojson, loaded at start while there are none.\n"
              "Empty: nothing is loaded.",
       .field = CCOC_FIELD(std::string, site.geography_dir)},
      {.name = "log.level",
       .doc = "How much is logged to standard error.",
       .field = CCOC_FIELD(std::string, log.level),
       .choices = {"trace", "debug", "info", "warn", "error"}},
  };
}

#undef CCOC_FIELD

std::string number(double value) { return fmt::format("{}", value); }

std::string choices_of(const Key& key) { return fmt::format("\"{}\"", fmt::join(key.choices, "\", \"")); }

/// Stores a number that may stand for the key, or says what was expected.
std::optional<std::string> assign_number(const Key& key, double value, bool whole, Config& into) {
  const auto wrong = [&] { return "must be " + expected(key); };
  if (!std::isfinite(value) || value < key.min || value > key.max) return wrong();
  if (auto* get = std::get_if<Get<std::int64_t>>(&key.field)) {
    if (!whole) return wrong();
    (*get)(into) = static_cast<std::int64_t>(value);
  } else if (auto* get_real = std::get_if<Get<double>>(&key.field)) {
    (*get_real)(into) = value;
  } else if (auto* get_time = std::get_if<Get<Duration>>(&key.field)) {
    (*get_time)(into) = Duration{std::llround(value * 1e6)};
  } else {
    return wrong();
  }
  return std::nullopt;
}

std::optional<std::string> assign_string(const Key& key, const std::string& value, Config& into) {
  auto* get = std::get_if<Get<std::string>>(&key.field);
  if (!get) return "must be " + expected(key);
  if (!key.choices.empty() && std::ranges::find(key.choices, value) == key.choices.end()) {
    return "must be " + expected(key);
  }
  if (std::ranges::any_of(value, [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
    return "must not hold control characters";
  }
  if (key.name == "http.address") {
    if (auto parsed = parse_listen_address(value); !parsed) return parsed.error().message;
  }
  if ((key.name == "rtsp.listen" || key.name == "rtsp.tls_listen") && !value.empty()) {
    if (auto parsed = parse_listen_address(value); !parsed) return parsed.error().message;
  }
  if (key.name == "data.dir" && value.empty()) return "must not be empty";
  if (key.name == "database.url" && !value.empty() && !value.starts_with("postgresql://") && !value.starts_with("postgres://")) {
    return "must begin with postgresql://";
  }
  (*get)(into) = value;
  return std::nullopt;
}

std::optional<std::string> assign_list(const Key& key, const Texts& value, Config& into) {
  auto* get = std::get_if<Get<Texts>>(&key.field);
  if (!get) return "must be " + expected(key);
  if (key.any_texts) {
    (*get)(into) = value;
    return std::nullopt;
  }
  if (value.empty()) return "must be " + expected(key);
  for (std::size_t i = 0; i < value.size(); ++i) {
    const bool known = std::ranges::find(key.choices, value[i]) != key.choices.end();
    const bool again = std::find(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(i), value[i]) !=
                       value.begin() + static_cast<std::ptrdiff_t>(i);
    if (!known || again) return "must be " + expected(key);
  }
  (*get)(into) = value;
  return std::nullopt;
}

/// Stands for the name in texts.
constexpr auto placeholder = "NAME";

bool is_slug(std::string_view text) {
  return !text.empty() && text.size() <= 40 &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; });
}

#define CCOC_NAMED(type, map, member) at<type>([name](Config& c) -> type& { return c.map[name].member; })

std::vector<Key> volume_keys(const std::string& name) {
  const auto full = [&](std::string_view key) { return fmt::format("volumes.{}.{}", name, key); };
  return {
      {.name = full("path"),
       .doc = "Folder of the footage, on a disk of its own. Of \"main\": footage in the data folder unless it is said here.",
       .field = CCOC_NAMED(std::string, volumes, path)},
      {.name = full("weight"),
       .doc = "Its share of the cameras among the volumes. 0: nothing is recorded here; what is here is kept and played, and\n"
              "days may be moved here.",
       .field = CCOC_NAMED(double, volumes, weight),
       .min = 0,
       .max = 1000},
      {.name = full("quota_gib"),
       .doc = "Most GiB of footage here, oldest deleted first; 0: as much as it holds.",
       .field = CCOC_NAMED(double, volumes, quota_gib),
       .min = 0,
       .max = any_size},
      {.name = full("min_free_gib"),
       .doc = "GiB always left free here, oldest footage deleted first; -1: as archive.min_free_gib says.",
       .field = CCOC_NAMED(double, volumes, min_free_gib),
       .min = -1,
       .max = any_size},
      {.name = full("encrypted"),
       .doc = "Write new footage encrypted (AES-256) with the key in the data folder, footage.key. Who loses the key loses it.",
       .field = CCOC_NAMED(bool, volumes, encrypted)},
      {.name = full("s3"),
       .doc = "https://HOST/BUCKET or https://HOST/BUCKET/PREFIX of an S3-compatible store, instead of a folder. Nothing is\n"
              "recorded there; days are moved there.",
       .field = CCOC_NAMED(std::string, volumes, s3)},
      {.name = full("s3_region"), .doc = "Region that requests are signed for.", .field = CCOC_NAMED(std::string, volumes, s3_region)},
      {.name = full("s3_access_key"),
       .doc = "Access key of the store. Empty: requests are not signed.",
       .field = CCOC_NAMED(std::string, volumes, s3_access_key)},
      {.name = full("s3_secret_key"),
       .doc = "Its secret; better in the environment: CCOC_VOLUMES__NAME__S3_SECRET_KEY.",
       .field = CCOC_NAMED(std::string, volumes, s3_secret_key),
       .secret = true},
  };
}

std::vector<Key> lifecycle_keys(const std::string& name) {
  const auto full = [&](std::string_view key) { return fmt::format("lifecycle.{}.{}", name, key); };
  return {
      {.name = full("to"), .doc = "Volume that footage is moved to.", .field = CCOC_NAMED(std::string, lifecycle, to)},
      {.name = full("after_days"),
       .doc = "When it is this old.",
       .field = CCOC_NAMED(double, lifecycle, after_days),
       .min = 0,
       .max = 3650},
      {.name = full("cameras"),
       .doc = "Of these cameras only; empty: of all.",
       .field = CCOC_NAMED(Texts, lifecycle, cameras),
       .any_texts = true},
      {.name = full("zones"),
       .doc = "Of cameras in these zones only; empty: in all.",
       .field = CCOC_NAMED(Texts, lifecycle, zones),
       .any_texts = true},
  };
}

std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

const std::vector<Key>& keys() {
  static const std::vector<Key> all = make_keys();
  return all;
}

const std::vector<Key>& named_keys() {
  static const std::vector<Key> all = [] {
    auto both = volume_keys(placeholder);
    std::ranges::move(lifecycle_keys(placeholder), std::back_inserter(both));
    return both;
  }();
  return all;
}

bool holds_named_sections(std::string_view section) { return section == "volumes" || section == "lifecycle"; }

std::optional<Key> find_key(std::string_view name) {
  const auto in = [&](const std::vector<Key>& all) -> std::optional<Key> {
    const auto found = std::ranges::find(all, name, &Key::name);
    return found == all.end() ? std::nullopt : std::optional(*found);
  };
  const auto first = name.find('.');
  const auto last = name.rfind('.');
  if (first == last) return in(keys());
  const auto section = name.substr(0, first);
  const std::string own(name.substr(first + 1, last - first - 1));
  if (!is_slug(own)) return std::nullopt;
  if (section == "volumes") return in(volume_keys(own));
  if (section == "lifecycle") return in(lifecycle_keys(own));
  return std::nullopt;
}

std::string_view nearest_key(std::string_view name) {
  if (const auto dot = name.find('.'); dot != std::string_view::npos && name.find('.', dot + 1) != std::string_view::npos) {
    const auto key = name.substr(name.rfind('.') + 1);
    const auto section = name.substr(0, dot + 1);
    const auto& all = named_keys();
    const auto near = std::ranges::min_element(all, {}, [&](const Key& known) {
      const std::string_view own = std::string_view(known.name).substr(known.name.rfind('.') + 1);
      return edits(key.substr(0, 64), own) + (known.name.starts_with(section) ? 0U : 10U);
    });
    return near->name;
  }
  // Long input is cut: whoever writes 10 kB into a key name gets an answer in no time, too.
  const auto part = name.substr(0, 64);
  const auto own_name = [](std::string_view full) { return full.substr(full.rfind('.') + 1); };
  return std::ranges::min_element(keys(), {},
                                  [&](const Key& key) {
                                    // The beginning of a key, or the right key in the wrong section is near.
                                    if (part.size() > 3 && key.name.starts_with(part)) return std::size_t{1};
                                    return std::min(edits(part, key.name), edits(own_name(part), own_name(key.name)) + 1);
                                  })
      ->name;
}

std::string expected(const Key& key) {
  if (std::holds_alternative<Get<bool>>(key.field)) return "true or false";
  if (std::holds_alternative<Get<std::int64_t>>(key.field)) {
    return fmt::format("a whole number from {} to {}", number(key.min), number(key.max));
  }
  if (std::holds_alternative<Get<double>>(key.field)) {
    return fmt::format("a number from {} to {}", number(key.min), number(key.max));
  }
  if (std::holds_alternative<Get<Duration>>(key.field)) {
    return fmt::format("seconds from {} to {}", number(key.min), number(key.max));
  }
  if (key.any_texts) return "a list of texts";
  if (std::holds_alternative<Get<Texts>>(key.field)) return "a list of " + choices_of(key) + ", each once";
  return key.choices.empty() ? "a text in quotes" : "one of " + choices_of(key);
}

std::optional<std::string> assign(const Key& key, const Value& value, Config& into) {
  if (const auto* flag = std::get_if<bool>(&value)) {
    auto* get = std::get_if<Get<bool>>(&key.field);
    if (!get) return "must be " + expected(key);
    (*get)(into) = *flag;
    return std::nullopt;
  }
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    return assign_number(key, static_cast<double>(*whole), true, into);
  }
  if (const auto* real = std::get_if<double>(&value)) return assign_number(key, *real, false, into);
  if (const auto* text = std::get_if<std::string>(&value)) return assign_string(key, *text, into);
  return assign_list(key, std::get<Texts>(value), into);
}

std::optional<std::string> assign_text(const Key& key, std::string_view text, Config& into) {
  if (std::holds_alternative<Get<std::string>>(key.field)) return assign(key, std::string(text), into);
  if (std::holds_alternative<Get<Texts>>(key.field)) {
    Texts list;
    for (std::size_t begin = 0; begin <= text.size();) {
      const auto end = std::min(text.find(',', begin), text.size());
      list.emplace_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
    return assign(key, list, into);
  }
  if (std::holds_alternative<Get<bool>>(key.field)) {
    if (text == "true" || text == "1") return assign(key, true, into);
    if (text == "false" || text == "0") return assign(key, false, into);
    return "must be " + expected(key);
  }
  const auto read = [&](auto number) -> std::optional<Value> {
    const auto* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || stopped != end) return std::nullopt;
    return number;
  };
  auto value = read(std::int64_t{});
  if (!value) value = read(double{});
  if (value) return assign(key, *value, into);
  return "must be " + expected(key);
}

std::string to_toml(const Key& key, const Config& config) {
  auto& c = const_cast<Config&>(config);  // the accessors hand out references; nothing is written here
  const auto quoted = [](const std::string& text) { return '"' + text + '"'; };
  return std::visit(
      [&](const auto& get) -> std::string {
        const auto& value = get(c);
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, bool>) return value ? "true" : "false";
        if constexpr (std::is_same_v<T, std::int64_t>) return std::to_string(value);
        if constexpr (std::is_same_v<T, double>) return number(value);
        if constexpr (std::is_same_v<T, Duration>) return number(static_cast<double>(value.count()) / 1e6);
        if constexpr (std::is_same_v<T, std::string>) return quoted(value);
        if constexpr (std::is_same_v<T, Texts>) return value.empty() ? "[]" : fmt::format("[\"{}\"]", fmt::join(value, "\", \""));
      },
      key.field);
}

std::vector<std::string> check_together(const Config& config) {
  std::vector<std::string> mistakes;
  const auto need = [&](bool holds, std::string_view sentence) {
    if (!holds) mistakes.emplace_back(sentence);
  };
  need(config.ingest.backoff_min <= config.ingest.backoff_max, "ingest.backoff_min_s must not be more than ingest.backoff_max_s");
  need(config.ingest.files.empty() || config.ingest.files.starts_with('/'), "ingest.files must be an absolute path");
  need(config.archive.fragment <= config.archive.segment, "archive.fragment_seconds must not be more than archive.segment_seconds");
  for (const auto& [name, volume] : config.volumes) {
    const auto is = [&](bool holds, std::string_view sentence) { need(holds, fmt::format("volumes.{}: {}", name, sentence)); };
    is(volume.s3.empty() || volume.path.empty(), "it has either path or s3, not both");
    is(name == "main" || !volume.s3.empty() || !volume.path.empty(), "it needs path, or s3");
    is(name != "main" || volume.s3.empty(), "footage is written to a disk first; give the store another name");
    is(volume.s3.empty() || volume.s3.starts_with("https://") || volume.s3.starts_with("http://"), "s3 must begin with https://");
    is(volume.s3_access_key.empty() == volume.s3_secret_key.empty(), "s3_access_key and s3_secret_key belong together");
  }
  bool written = !config.volumes.contains("main") || config.volumes.at("main").weight > 0;
  for (const auto& [name, volume] : config.volumes) written = written || (volume.s3.empty() && volume.weight > 0);
  need(written, "all volumes have weight 0: there is none to record to");
  for (const auto& [name, rule] : config.lifecycle) {
    need(rule.to == "main" || config.volumes.contains(rule.to),
         fmt::format("lifecycle.{}: there is no volume '{}' to move footage to", name, rule.to));
  }
  need(config.site.min_lat < config.site.max_lat, "site.min_lat must be less than site.max_lat");
  need(config.site.min_lon < config.site.max_lon, "site.min_lon must be less than site.max_lon");
  return mistakes;
}

}  // namespace ccoc::config_detail
