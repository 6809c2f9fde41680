#include "crowd.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include "ccoc/simulator/stamp.h"
#include "net.h"
#include "report.h"
#include "rtsp_reader.h"
#include "stage.h"

namespace ccoc::bench {
namespace fs = std::filesystem;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t stamp_within = 2048;  ///< of a frame: parameter sets come before it
constexpr std::size_t unit_header = 24;     ///< of a binary message of /stream

/// What one viewer was given of one stream.
struct Seen {
  std::optional<std::uint64_t> last;
  Bytes first;  ///< the beginning of the frame that is coming (RTP)
};

struct Line {
  explicit Line(Socket s) : socket(std::move(s)) {}
  Socket socket;
  Bytes tail;  ///< the beginning of what has not come whole
  std::map<int, Seen> seen;
};

class Watcher {
 public:
  explicit Watcher(CrowdPlan plan) : plan_(std::move(plan)) {}
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  ~Watcher() { ::close(epoll_); }

  Status open_all() {
    const auto step = plan_.kind == CrowdPlan::Kind::rtsp ? 1u : static_cast<unsigned>(plan_.per_connection);
    for (std::size_t i = 0; i < plan_.streams.size(); i += step) {
      auto socket = plan_.kind == CrowdPlan::Kind::rtsp ? open_rtsp(i) : open_stream(i, step);
      if (!socket) return std::unexpected(socket.error().within("viewer " + std::to_string(i + 1)));
      lines_.push_back(std::make_unique<Line>(std::move(*socket)));
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = lines_.size() - 1;
      if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, lines_.back()->socket.fd(), &event) != 0) {
        return std::unexpected(errno_error(errno, "epoll_ctl"));
      }
      // Those that are there already must not wait for the others.
      if (auto turned = turn(0); !turned) return turned;
    }
    return {};
  }

  Status watch(steady_clock::time_point until, bool counting) {
    counting_ = counting;
    while (steady_clock::now() < until) {
      if (auto turned = turn(50); !turned) return turned;
    }
    return {};
  }

  bool all_see() const {
    for (const auto& line : lines_) {
      if (line->seen.size() < (plan_.kind == CrowdPlan::Kind::rtsp ? 1u : static_cast<unsigned>(plan_.per_connection))) return false;
      for (const auto& [id, seen] : line->seen) {
        if (!seen.last) return false;
      }
    }
    return true;
  }

  CrowdReport report() const {
    auto out = report_;
    out.viewers = plan_.streams.size();
    out.p50_ms = ms_.at(0.5);
    out.p99_ms = ms_.at(0.99);
    out.worst_ms = ms_.max();
    return out;
  }

 private:
  Result<Socket> open_rtsp(std::size_t i) {
    return play_rtsp(plan_.port, "rtsp://127.0.0.1:" + std::to_string(plan_.port) + "/" + plan_.streams[i], plan_.authorization);
  }

  Result<Socket> open_stream(std::size_t first, std::size_t count) {
    HttpClient http(plan_.port);
    http.authorization = plan_.authorization;
    // The hub takes 256 connections from one address: they come from several.
    auto opened = WebSocket::open(http, "/api/v1/stream", "127.0.0." + std::to_string(2 + lines_.size() / 200));
    if (!opened) return std::unexpected(opened.error());
    for (std::size_t id = 0; id < count && first + id < plan_.streams.size(); ++id) {
      const auto& stream = plan_.streams[first + id];
      const auto slash = stream.find('/');
      const auto sent = opened->send_text(R"({"op":"subscribe","id":)" + std::to_string(id) + R"(,"camera":")" + stream.substr(0, slash) +
                                          R"(","stream":")" + stream.substr(slash + 1) + R"(","position":"live"})");
      if (!sent) return std::unexpected(sent.error());
    }
    return std::move(*opened).take_socket();
  }

  Status turn(int timeout_ms) {
    epoll_event events[64];
    const int ready = ::epoll_wait(epoll_, events, 64, timeout_ms);
    for (int i = 0; i < ready; ++i) {
      auto& line = *lines_[events[i].data.u64];
      const auto kept = line.tail.size();
      if (kept + (1u << 17) > block_.size()) block_.resize(2 * block_.size());
      if (kept > 0) std::memcpy(block_.data(), line.tail.data(), kept);
      const auto count = ::recv(line.socket.fd(), block_.data() + kept, block_.size() - kept, MSG_DONTWAIT);
      if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (count <= 0) return fail(ErrorCode::unavailable, "the hub closed a viewer's connection");
      received_ = now_utc();
      if (counting_) report_.bytes += static_cast<std::uint64_t>(count);
      const auto bytes = ByteView(block_).first(kept + static_cast<std::size_t>(count));
      const auto taken = plan_.kind == CrowdPlan::Kind::rtsp ? take_packets(line, bytes) : take_messages(line, bytes);
      if (!taken) return std::unexpected(taken.error());
      line.tail.assign(bytes.begin() + static_cast<std::ptrdiff_t>(*taken), bytes.end());
    }
    return {};
  }

  /// RTP within RTSP (RFC 2326 §10.12): how much was whole.
  Result<std::size_t> take_packets(Line& line, ByteView bytes) {
    constexpr std::size_t framing = 4;
    std::size_t at = 0;
    auto& seen = line.seen[0];
    while (bytes.size() - at >= framing) {
      const std::size_t size = static_cast<std::size_t>(bytes[at + 2] << 8 | bytes[at + 3]);
      if (bytes.size() - at < framing + size) break;
      const auto packet = bytes.subspan(at + framing, size);
      if (bytes[at + 1] == 0 && size >= 12) {
        if (seen.first.size() < stamp_within) seen.first.insert(seen.first.end(), packet.begin(), packet.end());
        if ((packet[1] & 0x80) != 0) {
          count(seen, seen.first);
          seen.first.clear();
        }
      }
      at += framing + size;
    }
    return at;
  }

  /// Frames of RFC 6455 from a server, each a whole message, as the hub sends them.
  Result<std::size_t> take_messages(Line& line, ByteView bytes) {
    std::size_t at = 0;
    while (bytes.size() - at >= 2) {
      const auto view = bytes.subspan(at);
      std::uint64_t size = view[1] & 0x7f;
      const std::size_t extra = size == 126 ? 2 : size == 127 ? 8 : 0;
      if (view.size() < 2 + extra) break;
      if (extra > 0) size = 0;
      for (std::size_t i = 0; i < extra; ++i) size = size << 8 | view[2 + i];
      if (view.size() < 2 + extra + size) break;
      const auto payload = view.subspan(2 + extra, static_cast<std::size_t>(size));
      if ((view[0] & 0x0f) == 8) return fail(ErrorCode::unavailable, "the hub closed a viewer's WebSocket");
      if ((view[0] & 0x0f) == 1 && as_text(payload).find(R"("op":"error")") != std::string_view::npos) {
        return fail(ErrorCode::unavailable, "the hub said " + std::string(as_text(payload)));
      }
      if ((view[0] & 0x0f) == 2 && payload.size() > unit_header) {
        const int id = payload[2] << 8 | payload[3];
        count(line.seen[id], payload.subspan(unit_header));
      }
      at += 2 + extra + static_cast<std::size_t>(size);
    }
    return at;
  }

  void count(Seen& seen, ByteView frame) {
    const auto stamp = simulator::find_stamp(frame.first(std::min(frame.size(), stamp_within)));
    if (!stamp) return;
    if (counting_) {
      ++report_.frames;
      ms_.add(std::chrono::duration<double, std::milli>(received_ - stamp->sent).count());
      if (seen.last && stamp->frame > *seen.last + 1) report_.missing += stamp->frame - *seen.last - 1;
    }
    seen.last = stamp->frame;
  }

  const CrowdPlan plan_;
  const int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Line>> lines_;
  Bytes block_ = Bytes(1 << 20);
  UtcTime received_;
  bool counting_ = false;
  CrowdReport report_;
  Samples ms_;
};

}  // namespace

Result<Crowd> Crowd::start(const Options& options, const CrowdPlan& plan, const std::string& folder, const std::string& name) {
  const auto own = folder + "/" + name;
  fs::create_directories(own);
  {
    std::ofstream out(own + "/plan");
    out << (plan.kind == CrowdPlan::Kind::rtsp ? "rtsp" : "stream") << ' ' << plan.port << ' ' << plan.per_connection << ' '
        << plan.settle_s << ' ' << plan.seconds << '\n'
        << plan.authorization << '\n';
    for (const auto& stream : plan.streams) out << stream << '\n';
  }
  auto child = Child::start({options.tools + "/ccoc_bench", "crowd", own}, own + "/log");
  if (!child) return std::unexpected(child.error());
  return Crowd{std::move(*child), own};
}

Status Crowd::wait_for_all() {
  wait_until([&] { return !child_.running() || fs::exists(folder_ + "/ready"); }, std::chrono::minutes{1});
  if (fs::exists(folder_ + "/ready")) return {};
  return fail(ErrorCode::timeout, "not all viewers got pictures:\n" + tail(folder_ + "/log"));
}

Result<CrowdReport> Crowd::report() {
  wait_until([&] { return !child_.running(); }, std::chrono::minutes{2});
  CrowdReport out;
  std::ifstream in(folder_ + "/report");
  if (!(in >> out.viewers >> out.frames >> out.bytes >> out.missing >> out.p50_ms >> out.p99_ms >> out.worst_ms)) {
    return fail(ErrorCode::unavailable, "the viewers ended without a report:\n" + tail(folder_ + "/log"));
  }
  return out;
}

Status run_crowd(const std::string& folder) {
  CrowdPlan plan;
  std::ifstream in(folder + "/plan");
  std::string kind, line;
  in >> kind >> plan.port >> plan.per_connection >> plan.settle_s >> plan.seconds;
  std::getline(in, line);
  std::getline(in, plan.authorization);
  while (std::getline(in, line)) plan.streams.push_back(line);
  plan.kind = kind == "rtsp" ? CrowdPlan::Kind::rtsp : CrowdPlan::Kind::stream;
  Watcher watcher(plan);
  if (auto opened = watcher.open_all(); !opened) return opened;
  for (int tries = 0; tries < 60 && !watcher.all_see(); ++tries) {
    if (auto done = watcher.watch(steady_clock::now() + std::chrono::milliseconds{500}, false); !done) return done;
  }
  if (!watcher.all_see()) return fail(ErrorCode::timeout, "some viewers never got a picture");
  // The cached GOP and the start of everything are not latency.
  if (auto done = watcher.watch(steady_clock::now() + seconds{plan.settle_s}, false); !done) return done;
  std::ofstream(folder + "/ready") << "all\n";
  if (auto done = watcher.watch(steady_clock::now() + seconds{plan.seconds}, true); !done) return done;
  const auto report = watcher.report();
  std::ofstream out(folder + "/report.part");
  out << report.viewers << ' ' << report.frames << ' ' << report.bytes << ' ' << report.missing << ' ' << report.p50_ms << ' '
      << report.p99_ms << ' ' << report.worst_ms << '\n';
  out.close();
  fs::rename(folder + "/report.part", folder + "/report");
  return {};
}

}  // namespace ccoc::bench
