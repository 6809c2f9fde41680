// The index of a month of a thousand cameras: what it answers and how fast, what it takes to keep.
#include <algorithm>
#include <functional>
#include <random>

#include "archive_rows.h"
#include "ccoc/archive/archive.h"
#include "ccoc/db/database.h"
#include "ccoc/db/migrations.h"
#include "ccoc/db/private_server.h"
#include "measure.h"
#include "net.h"

namespace ccoc::bench {
namespace {

using archive::StreamKey;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr int wall = 60;  // cameras of one timeline
constexpr unsigned buckets = 1000;
constexpr int questions = 300;  // of each kind
constexpr int batches = 15;
constexpr int retention_steps = 30;
constexpr const char* timeline_bar = "≤ 20 ms p99";
constexpr double timeline_bar_ms = 20;

double ms_since(steady_clock::time_point begin) { return std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count(); }

std::string p50_p99(const Samples& samples) { return decimal(samples.at(0.5), 2) + " ms, " + decimal(samples.at(0.99), 2) + " ms"; }

class IndexBench {
 public:
  IndexBench(const RowPlan& plan, db::Database& database, archive::Archive& archive, Report& report)
      : plan_(plan), database_(database), archive_(archive), store_(archive::make_sql_segment_store(database)), report_(report) {}

  /// `only_read`: nothing is changed, so that the same index can be asked again.
  Status run(bool only_read) {
    for (auto step : {&IndexBench::timelines, &IndexBench::seeks, &IndexBench::batches_of_a_second, &IndexBench::retention,
                      &IndexBench::dropped_week}) {
      if (only_read && step != &IndexBench::timelines && step != &IndexBench::seeks) continue;
      if (auto done = (this->*step)(); !done) return done;
    }
    return {};
  }

 private:
  Status timelines() {
    say("timelines");
    for (const auto& [name, length] : {std::pair<const char*, Duration>{"an hour", hours{1}},
                                       {"three hours", hours{3}},
                                       {"a day", hours{24}},
                                       {"a week", hours{24 * 7}},
                                       {"the month", plan_.to - plan_.from()}}) {
      if (length > plan_.to - plan_.from()) continue;
      Samples taken;
      std::size_t spans = 0;
      for (int i = 0; i < questions; ++i) {
        const auto from = plan_.from() + random_of(plan_.to - plan_.from() - length);
        const auto cameras = some_cameras();
        const auto begin = steady_clock::now();
        const auto answer = archive_.catalog().timeline(cameras, "main", from, from + length, buckets);
        taken.add(ms_since(begin));
        if (!answer) return std::unexpected(answer.error().within("timeline"));
        for (const auto& camera : *answer) spans += camera.spans.size();
      }
      if (spans == 0) return fail(ErrorCode::internal, "the timelines are empty");
      report_.add({"timeline of " + std::to_string(std::min(wall, plan_.cameras)) + " cameras over " + name + " (p50, p99)", p50_p99(taken),
                   timeline_bar, taken.at(0.99) <= timeline_bar_ms});
    }
    return {};
  }

  Status seeks() {
    say("seeks in the index");
    const auto measure = [&](const char* name, const std::function<Status(const StreamKey&, UtcTime)>& ask) -> Status {
      Samples taken;
      for (int i = 0; i < questions; ++i) {
        const StreamKey key{plan_.camera(random_camera()), "main"};
        const auto at = plan_.from() + random_of(plan_.to - plan_.from());
        const auto begin = steady_clock::now();
        if (auto done = ask(key, at); !done) return std::unexpected(done.error().within(name));
        taken.add(ms_since(begin));
      }
      report_.add({std::string(name) + " (p50, p99)", p50_p99(taken), "", true});
      return {};
    };
    const auto status = [](const auto& answer) { return answer ? Status{} : Status(std::unexpected(answer.error())); };
    auto done = measure("the file at an instant", [&](const auto& key, UtcTime at) { return status(store_->at_or_after(key, at)); });
    if (done) done = measure("the file before an instant", [&](const auto& key, UtcTime at) { return status(store_->before(key, at)); });
    if (done)
      done =
          measure("the files of ten minutes", [&](const auto& key, UtcTime at) { return status(store_->find(key, at, at + minutes{10})); });
    if (done) done = measure("first and last footage of a camera", [&](const auto& key, UtcTime) { return status(store_->extent(key)); });
    return done;
  }

  /// All cameras begin a new file within one second: each closes one and opens one.
  Status batches_of_a_second() {
    say("batches");
    Samples taken;
    const Bytes levels(60, 100);
    for (int i = 0; i < batches; ++i) {
      archive::IndexBatch batch;
      for (int camera = 1; camera <= plan_.cameras; ++camera) {
        for (const int minute : {i - 1, i}) {
          if (minute < 0) continue;
          const auto start = plan_.to + minutes{minute};
          archive::Segment segment{"main", {plan_.camera(camera), "main"}, {}, start, start + minutes{1}, 30'000'000, 1, minute == i,
                                   levels};
          segment.path = segment.key.camera + "/main/" + format_day(start) + "/" + format_time_of_day(start) + ".mp4";
          batch.segments.push_back(std::move(segment));
        }
      }
      const auto begin = steady_clock::now();
      if (auto done = store_->apply(batch); !done) return done;
      if (i > 0) taken.add(ms_since(begin));
    }
    report_.add({"a second's batch of " + std::to_string(plan_.cameras) + " files closed and opened, of " + std::to_string(batches - 1) +
                     " (p50, worst)",
                 decimal(taken.at(0.5)) + " ms, " + decimal(taken.max()) + " ms", "", true});
    return {};
  }

  Status retention() {
    say("retention");
    auto begin = steady_clock::now();
    archive::RetentionPolicy policy;
    if (auto first = archive_.enforce_retention(policy); !first) return std::unexpected(first.error());
    report_.add({"all bytes of footage, counted for the first time", decimal(ms_since(begin) / 1000, 2) + " s", "", true});
    Samples idle, busy;
    std::uint64_t removed = 0;
    policy.days_of = [this](const std::string&) { return static_cast<unsigned>(plan_.days + 2); };
    for (int i = 0; i < 5; ++i) {
      begin = steady_clock::now();
      if (auto done = archive_.enforce_retention(policy); !done) return std::unexpected(done.error());
      idle.add(ms_since(begin));
    }
    policy.days_of = [this](const std::string&) { return static_cast<unsigned>(plan_.days - 1); };
    for (int i = 0; i < retention_steps; ++i) {
      begin = steady_clock::now();
      auto done = archive_.enforce_retention(policy);
      if (!done) return std::unexpected(done.error());
      busy.add(ms_since(begin));
      removed += done->files_removed;
    }
    report_.add({"retention by age looks and finds nothing (p50)", decimal(idle.at(0.5)) + " ms", "", true});
    report_.add({"retention by age removes " + std::to_string(removed / retention_steps) + " files (p50, worst)",
                 decimal(busy.at(0.5)) + " ms, " + decimal(busy.max()) + " ms", "", true});
    Samples by_age;
    for (int i = 0; i < 50; ++i) {
      begin = steady_clock::now();
      const auto oldest = store_->removable("main", plan_.to, 200);
      if (!oldest || oldest->size() != 200) return fail(ErrorCode::internal, "removable() found too little");
      by_age.add(ms_since(begin));
    }
    report_.add({"the 200 oldest files of all (p50, p99)", p50_p99(by_age), "", true});
    return {};
  }

  Status dropped_week() {
    const auto week = database_.query(
        "select name, pg_total_relation_size(name::regclass) from segment_partitions order by pg_total_relation_size(name::regclass) desc "
        "limit 1");
    if (!week) return std::unexpected(week.error());
    const auto begin = steady_clock::now();
    if (auto gone = database_.query("drop table " + (*week)[0].text(0)); !gone) return std::unexpected(gone.error());
    report_.add({"a week of the index, " + decimal(static_cast<double>((*week)[0].i64(1)) / 1e9, 2) + " GB, dropped in",
                 decimal(ms_since(begin)) + " ms", "", true});
    return {};
  }

  int random_camera() { return std::uniform_int_distribution<int>(1, plan_.cameras)(random_); }
  Duration random_of(Duration span) { return Duration{std::uniform_int_distribution<std::int64_t>(0, span.count())(random_)}; }
  std::vector<std::string> some_cameras() {
    std::vector<std::string> all;
    for (int camera = 1; camera <= plan_.cameras; ++camera) all.push_back(plan_.camera(camera));
    std::ranges::shuffle(all, random_);
    all.resize(std::min<std::size_t>(all.size(), wall));
    return all;
  }

  const RowPlan& plan_;
  db::Database& database_;
  archive::Archive& archive_;
  std::unique_ptr<archive::SegmentStore> store_;
  Report& report_;
  std::mt19937 random_{1};  // the same questions in every run
};

Status add_sizes(db::Database& database, Report& report) {
  const auto rows = database.query(R"(
    select coalesce(substring(relname from 'segments|timeline_hours|timeline_days|gaps'), 'other'), sum(pg_table_size(oid))::bigint,
           sum(pg_indexes_size(oid))::bigint, sum(greatest(reltuples, 0))::bigint, count(*)
    from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and relname ~ '^(segments_[0-9b]|timeline_|gaps)'
    group by 1 order by 2 desc)");
  if (!rows) return std::unexpected(rows.error());
  Table table{"The index on disk", {"table", "rows", "tables", "data GB", "indices GB"}, {}};
  double all = 0;
  for (const auto& row : *rows) {
    const auto data = static_cast<double>(row.i64(1)) / 1e9, indices = static_cast<double>(row.i64(2)) / 1e9;
    all += data + indices;
    table.rows.push_back(
        {"`" + row.text(0) + "`", std::to_string(row.i64(3)), std::to_string(row.i64(4)), decimal(data, 2), decimal(indices, 2)});
  }
  report.add(std::move(table));
  report.add({"the index on disk", decimal(all, 1) + " GB", "", true});
  return {};
}

RowPlan plan_of(std::int64_t rows) {
  RowPlan plan;
  plan.days = 30;
  plan.cameras = static_cast<int>(std::clamp<std::int64_t>(rows / (1440 * 30), 60, 5000));
  plan.days = static_cast<int>(std::clamp<std::int64_t>(rows / (std::int64_t{1440} * plan.cameras), 2, 30));
  plan.to = std::chrono::floor<std::chrono::days>(now_utc());
  return plan;
}

}  // namespace

Status measure_index(const Options& options, Report& report) {
  const auto folder = fresh_folder(options, "index");
  auto plan = plan_of(options.rows);
  std::unique_ptr<db::PrivateServer> server;
  auto url = options.index;
  if (url.empty()) {
    auto started = db::PrivateServer::start({.data_dir = folder});
    if (!started) return std::unexpected(started.error());
    server = std::move(*started);
    url = server->url();
    const auto begin = steady_clock::now();
    db::Database maker(db::DatabaseOptions{.url = url, .max_connections = 1, .statement_timeout = hours{1}});
    if (auto migrated = db::migrate(maker); !migrated) return std::unexpected(migrated.error());
    if (auto made = make_rows(maker, plan); !made) return made;
    report.add({"the rows of " + std::to_string(plan.cameras) + " cameras × " + std::to_string(plan.days) + " days made in",
                decimal(ms_since(begin) / 60'000) + " min", "", true});
  }
  db::Database database(db::DatabaseOptions{.url = url});
  const auto ends = database.query("select (max(day) + interval '1 day') at time zone 'UTC', count(distinct camera) from timeline_days");
  if (!ends) return std::unexpected(ends.error());
  plan.to = std::chrono::floor<std::chrono::days>((*ends)[0].utc(0));
  plan.cameras = static_cast<int>((*ends)[0].i64(1));
  if (auto added = add_sizes(database, report); !added) return added;
  const SystemClock clock;
  auto disk = open_disk(folder + "/footage");
  if (!disk) return std::unexpected(disk.error());
  auto archive = archive::Archive::open({{"main", std::shared_ptr<Disk>(std::move(*disk))}}, database, clock, {});
  if (!archive) return std::unexpected(archive.error());
  if (auto done = IndexBench(plan, database, **archive, report).run(options.only == "reads"); !done) return done;
  archive->reset();
  if (server) server->stop();
  remove_folder(options, folder);
  return {};
}

}  // namespace ccoc::bench
