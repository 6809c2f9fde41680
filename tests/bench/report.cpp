#include "report.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "ccoc/base/time.h"
#include "net.h"

namespace ccoc::bench {

double Samples::at(double fraction) const {
  if (values_.empty()) return std::nan("");
  if (!sorted_) std::ranges::sort(values_);
  sorted_ = true;
  const auto rank = std::ceil(fraction * static_cast<double>(values_.size()));
  const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  return values_[std::min(index, values_.size() - 1)];
}

std::string decimal(double value, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

std::string mebibytes(std::uint64_t bytes) { return decimal(static_cast<double>(bytes) / (1 << 20), 0) + " MiB"; }

namespace {

/// First line that a program prints; "–" when it is not there.
std::string first_line(const std::string& command) {
  std::array<char, 512> line{};
  FILE* pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return "–";
  const bool read = std::fgets(line.data(), line.size(), pipe) != nullptr;
  ::pclose(pipe);
  std::string out = read ? line.data() : "–";
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  return out;
}

std::string field(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    const auto at = line.find_first_not_of(" \t:=\"", key.size());
    auto out = at == std::string::npos ? std::string{} : line.substr(at);
    if (out.ends_with('"')) out.pop_back();
    return out;
  }
  return "unknown";
}

std::string file_system(const std::string& folder) {
  // The mount whose point is the longest prefix of the folder.
  std::ifstream mounts("/proc/self/mounts");
  std::string device, point, type, rest, best_point, best_type;
  while (mounts >> device >> point >> type && std::getline(mounts, rest)) {
    if (folder.starts_with(point) && point.size() >= best_point.size()) best_point = point, best_type = type;
  }
  return best_type.empty() ? "unknown" : best_type;
}

std::string machine(const Options& options) {
  utsname kernel{};
  ::uname(&kernel);
  const auto memory = std::strtod(field("/proc/meminfo", "MemTotal").c_str(), nullptr) / (1 << 20);
  auto processor = field("/proc/cpuinfo", "model name");
  std::string out;
  out += "Measured " + format_rfc3339(now_utc()).substr(0, 16) + "Z on " + std::to_string(::sysconf(_SC_NPROCESSORS_ONLN)) + " cores (" +
         processor + "), " + decimal(memory, 0) + " GiB, " + field("/etc/os-release", "PRETTY_NAME") + ", Linux " + kernel.release +
         ", footage on " + file_system(options.work) + ".\n";
  out += "Versions: " + first_line("'" + options.program + "' --version") + "; " + first_line("ffmpeg -version | cut -d' ' -f1-3") + "; " +
         first_line("gst-launch-1.0 --version | sed -n 2p") + "; " +
         first_line("ls /usr/lib/postgresql | sort -V | tail -n 1 | sed 's/^/PostgreSQL /'") + ".\n";
  return out;
}

std::string row(const std::vector<std::string>& cells) {
  std::string out = "|";
  for (const auto& cell : cells) out += " " + cell + " |";
  return out + "\n";
}

std::string table(const Table& content) {
  std::string out = "### " + content.title + "\n\n" + row(content.heads);
  out += row(std::vector<std::string>(content.heads.size(), "---"));
  for (const auto& cells : content.rows) out += row(cells);
  return out + "\n";
}

}  // namespace

bool Report::all_met() const {
  return std::ranges::all_of(figures_, [](const Figure& figure) { return figure.bar.empty() || figure.met; });
}

std::string Report::markdown(const Options& options) const {
  auto out = machine(options) + "\n";
  Table summary{"The hub", {"figure", "measured", "bar", ""}, {}};
  for (const auto& figure : figures_) {
    const std::string verdict = figure.bar.empty() ? "" : figure.met ? "met" : "**missed**";
    summary.rows.push_back({figure.what, figure.measured, figure.bar, verdict});
  }
  out += table(summary);
  for (const auto& content : tables_) out += table(content);
  for (const auto& text : notes_) out += "- " + text + "\n";
  return out;
}

Status write_between_markers(const std::string& document, const std::string& name, const std::string& text) {
  std::ifstream in(document, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  auto content = all.str();
  const std::string begin_mark = "<!-- " + name + ":begin -->\n", end_mark = "<!-- " + name + ":end -->";
  const auto begin = content.find(begin_mark);
  const auto end = content.find(end_mark);
  if (begin == std::string::npos || end == std::string::npos || end < begin) {
    return fail(ErrorCode::invalid_argument, document + " has no " + begin_mark.substr(0, begin_mark.size() - 1) + " and " + end_mark);
  }
  const auto from = begin + begin_mark.size();
  content.replace(from, end - from, text);
  std::ofstream file(document, std::ios::binary | std::ios::trunc);
  file << content;
  file.close();
  if (!file) return fail(ErrorCode::io, document + " cannot be written");
  return {};
}

}  // namespace ccoc::bench
