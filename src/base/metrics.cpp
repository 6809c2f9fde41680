#include "ccoc/base/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace ccoc::metrics {
namespace {

[[noreturn]] void broken(std::string_view name, const char* expectation) {
  std::fprintf(stderr, "metric '%.*s': %s\n", static_cast<int>(name.size()), name.data(), expectation);
  std::abort();
}

bool valid_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !name.empty() && (letter(name[0]) || name[0] == ':') &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || digit(c) || c == ':'; });
}

void append_escaped(std::string& to, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\') {
      to += "\\\\";
    } else if (c == '\n') {
      to += "\\n";
    } else if (c == '"' && quotes) {
      to += "\\\"";
    } else {
      to += c;
    }
  }
}

std::string render(const Labels& labels) {
  if (labels.empty()) return {};
  std::string text = "{";
  for (const auto& [name, value] : labels) {
    if (text.size() > 1) text += ',';
    text += name;
    text += "=\"";
    append_escaped(text, value, true);
    text += '"';
  }
  return text + '}';
}

std::string render(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {
  if (!std::ranges::is_sorted(bounds_, std::less_equal{})) broken("histogram", "its bounds must rise");
}

void Histogram::observe(double value) {
  const auto bucket = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

Exposition::Family& Exposition::family(std::string_view name, std::string_view help, std::string_view type) {
  auto found = families_.find(name);
  if (found == families_.end()) {
    if (!valid_name(name)) broken(name, "a name is made of letters, digits, '_' and ':'");
    found = families_.emplace(std::string(name), Family{std::string(help), type, {}}).first;
  } else if (found->second.type != type) {
    broken(name, "told with two types");
  }
  return found->second;
}

void Exposition::counter(std::string_view name, std::string_view help, const Labels& labels, double value) {
  family(name, help, "counter").samples += fmt::format("{}{} {}\n", name, render(labels), render(value));
}

void Exposition::gauge(std::string_view name, std::string_view help, const Labels& labels, double value) {
  family(name, help, "gauge").samples += fmt::format("{}{} {}\n", name, render(labels), render(value));
}

void Exposition::histogram(std::string_view name, std::string_view help, const Labels& labels, const Histogram& value) {
  auto& samples = family(name, help, "histogram").samples;
  std::uint64_t below = 0;
  for (std::size_t i = 0; i <= value.bounds().size(); ++i) {
    below += value.count(i);
    auto bucket = labels;
    bucket.emplace_back("le", i < value.bounds().size() ? render(value.bounds()[i]) : "+Inf");
    samples += fmt::format("{}_bucket{} {}\n", name, render(bucket), below);
  }
  samples += fmt::format("{}_sum{} {}\n", name, render(labels), render(value.sum()));
  samples += fmt::format("{}_count{} {}\n", name, render(labels), below);
}

std::string Exposition::text() const {
  std::string all;
  for (const auto& [name, family] : families_) {
    all += fmt::format("# HELP {} ", name);
    append_escaped(all, family.help, false);
    all += fmt::format("\n# TYPE {} {}\n{}", name, family.type, family.samples);
  }
  return all;
}

struct Registry::State {
  template <class T>
  struct Series {
    std::string name;
    std::string help;
    Labels labels;
    std::unique_ptr<T> value;
  };
  struct Collectors {
    std::mutex mutex;
    std::map<std::uint64_t, std::function<void(Exposition&)>> all;
    std::uint64_t next = 0;
  };

  template <class T, class Make>
  T& obtain(std::vector<Series<T>>& kind, std::string_view name, std::string_view help, const Labels& labels, Make make) {
    const std::lock_guard lock(mutex);
    for (auto& series : kind) {
      if (series.name == name && series.labels == labels) return *series.value;
    }
    if (!valid_name(name)) broken(name, "a name is made of letters, digits, '_' and ':'");
    const auto [known, first] = types.emplace(std::string(name), static_cast<void*>(&kind));
    if (!first && known->second != static_cast<void*>(&kind)) broken(name, "used with two types");
    return *kind.emplace_back(std::string(name), std::string(help), labels, make()).value;
  }

  mutable std::mutex mutex;
  std::map<std::string, void*> types;
  std::vector<Series<Counter>> counters;
  std::vector<Series<Gauge>> gauges;
  std::vector<Series<Histogram>> histograms;
  std::shared_ptr<Collectors> collectors = std::make_shared<Collectors>();
};

Registry::Registry() : state_(std::make_unique<State>()) {}
Registry::~Registry() = default;

Counter& Registry::counter(std::string_view name, std::string_view help, const Labels& labels) {
  return state_->obtain(state_->counters, name, help, labels, [] { return std::make_unique<Counter>(); });
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  return state_->obtain(state_->gauges, name, help, labels, [] { return std::make_unique<Gauge>(); });
}

Histogram& Registry::histogram(std::string_view name, std::string_view help, std::vector<double> bounds, const Labels& labels) {
  return state_->obtain(state_->histograms, name, help, labels, [&] { return std::make_unique<Histogram>(std::move(bounds)); });
}

Registry::Token Registry::add_collector(std::function<void(Exposition&)> collect) {
  const auto collectors = state_->collectors;
  const std::lock_guard lock(collectors->mutex);
  const auto id = collectors->next++;
  collectors->all.emplace(id, std::move(collect));
  return Token(nullptr, [collectors, id](void*) {
    const std::lock_guard removing(collectors->mutex);
    collectors->all.erase(id);
  });
}

std::string Registry::expose() const {
  Exposition reading;
  {
    const std::lock_guard lock(state_->mutex);
    for (const auto& series : state_->counters) {
      reading.counter(series.name, series.help, series.labels, static_cast<double>(series.value->value()));
    }
    for (const auto& series : state_->gauges) {
      reading.gauge(series.name, series.help, series.labels, series.value->value());
    }
    for (const auto& series : state_->histograms) {
      reading.histogram(series.name, series.help, series.labels, *series.value);
    }
  }
  {
    const std::lock_guard lock(state_->collectors->mutex);
    for (const auto& [id, collect] : state_->collectors->all) collect(reading);
  }
  return reading.text();
}

Registry& global() {
  static auto* registry = new Registry;  // leaked: threads may count while the program ends
  return *registry;
}

}  // namespace ccoc::metrics
