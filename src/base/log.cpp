#include "ccoc/base/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <atomic>

namespace ccoc::log {
namespace {

constexpr std::array<std::string_view, 5> names = {"trace", "debug", "info", "warn", "error"};
constexpr std::size_t max_causes = 1024;

spdlog::level::level_enum of(Level level) { return static_cast<spdlog::level::level_enum>(level); }

class FunctionSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit FunctionSink(std::function<void(Level, std::string_view)> to) : to_(std::move(to)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    std::string_view text(line.data(), line.size());
    if (text.ends_with('\n')) text.remove_suffix(1);
    to_(static_cast<Level>(message.level), text);
  }
  void flush_() override {}

  std::function<void(Level, std::string_view)> to_;
};

std::atomic<Level> threshold{Level::info};

std::shared_ptr<spdlog::logger> make_logger(spdlog::sink_ptr sink) {
  auto made = std::make_shared<spdlog::logger>("ccoc", std::move(sink));
  made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %-7l %v", spdlog::pattern_time_type::utc);
  made->set_level(spdlog::level::trace);
  made->flush_on(spdlog::level::trace);
  return made;
}

/// The logger in use; swapped by set_sink only. Leaked, so that threads may log while the program ends.
std::atomic<std::shared_ptr<spdlog::logger>>& current() {
  static auto* logger = new std::atomic<std::shared_ptr<spdlog::logger>>(make_logger(std::make_shared<spdlog::sinks::stderr_sink_mt>()));
  return *logger;
}

/// One line stays one line, whatever a stranger put into a name.
std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x20 || code == 0x7f) {
      out += fmt::format("\\x{:02x}", code);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

Result<Level> parse_level(std::string_view name) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<Level>(i);
  }
  return fail(ErrorCode::invalid_argument, "a log level is one of trace, debug, info, warn, error", "log.level");
}

void set_level(Level level) { threshold.store(level, std::memory_order_relaxed); }

bool enabled(Level level) { return level >= threshold.load(std::memory_order_relaxed); }

void set_sink(std::function<void(Level, std::string_view line)> sink) {
  if (sink) {
    current().store(make_logger(std::make_shared<FunctionSink>(std::move(sink))));
  } else {
    current().store(make_logger(std::make_shared<spdlog::sinks::stderr_sink_mt>()));
  }
}

void write(Level level, std::string_view module, std::string_view message) {
  if (!enabled(level)) return;
  const auto line = fmt::format("[{}] {}", module, escaped(message));
  current().load()->log(of(level), spdlog::string_view_t(line.data(), line.size()));
}

void vwrite(Level level, std::string_view module, fmt::string_view format, fmt::format_args arguments) {
  write(level, module, fmt::vformat(format, arguments));
}

std::optional<std::uint64_t> Throttle::admit(std::string_view cause, MonoTime now) {
  const std::lock_guard lock(mutex_);
  const auto found = causes_.find(cause);
  if (found == causes_.end()) {
    if (causes_.size() >= max_causes) {
      auto oldest = causes_.begin();
      for (auto it = causes_.begin(); it != causes_.end(); ++it) {
        if (it->second.last < oldest->second.last) oldest = it;
      }
      causes_.erase(oldest);
    }
    causes_.emplace(cause, Heard{now, now, 0});
    return 0;
  }
  auto& heard = found->second;
  heard.last = now;
  if (now - heard.said < every_) {
    ++heard.swallowed;
    return std::nullopt;
  }
  heard.said = now;
  return std::exchange(heard.swallowed, 0);
}

void Throttle::warn(std::string_view module, std::string_view cause, std::string_view message, MonoTime now) {
  const auto swallowed = admit(cause, now);
  if (!swallowed) return;
  if (*swallowed == 0) {
    write(Level::warn, module, message);
  } else {
    write(Level::warn, module, fmt::format("{} (and {} more times)", message, *swallowed));
  }
}

}  // namespace ccoc::log
