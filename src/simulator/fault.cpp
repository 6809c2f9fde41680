#include "ccoc/simulator/fault.h"

#include <algorithm>
#include <charconv>

namespace ccoc::simulator {
namespace {

enum class Part { no, maybe, needed };
enum class Value { none, duration, percent, ppm, channel };

struct Rule {
  FaultKind kind;
  std::string_view name;
  Part length = Part::maybe;
  Value value = Value::none;
};

constexpr Rule rules[] = {
    {FaultKind::drop, "drop", Part::no},
    {FaultKind::stall, "stall", Part::needed},
    {FaultKind::reboot, "reboot", Part::needed},
    {FaultKind::jump, "jump", Part::no, Value::duration},
    {FaultKind::stray, "stray", Part::no, Value::duration},
    {FaultKind::behave, "behave", Part::no},
    {FaultKind::busy, "busy"},
    {FaultKind::unauthorized, "unauthorized"},
    {FaultKind::missing, "missing"},
    {FaultKind::redirect, "redirect"},
    {FaultKind::tcponly, "tcponly"},
    {FaultKind::udponly, "udponly"},
    {FaultKind::nokeepalive, "nokeepalive"},
    {FaultKind::mute, "mute"},
    {FaultKind::nosprop, "nosprop"},
    {FaultKind::channels, "channels", Part::maybe, Value::channel},
    {FaultKind::garbage, "garbage"},
    {FaultKind::loss, "loss", Part::maybe, Value::percent},
    {FaultKind::duplicate, "duplicate", Part::maybe, Value::percent},
    {FaultKind::reorder, "reorder", Part::maybe, Value::percent},
    {FaultKind::nomarker, "nomarker"},
    {FaultKind::allmarkers, "allmarkers"},
    {FaultKind::noreports, "noreports"},
    {FaultKind::clock, "clock", Part::maybe, Value::duration},
    {FaultKind::freeze, "freeze"},
    {FaultKind::black, "black"},
    {FaultKind::drift, "drift", Part::maybe, Value::ppm},
};
constexpr std::int64_t longest_s = 10LL * 365 * 86'400;

std::unexpected<Error> refuse(std::string_view spec, const std::string& why) {
  return fail(ErrorCode::invalid_argument,
              "the fault '" + std::string(spec.substr(0, 80)) + "' cannot be read: " + why +
                  "; write cam03:drop@10s, cam03:stall@10s+20s, cam03:jump@10s=+7200s or all:loss@10s+30s=5%, "
                  "with ,every=30s behind it to repeat it",
              "fault");
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

const Rule& rule_of(FaultKind kind) { return *std::ranges::find(rules, kind, &Rule::kind); }

/// "5%", "500ppm", "6" into `fault`; nothing when it is out of range or followed by something else.
bool take_value(std::string_view& text, Value kind, Fault& fault) {
  if (kind == Value::duration) {
    const auto amount = take_duration(text);
    fault.amount = amount.value_or(Duration{0});
    return amount.has_value();
  }
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), fault.value, std::chars_format::fixed);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  const std::string_view unit = kind == Value::percent ? "%" : kind == Value::ppm ? "ppm" : "";
  if (!text.starts_with(unit)) return false;
  text.remove_prefix(unit.size());
  switch (kind) {
    case Value::percent: return fault.value > 0 && fault.value <= 100;
    case Value::ppm: return fault.value >= -100'000 && fault.value <= 100'000;
    default: return fault.value >= 0 && fault.value <= 254;
  }
}

}  // namespace

std::string_view to_string(FaultKind kind) { return rule_of(kind).name; }

bool is_condition(FaultKind kind) { return kind >= FaultKind::busy; }

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
  const auto* rule = std::ranges::find(rules, kind, &Rule::name);
  if (rule == std::end(rules)) {
    std::string known;
    for (const auto& each : rules) known += (known.empty() ? "" : ", ") + std::string(each.name);
    return refuse(spec, "no fault is called '" + std::string(kind.substr(0, 40)) + "'; there are " + known);
  }
  fault.kind = rule->kind;
  auto rest = spec.substr(at + 1);
  const auto when = take_duration(rest);
  if (!when || when->count() < 0) return refuse(spec, "the time behind @ is not like 10s, 500ms, 2m or 1h");
  fault.at = *when;
  if (rest.starts_with('+') && rule->length != Part::no) {
    rest.remove_prefix(1);
    const auto length = take_duration(rest);
    if (!length || length->count() <= 0) return refuse(spec, "the duration is not like 10s, 500ms, 2m or 1h");
    fault.length = *length;
  } else if (rule->length == Part::needed) {
    return refuse(spec, "how long it lasts is missing (+20s)");
  }
  if (rule->value != Value::none) {
    if (!rest.starts_with('=')) return refuse(spec, "the value is missing (=+7200s, =5%, =500ppm, =6)");
    rest.remove_prefix(1);
    if (!take_value(rest, rule->value, fault)) return refuse(spec, "the value is not like +7200s, 5%, 500ppm or 6");
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
