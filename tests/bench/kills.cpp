// kill -9 again and again under recording cameras: what each kill cost, and whether the archive is whole afterwards (faults.md 18).
#include <algorithm>
#include <random>
#include <thread>

#include "archive_check.h"
#include "measure.h"
#include "stage.h"

namespace ccoc::bench {
namespace {

using std::chrono::milliseconds;

UtcTime wall_clock() { return UtcTime{std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch())}; }

double ms(Duration span) { return static_cast<double>(span.count()) / 1000; }

struct Kill {
  UtcTime at;    ///< asked for
  UtcTime dead;  ///< the process was gone
};

/// Frames that were sent and are not in the archive although no kill explains it: between the last frame of one fragment and the
/// first of the next lies a kill, or nothing is missing.
struct Losses {
  Samples before_kill_ms;  ///< sent before a kill, and not kept
  std::uint64_t unexplained = 0;
};

void judge(const std::vector<UtcTime>& sent_at, const std::vector<std::uint64_t>& numbers, const std::vector<Kill>& kills, Losses& out) {
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    const auto missing = numbers[i] - numbers[i - 1] - 1;
    if (missing == 0) continue;
    const auto kill = std::ranges::find_if(kills, [&](const Kill& k) { return k.dead >= sent_at[i - 1] && k.at <= sent_at[i]; });
    if (kill == kills.end()) {
      out.unexplained += missing;
    } else {
      out.before_kill_ms.add(std::max(0.0, ms(kill->at - sent_at[i - 1])));
    }
  }
}

}  // namespace

Status measure_kills(const Options& options, Report& report) {
  Options own = options;
  own.sub_streams = false;
  const auto folder = fresh_folder(own, "kills");
  auto farm = FarmProcess::start(own, folder);
  if (!farm) return std::unexpected(farm.error());
  auto hub = HubProcess::start(own, *farm, folder);
  if (!hub) return std::unexpected(hub.error());
  std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<int> recording_ms{1000, 4000};
  std::vector<Kill> kills;
  Samples live_s;
  for (int number = 1; number <= own.kills; ++number) {
    std::this_thread::sleep_for(milliseconds{recording_ms(random)});
    Kill kill{wall_clock(), {}};
    hub->kill();
    kill.dead = wall_clock();
    const auto begin = std::chrono::steady_clock::now();
    auto again = HubProcess::start_alone(own, folder);
    if (!again) return std::unexpected(again.error().within("after kill " + std::to_string(number)));
    hub = std::move(again);
    if (!wait_until([&] { return hub->live_cameras().value_or(0) == own.cameras; }, std::chrono::seconds{60})) {
      return fail(ErrorCode::timeout, "after kill " + std::to_string(number) + " only " + std::to_string(hub->live_cameras().value_or(0)) +
                                          " cameras are live again");
    }
    live_s.add(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    kills.push_back(kill);
    if (number % 10 == 0) say(std::to_string(number) + " kills");
  }
  // The index is completed in the background: five hundred files a second.
  say("recording on, so that the index catches up");
  std::this_thread::sleep_for(std::chrono::seconds{20 + own.kills * own.cameras / 400});
  if (auto sent = farm->stop(); !sent) return std::unexpected(sent.error());
  wait_until([&] { return hub->live_cameras().value_or(0) == 0; }, std::chrono::seconds{10});
  if (auto stopped = hub->stop(); !stopped) return std::unexpected(stopped.error());

  say("reading the archive back");
  Losses losses;
  std::uint64_t files = 0, out_of_order = 0;
  for (int camera = 1; camera <= own.cameras; ++camera) {
    std::vector<UtcTime> sent_at;
    std::vector<std::uint64_t> numbers;
    const auto footage = read_footage(hub->footage(), camera, [&](const simulator::Stamp& stamp) {
      sent_at.push_back(stamp.sent);
      numbers.push_back(stamp.frame);
    });
    // A file that cannot be read to its end is the end of it.
    if (!footage) return std::unexpected(footage.error());
    files += footage->files;
    out_of_order += footage->out_of_order + footage->foreign;
    judge(sent_at, numbers, kills, losses);
  }
  auto check = Child::start({own.program, "archive", "check", "--verify", "--data", hub->data()}, folder + "/check.log");
  if (!check) return std::unexpected(check.error());
  wait_until([&] { return !check->running(); }, std::chrono::minutes{5});
  const auto verdict = tail(folder + "/check.log", 300);
  const bool agree = verdict.find("index and disk agree") != std::string::npos;

  const auto name = std::to_string(own.kills) + " × kill -9 under " + std::to_string(own.cameras) + " cameras";
  report.add({name + ": sent before a kill and not kept, per camera (p50, worst)",
              decimal(losses.before_kill_ms.at(0.5), 0) + " ms, " + decimal(losses.before_kill_ms.max(), 0) + " ms",
              "the fragment being written: ≤ 1 s, and what was under way (≤ 1.5 s)", losses.before_kill_ms.max() <= 1500});
  report.add({name + ": frames missing that no kill explains", std::to_string(losses.unexplained), "0", losses.unexplained == 0});
  report.add({name + ": frames twice or out of order", std::to_string(out_of_order), "0", out_of_order == 0});
  report.add({name + ": start to all cameras live (p50, worst)", decimal(live_s.at(0.5), 2) + " s, " + decimal(live_s.max(), 2) + " s",
              "≤ 5 s", live_s.max() <= 5});
  report.add(
      {name + ": every byte of " + std::to_string(files) + " files against checksum and index", agree ? "agree" : verdict, "agree", agree});
  remove_folder(own, folder);
  return {};
}

}  // namespace ccoc::bench
