// Figures about the hub in Prometheus' text format (version 0.0.4). Series that live as long as the
// program are counters, gauges and histograms held by reference; what comes and goes (cameras) is told
// by a collector at each reading. Incrementing takes no lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ccoc::metrics {

/// Names and values; the order is kept. Values may hold anything, they are escaped.
using Labels = std::vector<std::pair<std::string, std::string>>;

/// Only rises. Thread-safe.
class Counter {
 public:
  void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Goes up and down. Thread-safe.
class Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  void add(double amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// Counts observations up to each bound. Thread-safe; a reading may be one observation apart between
/// its sum and its counts.
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds);
  void observe(double value);
  const std::vector<double>& bounds() const { return bounds_; }
  /// Observations in bucket `index` alone; the last, index bounds().size(), has no upper bound.
  std::uint64_t count(std::size_t index) const { return counts_[index].load(std::memory_order_relaxed); }
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<double> sum_{0};
};

/// One reading in the making; given to collectors.
class Exposition {
 public:
  void counter(std::string_view name, std::string_view help, const Labels& labels, double value);
  void gauge(std::string_view name, std::string_view help, const Labels& labels, double value);
  void histogram(std::string_view name, std::string_view help, const Labels& labels, const Histogram& value);
  /// All families by name, each with its HELP and TYPE once.
  std::string text() const;

 private:
  struct Family {
    std::string help;
    std::string_view type;
    std::string samples;
  };
  Family& family(std::string_view name, std::string_view help, std::string_view type);
  std::map<std::string, Family, std::less<>> families_;
};

/// All series of one program. Thread-safe. Names match [a-zA-Z_:][a-zA-Z0-9_:]*, begin with `ccoc_` and
/// end in their unit (`_seconds`, `_bytes`, `_total`); a wrong name, or one name with two types, aborts.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// The series with this name and these labels, made at the first call; valid as long as the registry.
  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, std::vector<double> bounds, const Labels& labels = {});

  /// `collect` is called at each reading, on the reader's thread, until the returned token is destroyed;
  /// the token may not outlive the registry. Collectors must not add or remove collectors.
  using Token = std::shared_ptr<void>;
  [[nodiscard]] Token add_collector(std::function<void(Exposition&)> collect);

  /// The whole text of /metrics.
  std::string expose() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The program's own registry.
Registry& global();

}  // namespace ccoc::metrics
