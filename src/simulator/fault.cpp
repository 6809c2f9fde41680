#include "ccoc/simulator/fault.h"

#include <algorithm>
#include <charconv>

namespace ccoc::simulator {
namespace {

constexpr std::pair<FaultKind, std::string_view> names[] = {{FaultKind::drop, "drop"},
                                                            {FaultKind::stall, "stall"},
                                                            {FaultKind::reboot, "reboot"},
                                                            {FaultKind::jump, "jump"},
                                                            {FaultKind::stray, "stray"}};
constexpr std::int64_t longest_s = 10LL * 365 * 86'400;

std::unexpected<Error> refuse(std::string_view spec, const std::string& why) {
  return fail(ErrorCode::invalid_argument,
              "the fault '" + std::string(spec.substr(0, 80)) + "' cannot be read: " + why +
                  "; write cam03:drop@10s, cam03:stall@10s+20s, cam03:reboot@10s+5s or cam03:jump@10s=+7200s, "
                  "with ,every=30s behind it to repeat it", "fault");
}

/// "10s", "1.5m", "-250ms" off the front of `text`.
std::optional<Duration> take_duration(std::string_view& text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  constexpr std::pair<std::string_view, double> units[] = {{"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}};
  for (const auto& [name, seconds] : units) {
    if (!text.starts_with(name)) continue;
    text.remove_prefix(name.size());
    value *= seconds;
    if (!(value > -static_cast<double>(longest_s) && value < static_cast<double>(longest_s))) return std::nullopt;
    return Duration{static_cast<std::int64_t>(value * 1e6)};
  }
  return std::nullopt;
}

std::optional<unsigned> camera_number(std::string_view text) {
  if (text == "all" || text == "*") return 0;
  if (!text.starts_with("cam")) return std::nullopt;
  text.remove_prefix(3);
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number == 0) return std::nullopt;
  return number;
}

}  // namespace

std::string_view to_string(FaultKind kind) {
  for (const auto& [k, name] : names) {
    if (k == kind) return name;
  }
  return "unknown";
}

Result<Fault> parse_fault(std::string_view spec) {
  Fault fault;
  const auto colon = spec.find(':');
  const auto at = spec.find('@');
  if (colon == std::string_view::npos || at == std::string_view::npos || at < colon) {
    return refuse(spec, "it is not CAMERA:KIND@TIME");
  }
  const auto camera = camera_number(spec.substr(0, colon));
  if (!camera) return refuse(spec, "the camera is cam01, cam02 … or all");
  fault.camera = *camera;
  const auto kind = spec.substr(colon + 1, at - colon - 1);
  const auto* named = std::find_if(std::begin(names), std::end(names), [&](const auto& n) { return n.second == kind; });
  if (named == std::end(names)) return refuse(spec, "no fault is called '" + std::string(kind.substr(0, 40)) + "'");
  fault.kind = named->first;
  auto rest = spec.substr(at + 1);
  const auto when = take_duration(rest);
  if (!when || when->count() < 0) return refuse(spec, "the time behind @ is not like 10s, 500ms, 2m or 1h");
  fault.at = *when;
  const bool lasts = fault.kind == FaultKind::stall || fault.kind == FaultKind::reboot;
  const bool jumps = fault.kind == FaultKind::jump || fault.kind == FaultKind::stray;
  if (lasts || jumps) {
    if (!rest.starts_with(lasts ? '+' : '=')) {
      return refuse(spec, lasts ? "how long it lasts is missing (+20s)" : "how far it jumps is missing (=+7200s)");
    }
    rest.remove_prefix(1);
    const auto value = take_duration(rest);
    if (!value || (lasts && value->count() <= 0)) return refuse(spec, "the duration is not like 10s, 500ms, 2m or 1h");
    (lasts ? fault.length : fault.amount) = *value;
  }
  if (constexpr std::string_view every = ",every="; rest.starts_with(every)) {
    rest.remove_prefix(every.size());
    const auto value = take_duration(rest);
    if (!value || value->count() < 100'000) return refuse(spec, "every= is at least 100ms");
    fault.every = *value;
  }
  if (!rest.empty()) return refuse(spec, "'" + std::string(rest.substr(0, 40)) + "' is not understood");
  return fault;
}

void FaultPlan::add(const Fault& fault) { faults_.push_back(fault); }

std::optional<Duration> FaultPlan::next() const {
  std::optional<Duration> out;
  for (const auto& f : faults_) {
    if (!out || f.at < *out) out = f.at;
  }
  return out;
}

std::vector<Fault> FaultPlan::take_due(Duration elapsed) {
  std::vector<Fault> due;
  std::erase_if(faults_, [&](Fault& f) {
    if (f.at > elapsed) return false;
    due.push_back(f);
    if (f.every.count() <= 0) return true;
    f.at += ((elapsed - f.at) / f.every + 1) * f.every;
    return false;
  });
  std::sort(due.begin(), due.end(), [](const Fault& a, const Fault& b) { return a.at < b.at; });
  return due;
}

}  // namespace ccoc::simulator
