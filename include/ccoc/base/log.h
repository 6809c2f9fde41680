// The log: one line per event on standard error, UTC time first. Never a secret: whoever logs a URL
// strips its password before. Control characters are escaped, so a hostile name cannot forge a line.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "ccoc/base/result.h"
#include "ccoc/base/time.h"

namespace ccoc::log {

enum class Level { trace, debug, info, warn, error };

/// "trace" … "error"; anything else is `invalid_argument`.
Result<Level> parse_level(std::string_view name);

/// Lines below `level` are dropped. Thread-safe. Default: info.
void set_level(Level level);
bool enabled(Level level);

/// Sends every line (without its end of line) to `sink` instead of standard error; null restores it.
/// For tests. The sink is called by one thread at a time.
void set_sink(std::function<void(Level, std::string_view line)> sink);

/// Writes one line. Thread-safe. `module` is the part of the house that speaks ("ingest").
void write(Level level, std::string_view module, std::string_view message);
void vwrite(Level level, std::string_view module, fmt::string_view format, fmt::format_args arguments);

/// log::info("ingest", "{}: live after {} tries", camera, tries);
template <class... Args>
void debug(std::string_view module, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::debug)) vwrite(Level::debug, module, format, fmt::make_format_args(args...));
}
template <class... Args>
void info(std::string_view module, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::info)) vwrite(Level::info, module, format, fmt::make_format_args(args...));
}
template <class... Args>
void warn(std::string_view module, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::warn)) vwrite(Level::warn, module, format, fmt::make_format_args(args...));
}
template <class... Args>
void error(std::string_view module, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::error)) vwrite(Level::error, module, format, fmt::make_format_args(args...));
}

/// Lets each cause be said once, then again at most once per `every`. Thread-safe; at most 1024 causes
/// are remembered, the longest silent one is forgotten first.
class Throttle {
 public:
  explicit Throttle(Duration every = std::chrono::minutes{1}) : every_(every) {}

  /// nullopt: stay silent. Otherwise how often this cause was swallowed since it was last said.
  std::optional<std::uint64_t> admit(std::string_view cause, MonoTime now);

  /// warn() when the cause may be said; adds "(and N more times)".
  void warn(std::string_view module, std::string_view cause, std::string_view message, MonoTime now);

 private:
  struct Heard {
    MonoTime said;
    MonoTime last;
    std::uint64_t swallowed = 0;
  };
  Duration every_;
  std::mutex mutex_;
  std::map<std::string, Heard, std::less<>> causes_;
};

}  // namespace ccoc::log
