// The archive over a real PostgreSQL and a real file system.
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <random>

#include "ccoc/archive/audit.h"
#include "support/footage.h"
#include "support/postgres.h"
#include "support/process.h"

namespace ccoc::archive {
namespace {

using namespace ccoc::test;
namespace fs = std::filesystem;

/// A folder on disk, a database, an archive over both that the test steps by hand.
class ArchiveIndex : public testing::Test {
 protected:
  void SetUp() override { boot(); }

  void boot() {
    recorder.reset();
    archive.reset();
    disk = open_disk((folder.path() / "footage").string()).value();
    archive = Archive::open({{"main", disk}}, *database, clock, {}).value();
    archive->recover();
  }
  void record(const StreamKey& key, const char* from, const char* to) {
    recorder.reset();
    recorder = archive->record(key).value();
    Camera camera(at(from));
    clock.advance_to(std::max(clock.utc_now(), at(from)));
    while (camera.time() < at(to)) {
      recorder->on_unit(camera.next());
      if (camera.time() - last_step > seconds{1}) {
        last_step = camera.time();
        clock.advance_to(std::max(clock.utc_now(), camera.time()));
        archive->step();
      }
    }
    recorder->on_interrupted(media::GapCause::camera, "the cable \"was\" pulled\xff\n");
    archive->step();
  }
  std::int64_t count(const char* sql) { return database->query(sql).value()[0].i64(0); }
  std::vector<VolumeSpec> volumes() const { return {{"main", disk}}; }
  std::string path_of(const std::string& relative) const { return (folder.path() / "footage" / relative).string(); }
  static std::vector<Finding> findings(const CheckReport& report) {
    std::vector<Finding> all;
    for (const auto& issue : report.issues) all.push_back(issue.finding);
    return all;
  }

  TemporaryFolder folder;
  std::unique_ptr<db::Database> database = fresh_database();
  FootageClock clock{at("2026-11-24T05:20:00.000Z")};
  std::shared_ptr<Disk> disk;
  std::unique_ptr<Archive> archive;
  std::unique_ptr<Recorder> recorder;
  UtcTime last_step;
};

/// So that the index thread answers in between, and stops when it is told to.
TEST_F(ArchiveIndex, rows_of_many_files_that_are_gone_are_forgotten_a_piece_at_a_time) {
  record(cam01, "2026-11-24T05:20:30.000Z", "2026-11-24T05:21:10.000Z");
  clock.advance(seconds{10});
  archive->step();
  const auto kept = count("select count(*) from segments");
  IndexBatch batch;
  for (int i = 0; i < 700; ++i) {
    const auto start = at("2026-11-23T00:00:00.000Z") + minutes{i};
    batch.segments.push_back(
        {"main", cam01, "cam01/main/2026-11-23/" + std::to_string(100000 + i) + "Z.mp4", start, start + minutes{1}, 1, 1, false, {}});
  }
  ASSERT_TRUE(make_sql_segment_store(*database)->apply(batch));
  boot();
  auto left = count("select count(*) from segments");
  ASSERT_EQ(left, kept + 700);
  for (int i = 0; i < 50 && left > kept; ++i) {
    clock.advance(seconds{1});
    archive->step();
    const auto now = count("select count(*) from segments");
    EXPECT_LE(left - now, 250);
    left = now;
  }
  EXPECT_EQ(left, kept);
}

TEST_F(ArchiveIndex, holds_a_row_per_file_and_a_gap_with_its_reason) {
  record(cam01, "2026-11-24T05:20:30.000Z", "2026-11-24T05:22:30.000Z");
  clock.advance(seconds{10});
  archive->step();
  EXPECT_EQ(count("select count(*) from segments where closed"), 3);
  EXPECT_EQ(count("select count(*) from gaps where cause = 'camera' and ends_at is null"), 1);
  record(cam01, "2026-11-24T05:23:00.000Z", "2026-11-24T05:23:10.000Z");
  EXPECT_EQ(count("select count(*) from gaps where cause = 'camera' and ends_at - starts_at = interval '30 s'"), 1);
  const auto gap = archive->catalog().gaps(cam01, at("2026-11-24T05:22:00.000Z"), at("2026-11-24T05:23:00.000Z")).value();
  ASSERT_EQ(gap.size(), 1u);
  EXPECT_EQ(gap[0].reason, "the cable \"was\" pulled?\n") << "what is no UTF-8 does not stop the index";
  EXPECT_EQ(gap[0].from, at("2026-11-24T05:22:30.000Z"));
}

TEST_F(ArchiveIndex, answers_as_the_model_index_does) {
  record(cam01, "2026-11-24T05:20:00.000Z", "2026-11-24T05:22:30.000Z");
  record(cam01, "2026-11-24T05:23:10.000Z", "2026-11-24T05:25:10.000Z");
  recorder.reset();
  archive->step();
  const auto store = make_sql_segment_store(*database);
  auto tables = std::make_shared<sim::IndexTables>();
  sim::MemorySegmentStore model(tables);
  IndexBatch batch;
  for (const char* t : {"05:20", "05:21", "05:22", "05:23", "05:24", "05:25"}) {
    auto found = store->at_or_after(cam01, at((std::string("2026-11-24T") + t + ":05.000Z").c_str())).value();
    if (found) batch.segments.push_back(*found);
  }
  ASSERT_TRUE(model.apply(batch));
  const auto paths = [](const auto& segments) {
    std::vector<std::string> all;
    for (const auto& s : segments) all.push_back(s.path + " " + std::to_string(s.bytes) + " " + format_rfc3339(s.end));
    return all;
  };
  const auto path = [&](const std::optional<Segment>& s) { return s ? paths(std::vector{*s}) : paths(std::vector<Segment>{}); };
  const auto begin = at("2026-11-24T05:19:00.000Z");
  for (auto t = begin; t < begin + minutes{8}; t += seconds{7}) {
    EXPECT_EQ(path(store->at_or_after(cam01, t).value()), path(model.at_or_after(cam01, t).value())) << format_rfc3339(t);
    EXPECT_EQ(path(store->before(cam01, t).value()), path(model.before(cam01, t).value())) << format_rfc3339(t);
    for (const auto length : {seconds{1}, seconds{50}, seconds{150}}) {
      EXPECT_EQ(paths(store->find(cam01, t, t + length).value()), paths(model.find(cam01, t, t + length).value()));
    }
  }
  EXPECT_EQ(store->extent(cam01).value(), model.extent(cam01).value());
  EXPECT_EQ(store->total_bytes().value(), model.total_bytes().value());
  EXPECT_EQ(store->cameras().value(), (std::vector<std::string>{"cam01"}));
  EXPECT_EQ(paths(store->oldest("cam01", "main", begin + minutes{5}, 2).value()),
            paths(model.oldest("cam01", "main", begin + minutes{5}, 2).value()));
}

TEST_F(ArchiveIndex, draws_timelines_of_several_cameras) {
  record(cam01, "2026-11-24T05:20:00.000Z", "2026-11-24T05:22:30.000Z");
  record(cam01, "2026-11-24T05:23:10.000Z", "2026-11-24T05:25:10.000Z");
  record({"cam02", "main"}, "2026-11-24T05:21:00.000Z", "2026-11-24T05:22:00.000Z");
  recorder.reset();
  archive->step();
  const std::vector<std::string> cameras{"cam02", "cam99", "cam01"};
  const auto from = at("2026-11-24T05:20:00.000Z");
  const auto timelines = archive->catalog().timeline(cameras, "main", from, from + minutes{5}, 10).value();
  ASSERT_EQ(timelines.size(), 3u);
  EXPECT_EQ(timelines[0].camera, "cam02");
  EXPECT_EQ(timelines[0].spans, (std::vector<Span>{{from + minutes{1}, from + minutes{2}}}));
  EXPECT_EQ(timelines[0].activity.size(), 10u);
  for (const std::size_t outside : {0u, 1u, 4u, 5u, 9u}) EXPECT_EQ(timelines[0].activity[outside], 0.0) << outside;
  EXPECT_TRUE(timelines[1].spans.empty());
  EXPECT_EQ(timelines[2].spans, (std::vector<Span>{{from, from + seconds{150}}, {from + seconds{190}, from + seconds{300}}}));
  ASSERT_EQ(timelines[2].gaps.size(), 1u);
  EXPECT_EQ(timelines[2].gaps[0].cause, media::GapCause::camera);
}

TEST_F(ArchiveIndex, is_complete_after_postgresql_was_away) {
  record(cam01, "2026-11-24T05:20:00.000Z", "2026-11-24T05:20:30.000Z");
  // A hub of its own database URL that leads nowhere: as if the server were gone.
  db::Database nowhere(db::DatabaseOptions{.url = "host=/tmp/ccoc-no-such-socket dbname=x", .connect_timeout = milliseconds{200}});
  recorder.reset();
  archive->stop();
  archive = Archive::open({{"main", disk}}, nowhere, clock, {}).value();
  archive->recover();
  record({"cam02", "main"}, "2026-11-24T05:21:00.000Z", "2026-11-24T05:24:30.000Z");
  EXPECT_FALSE(archive->index_status().reachable);
  EXPECT_EQ(archive->recordings().at({"cam02", "main"}).frames_dropped, 0u);
  recorder.reset();
  archive->stop();  // without ever reaching it: the rows are lost, the files are not
  boot();
  for (int i = 0; i < 5; ++i) archive->step();
  EXPECT_EQ(count("select count(*) from segments where camera = 'cam02' and closed"), 4);
  const auto report = check(volumes(), *database).value();
  EXPECT_TRUE(report.clean()) << report.issues[0].path << ": " << report.issues[0].detail;
}

TEST_F(ArchiveIndex, catches_up_when_the_server_comes_back) {
  archive->start();
  recorder = archive->record(cam01).value();
  Camera camera(at("2026-11-24T05:20:00.000Z"));
  camera.run_until(at("2026-11-24T05:22:10.000Z"), *recorder);
  ASSERT_TRUE(eventually([&] { return count("select count(*) from segments") == 3; }));
  const auto killed = postgres().pid();
  ASSERT_EQ(::kill(killed, SIGKILL), 0);
  camera.run_until(at("2026-11-24T05:25:10.000Z"), *recorder);
  ASSERT_TRUE(eventually([&] { return postgres().pid() > 0 && postgres().pid() != killed; }));
  ASSERT_TRUE(eventually([&] { return database->ping() && count("select count(*) from segments") == 6; }));
  EXPECT_EQ(recorder->status().frames_dropped, 0u);
  recorder.reset();
  archive->stop();
  EXPECT_EQ(count("select count(*) from segments where not closed"), 0);
}

TEST_F(ArchiveIndex, check_finds_what_hands_did_to_disk_and_index) {
  record(cam01, "2026-11-24T05:20:00.000Z", "2026-11-24T05:24:30.000Z");
  recorder.reset();
  archive->step();
  ASSERT_TRUE(check(volumes(), *database).value().clean());
  const std::string day = "cam01/main/2026-11-24/";
  ASSERT_EQ(::unlink(path_of(day + "052100Z.mp4").c_str()), 0);
  fs::copy_file(path_of(day + "052200Z.mp4"), path_of(day + "052230Z.mp4"));
  fs::resize_file(path_of(day + "052300Z.mp4"), fs::file_size(path_of(day + "052300Z.mp4")) - 100);
  fs::resize_file(path_of(day + "052400Z.mp4"), fs::file_size(path_of(day + "052400Z.mp4")) + 100);
  fs::copy_file("/etc/passwd", path_of(day + "060000Z.mp4"));
  const auto report = check(volumes(), *database).value();
  auto all = findings(report);
  std::ranges::sort(all);
  EXPECT_EQ(all, (std::vector{Finding::unindexed_file, Finding::missing_file, Finding::torn_tail, Finding::torn_tail,
                              Finding::size_mismatch, Finding::overlap, Finding::unreadable}));
  for (const auto& issue : report.issues) EXPECT_FALSE(issue.detail.empty());
}

TEST_F(ArchiveIndex, reindex_makes_the_table_anew_from_the_files_alone) {
  record(cam01, "2026-11-24T05:20:00.000Z", "2026-11-24T05:24:30.000Z");
  record({"cam02", "sub"}, "2026-11-24T05:20:00.000Z", "2026-11-24T05:22:30.000Z");
  recorder.reset();
  archive->step();
  const char* sum = "select hashtext(string_agg(s::text, '|' order by path)) from segments s";
  const auto before = count(sum);
  ASSERT_TRUE(database->execute("delete from segments"));
  ASSERT_TRUE(database->query("select make_segment_partitions('2020-01-01Z', '2020-01-01Z')"));
  ASSERT_TRUE(
      database->execute("insert into segments values ('main', 'cam01/main/2020-01-01/000000Z.mp4', 'cam01', 'main', "
                        "'2020-01-01Z', '2020-01-02Z', 1, 1, true)"));
  const auto report = reindex(volumes(), *database).value();
  EXPECT_EQ(report.files, 8u);
  EXPECT_TRUE(report.skipped.empty());
  EXPECT_EQ(count(sum), before);
  EXPECT_TRUE(check(volumes(), *database).value().clean());
}

TEST_F(ArchiveIndex, keeps_the_timeline_by_hours_in_step_with_the_files) {
  const auto hours_as_new = [&] {
    const char* sum = "select hashtext(coalesce(string_agg(t::text, '|' order by camera, stream, hour), '')) from timeline_hours t";
    const auto kept = count(sum);
    EXPECT_TRUE(database->query("select fill_all_timeline_hours()"));
    return kept == count(sum);
  };
  record(cam01, "2026-11-24T05:57:30.000Z", "2026-11-24T06:02:20.000Z");
  record(cam01, "2026-11-24T06:03:10.000Z", "2026-11-24T06:04:00.000Z");
  record({"cam02", "main"}, "2026-11-24T06:10:00.000Z", "2026-11-24T06:11:00.000Z");
  recorder.reset();
  archive->step();
  EXPECT_EQ(count("select count(*) from timeline_hours"), 3);
  EXPECT_TRUE(hours_as_new());
  const auto from = at("2026-11-24T05:00:00.000Z");
  const std::vector<std::string> cameras{"cam01"};
  const std::vector<Span> spans{{at("2026-11-24T05:57:30.000Z"), at("2026-11-24T06:02:20.000Z")},
                                {at("2026-11-24T06:03:10.000Z"), at("2026-11-24T06:04:00.000Z")}};
  for (const auto length : {hours{2}, hours{20}}) {
    EXPECT_EQ(archive->catalog().timeline(cameras, "main", from, from + length, 100).value()[0].spans, spans);
  }
  // Retention takes the oldest first.
  clock.advance(hours{100});
  RetentionPolicy policy;
  policy.max_bytes = 1;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(archive->enforce_retention(policy, 3));
    archive->step();
    EXPECT_TRUE(hours_as_new()) << i;
  }
  EXPECT_EQ(count("select count(*) from timeline_hours"), 0);
}

TEST_F(ArchiveIndex, finds_its_way_by_index_among_many_rows) {
  ASSERT_TRUE(database->query("select make_segment_partitions('2026-08-31Z', '2026-11-30Z')"));
  ASSERT_TRUE(database->execute(
      "insert into segments select 'main', 'cam' || c || '/main/' || i || '.mp4', 'cam' || c, 'main', "
      "timestamptz '2026-10-01Z' + i * interval '1 min', timestamptz '2026-10-01Z' + (i + 1) * interval '1 min', 30000000, 1, true, "
      "decode(repeat(to_hex(100 + (i % 100 = 50)::int * 56), 60), 'hex'), 100 + (i % 100 = 50)::int * 56 "
      "from generate_series(1, 20) c, generate_series(0, 9999) i"));
  for (int day = 1; day <= 7; ++day) {
    ASSERT_TRUE(database->query("select fill_timeline_of_day('2026-10-0" + std::to_string(day) + "Z')"));
  }
  ASSERT_TRUE(database->execute("analyze segments"));
  const auto plan = [&](const std::string& sql) {
    std::string text;
    const auto rows = database->query("explain " + sql).value();
    for (const auto& row : rows) text += row.text(0) + "\n";
    return text;
  };
  const std::string by_stream = "from segments where camera = 'cam7' and stream = 'main' and closed ";
  for (const auto& sql : {
           "select path " + by_stream + "and starts_at < '2026-10-03Z' order by starts_at desc limit 1",
           "select path " + by_stream + "and ends_at > '2026-10-03Z' and starts_at >= coalesce((select max(starts_at) " + by_stream +
               "and starts_at <= '2026-10-03Z'), '2026-10-03Z') order by starts_at limit 1",
           std::string("select path from segments where closed and ends_at < '2026-10-03Z' and starts_at < '2026-10-03Z' order by "
                       "starts_at limit 200"),
           std::string("select path from segments where not closed order by volume, path"),
           std::string("select peaks from timeline_hours where camera = 'cam7' and stream = 'main' and hour > '2026-10-02Z' and hour < "
                       "'2026-10-03Z'"),
       }) {
    for (const auto* table : {"Seq Scan on segments_2026_09_28", "Seq Scan on segments_2026_10_05", "Seq Scan on timeline"}) {
      EXPECT_EQ(plan(sql).find(table), std::string::npos) << sql << "\n" << plan(sql);
    }
  }
  // A question with limits of time looks into the weeks it concerns; one without into one week after the other, no further
  // than the answer is (an append with a limit, no merge and no sort).
  const auto near =
      plan("select path " + by_stream + "and starts_at < '2026-10-03Z' and starts_at >= '2026-10-01Z' order by starts_at desc limit 1");
  EXPECT_NE(near.find("segments_2026_09_28"), std::string::npos) << near;
  EXPECT_EQ(near.find("segments_2026_10_05"), std::string::npos) << near;
  for (const auto* order : {"", " desc"}) {
    const auto far = plan("select path " + by_stream + "order by starts_at" + order + " limit 1");
    EXPECT_EQ(far.find("Sort"), std::string::npos) << far;
    EXPECT_EQ(far.find("Merge"), std::string::npos) << far;
  }
  // What is due of many cameras: one after the other, no further than the answer is.
  const auto due = plan(
      "select f.path from rows from (json_to_recordset('[{\"camera\": \"cam1\"}, {\"camera\": \"cam2\"}]') as (camera text)) "
      "with ordinality as w(camera, n), lateral (select path, starts_at from segments where closed and camera = w.camera "
      "and stream = 'main' and starts_at < '2026-10-03Z' order by starts_at limit 200) f order by w.n, f.starts_at limit 200");
  EXPECT_NE(due.find("Presorted Key: w.n"), std::string::npos) << due;
  EXPECT_NE(due.find("camera = w.camera"), std::string::npos) << due;
  EXPECT_EQ(due.find("Seq Scan on segments_2026_09_28"), std::string::npos) << due;
  EXPECT_EQ(due.find("segments_2026_10_05"), std::string::npos) << due;
  const std::vector<std::string> cameras{"cam1", "cam2", "cam3"};
  const auto from = at("2026-10-02T00:00:00.000Z");
  const auto day = archive->catalog().timeline(cameras, "main", from, from + hours{24}, 500).value();
  for (const auto& timeline : day) {
    EXPECT_EQ(timeline.spans, (std::vector<Span>{{from, from + hours{24}}}));
    ASSERT_EQ(timeline.activity.size(), 500u);
    // One busy minute in each hundred, four times as busy: it touches one bucket or two of 173 s.
    std::size_t busy = 0;
    for (const double value : timeline.activity) {
      EXPECT_TRUE(value == 0 || value == 1) << value;
      busy += value > 0;
    }
    EXPECT_GE(busy, 14u);
    EXPECT_LE(busy, 30u);
  }
  const auto busy_from = at("2026-10-01T00:50:00.000Z");
  const auto busy = archive->catalog().timeline(cameras, "main", busy_from - minutes{1}, busy_from + minutes{2}, 180).value();
  for (const auto& timeline : busy) {
    for (std::size_t i = 0; i < 180; ++i) EXPECT_EQ(timeline.activity[i] > 0.5, i >= 60 && i < 120) << i;
  }
}

TEST_F(ArchiveIndex, footage_that_rotted_is_found_by_the_scrubber_and_by_check) {
  record({"cam01", "main"}, "2026-11-24T05:24:00.000Z", "2026-11-24T05:26:30.000Z");
  clock.advance(hours{2});
  ASSERT_TRUE(archive->scrub());
  EXPECT_TRUE(archive->damage(10).value().empty());
  EXPECT_EQ(archive->volumes().at(0).scrub.reached_at, at("2026-11-24T05:26:00.000Z"));
  const auto path = path_of("cam01/main/2026-11-24/052500Z.mp4");
  const int fd = ::open(path.c_str(), O_RDWR);
  ASSERT_GE(fd, 0);
  char byte = 0;
  ASSERT_EQ(::pread(fd, &byte, 1, 30'000), 1);
  byte ^= 1;
  ASSERT_EQ(::pwrite(fd, &byte, 1, 30'000), 1);
  ::close(fd);
  EXPECT_TRUE(check(volumes(), *database).value().clean()) << "its structure is whole";
  EXPECT_EQ(findings(check(volumes(), *database, true).value()), std::vector{Finding::damaged});

  boot();  // a new hub goes on where the last one was, and begins again in a month
  archive->step();
  clock.advance(hours{24 * 31});
  ASSERT_TRUE(archive->scrub());
  ASSERT_TRUE(archive->scrub());
  clock.advance(seconds{5});
  ASSERT_TRUE(archive->scrub());
  const auto found = archive->damage(10).value();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].path, "cam01/main/2026-11-24/052500Z.mp4");
  EXPECT_EQ(found[0].key.camera, "cam01");
  EXPECT_LT(found[0].offset, 30'000u);
}

/// The index alone, told by hand.
class IndexRows : public testing::Test {
 protected:
  static Segment segment(const std::string& camera, UtcTime start, Duration length = minutes{1}) {
    Segment made{"main", {camera, "main"}, {}, start, start + length, 1000, 1, false, Bytes(60, 100)};
    made.path = camera + "/main/" + format_day(start) + "/" + format_time_of_day(start) + ".mp4";
    return made;
  }
  void apply(std::vector<Segment> segments, std::vector<SegmentId> removed = {}, std::vector<Gap> gaps = {}) {
    const auto done = store->apply({std::move(segments), std::move(removed), std::move(gaps)});
    EXPECT_TRUE(done) << done.error().message;
  }
  std::int64_t count(const std::string& sql) { return database->query(sql).value()[0].i64(0); }
  std::int64_t partitions() { return count("select count(*) from segment_partitions"); }

  std::unique_ptr<db::Database> database = fresh_database();
  std::unique_ptr<SegmentStore> store = make_sql_segment_store(*database);
};

TEST_F(IndexRows, of_any_day_have_their_week) {
  const auto begun = at("1970-01-01T00:00:03.000Z"), now = at("2026-11-24T05:20:00.000Z"), far = at("2099-12-31T23:59:30.000Z");
  const auto before = partitions();
  apply({segment("cam01", begun), segment("cam01", now), segment("cam01", far)});
  // One for each, and one ahead of the newest; this week's and the next may have been there.
  EXPECT_GE(partitions(), before + 3);
  EXPECT_EQ(store->at_or_after(cam01, begun).value()->start, begun);
  EXPECT_EQ(store->at_or_after(cam01, begun + hours{1}).value()->start, now) << "the next one, fifty-six years on";
  EXPECT_EQ(store->before(cam01, far - hours{1}).value()->start, now);
  EXPECT_EQ(store->before(cam01, now).value()->start, begun);
  EXPECT_EQ(store->find(cam01, begun, far + hours{1}).value().size(), 3u);
  EXPECT_EQ(store->extent(cam01).value(), (Span{begun, far + minutes{1}}));
  EXPECT_EQ(store->removable("main", now + hours{1}, 10).value().size(), 2u);
  EXPECT_EQ(store->oldest({}, {}, far + hours{1}, 2).value().back().start, now);
  EXPECT_EQ(store->total_bytes().value().at("main"), 3000u);
}

TEST_F(IndexRows, that_are_due_are_those_the_model_index_names) {
  auto tables = std::make_shared<sim::IndexTables>();
  sim::MemorySegmentStore model(tables);
  const auto begin = at("2026-11-20T00:00:00.000Z");
  std::mt19937_64 random{7};
  const auto below = [&](int limit) { return static_cast<int>(random() % static_cast<unsigned>(limit)); };
  IndexBatch batch;
  for (int i = 0; i < 300; ++i) {
    auto made = segment("cam0" + std::to_string(below(8)),
                        (i % 30 == 0 ? at("1970-01-02T00:00:00.000Z") : begin) + seconds{i * 1800 + below(1000)});
    made.key.stream = below(3) == 0 ? "sub" : "main";
    made.volume = below(4) == 0 ? "disk2" : "main";
    made.path = made.key.camera + "/" + std::to_string(i);
    made.open = below(20) == 0;
    batch.segments.push_back(std::move(made));
  }
  ASSERT_TRUE(store->apply(batch));
  ASSERT_TRUE(model.apply(batch));
  for (int i = 0; i < 6; ++i) {
    const auto from = begin + hours{below(100)}, to = from + hours{1 + below(30)};
    const auto camera = "cam0" + std::to_string(i);
    tables->holds.push_back({camera, from, to});
    ASSERT_TRUE(database->execute(
        "insert into holds (camera, starts_at, ends_at, reason, created_by, created_at) values ($1, $2, $3, '', '', now())",
        {camera, from, to}));
  }
  const auto paths = [](const Result<std::vector<Segment>>& found) {
    std::vector<std::string> all;
    for (const auto& s : found.value()) all.push_back(s.volume + " " + s.path);
    return all;
  };
  std::size_t compared = 0;
  for (int round = 0; round < 40; ++round) {
    std::vector<Due> due;
    for (int i = 0; i < 10; ++i) {
      if (below(5) > 0) due.push_back({"cam0" + std::to_string((i * 7 + round) % 10), begin + hours{below(150)}});
    }
    const auto limit = static_cast<std::size_t>(1 + below(60));
    const auto from = below(2) == 0 ? UtcTime{} : begin;
    EXPECT_EQ(paths(store->due(due, from, limit)), paths(model.due(due, from, limit)));
    for (const auto* volume : {"", "main", "disk2"}) {
      EXPECT_EQ(paths(store->oldest_due(due, volume, limit)), paths(model.oldest_due(due, volume, limit)));
      EXPECT_EQ(paths(store->removable(volume, begin + hours{round}, limit)), paths(model.removable(volume, begin + hours{round}, limit)));
    }
    compared += model.due(due, from, limit).value().size();
  }
  EXPECT_GT(compared, 200u);
  EXPECT_TRUE(store->due({}, begin, 5).value().empty());
}

TEST_F(IndexRows, are_one_for_each_path_also_where_weeks_meet) {
  const auto monday = at("2026-11-23T00:00:00.000Z");
  auto file = segment("cam01", monday);
  file.open = true;
  apply({file});
  // Read from the file its start is a tick earlier: another day, and another week.
  file.start -= Duration{7};
  file.open = false;
  file.bytes = 2000;
  apply({file});
  apply({file});
  EXPECT_EQ(count("select count(*) from segments"), 1);
  EXPECT_EQ(count("select bytes from segments where closed"), 2000);
  EXPECT_EQ(store->total_bytes().value().at("main"), 2000u);
  const auto twice = database->execute("insert into segments select * from segments");
  ASSERT_FALSE(twice) << "within a week the table itself refuses";
  EXPECT_EQ(twice.error().code, ErrorCode::conflict);
  apply({}, {{"main", file.path}});
  EXPECT_EQ(count("select count(*) from segments"), 0);
  EXPECT_TRUE(store->total_bytes().value().empty());
}

TEST_F(IndexRows, of_a_file_in_a_folder_of_another_day_are_found_and_removed) {
  auto moved = segment("cam01", at("2026-11-24T05:20:00.000Z"));
  moved.path = "cam01/main/2026-06-01/052000Z.mp4";
  auto nameless = segment("cam01", at("2026-11-24T05:21:00.000Z"));
  nameless.path = "x.mp4";
  apply({moved, nameless});
  apply({moved});
  EXPECT_EQ(count("select count(*) from segments"), 2);
  const std::vector<std::string> paths{moved.path, "cam01/main/2026-06-01/052100Z.mp4", nameless.path};
  auto known = store->known("main", paths).value();
  std::ranges::sort(known);
  EXPECT_EQ(known, (std::vector<std::string>{moved.path, nameless.path}));
  apply({}, {{"main", moved.path}, {"main", nameless.path}, {"main", "cam01/main/2026-06-01/052100Z.mp4"}});
  EXPECT_EQ(count("select count(*) from segments"), 0);
  EXPECT_EQ(count("select count(*) from timeline_days"), 0);
}

TEST_F(IndexRows, that_are_all_gone_take_their_week_with_them) {
  const auto old = at("2026-09-02T12:00:00.000Z"), now = at("2026-11-24T05:20:00.000Z");
  const auto first = segment("cam01", old), second = segment("cam02", old + hours{30}), newest = segment("cam01", now);
  apply({first, second, newest});
  ASSERT_EQ(count("select count(*) from segment_partitions where name = 'segments_2026_08_31'"), 1);
  ASSERT_TRUE(store->tidy(now));
  EXPECT_EQ(count("select count(*) from segment_partitions where name = 'segments_2026_08_31'"), 1) << "it holds rows";
  apply({}, {{"main", first.path}});
  ASSERT_TRUE(store->tidy(now));
  EXPECT_EQ(count("select count(*) from segment_partitions where name = 'segments_2026_08_31'"), 1) << "it still holds one";
  apply({}, {{"main", second.path}});
  {
    // Somebody reads it at the moment: next time.
    db::Database other(
        db::DatabaseOptions{.url = with_database(postgres().url(), database->query("select current_database()").value()[0].text(0))});
    EXPECT_TRUE(other.transaction([&](db::Transaction& transaction) -> Status {
      EXPECT_TRUE(transaction.query("select 1 from segments"));
      EXPECT_TRUE(store->tidy(now));
      return {};
    }));
    EXPECT_EQ(count("select count(*) from segment_partitions where name = 'segments_2026_08_31'"), 1);
  }
  ASSERT_TRUE(store->tidy(now));
  EXPECT_EQ(count("select count(*) from segment_partitions where name = 'segments_2026_08_31'"), 0);
  EXPECT_EQ(count("select count(*) from pg_class where relname = 'segments_2026_08_31'"), 0);
  EXPECT_EQ(store->at_or_after(cam01, old).value()->path, newest.path);
  apply({first});  // and it is made again when a row comes
  EXPECT_EQ(store->find(cam01, old, old + hours{1}).value().size(), 1u);
  // Dropped by another program: the first batch fails, the next is whole.
  ASSERT_TRUE(database->execute("delete from segments where starts_at < '2026-10-01Z'"));
  ASSERT_TRUE(make_sql_segment_store(*database)->tidy(now));
  (void)store->apply({{first}, {}, {}});
  apply({first});
}

TEST_F(IndexRows, keep_the_gaps_around_them_and_no_others) {
  const auto t = at("2026-11-24T05:20:00.000Z");
  const auto first = segment("cam01", t), second = segment("cam01", t + minutes{2}), third = segment("cam01", t + minutes{5});
  apply({first, second, third}, {},
        {{cam01, t + minutes{1}, t + minutes{2}, media::GapCause::camera, "a"},
         {cam01, t + minutes{3}, t + minutes{5}, media::GapCause::network, "b"}});
  apply({}, {{"main", first.path}});
  EXPECT_EQ(store->gaps(cam01, t, t + hours{1}).value().size(), 2u) << "the first leads up to the oldest footage";
  apply({}, {{"main", second.path}});
  const auto left = store->gaps(cam01, t, t + hours{1}).value();
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].reason, "b");
}

TEST_F(IndexRows, tell_of_gaps_that_reach_into_a_range_however_long_they_last) {
  const auto t = at("2026-11-01T00:00:00.000Z");
  apply({segment("cam01", t), segment("cam01", t + hours{500})}, {},
        {{cam01, t + minutes{1}, t + hours{500}, media::GapCause::camera, "away"},
         {cam01, t + hours{500} + minutes{1}, {}, media::GapCause::hub, "lasts"}});
  for (const auto length : {hours{1}, hours{1000}}) {
    const auto gaps = store->gaps(cam01, t + hours{300}, t + hours{300} + length).value();
    EXPECT_EQ(gaps.size(), length == hours{1} ? 1u : 2u);
    EXPECT_EQ(gaps.front().reason, "away");
  }
  EXPECT_EQ(store->gaps(cam01, t + hours{900}, t + hours{901}).value().size(), 1u);
}

TEST_F(IndexRows, make_the_same_timeline_by_seconds_hours_and_days) {
  const auto day = at("2026-11-20T00:00:00.000Z");
  std::vector<Segment> files;
  std::vector<Span> spans;
  for (const auto& camera : {"cam01", "cam02", "cam03"}) {
    for (int i = 0; i < 3 * 1440; ++i) {
      if (i % 700 == 699) continue;  // a minute is missing now and then
      auto file = segment(camera, day + minutes{i} + milliseconds{250});
      file.activity.assign(60, static_cast<std::uint8_t>(i == 2000 ? 250 : 100));
      files.push_back(std::move(file));
    }
  }
  apply(files);
  const std::vector<std::string> one{"cam02"}, all{"cam01", "cam02", "cam03"};
  const auto from = day - hours{24 * 20}, to = day + hours{24 * 11};
  const auto by_hours = store->timeline(one, "main", from, to, 3000, milliseconds{500}).value().at("cam02");
  const auto by_days = store->timeline(all, "main", from, to, 3000, milliseconds{500}).value().at("cam02");
  // Where hours and days meet a span may be cut in two: the catalog joins them.
  const auto joined = [](std::vector<Span> found) {
    std::vector<Span> out;
    for (const auto& span : found) {
      if (!out.empty() && span.from - out.back().to < milliseconds{500}) {
        out.back().to = span.to;
      } else {
        out.push_back(span);
      }
    }
    return out;
  };
  EXPECT_EQ(joined(by_hours.spans).size(), 7u);
  EXPECT_EQ(joined(by_days.spans), joined(by_hours.spans));
  const auto busy_hours = by_hours.activity->relative(), busy_days = by_days.activity->relative();
  const auto busy = std::ranges::max_element(busy_hours) - busy_hours.begin();
  EXPECT_EQ(busy_hours[static_cast<std::size_t>(busy)], 1.0);
  // Five minutes stand where their middle lies.
  const auto busy_day = std::ranges::max_element(busy_days) - busy_days.begin();
  EXPECT_EQ(busy_days[static_cast<std::size_t>(busy_day)], 1.0);
  EXPECT_LE(std::abs(busy_day - busy), 1);
  const auto minute = day + minutes{2000};
  const auto by_seconds =
      store->timeline(one, "main", minute - minutes{1}, minute + minutes{2}, 180, milliseconds{500}).value().at("cam02");
  const auto levels = by_seconds.activity->relative();
  EXPECT_EQ(std::ranges::count(levels, 1.0), 60);
  EXPECT_EQ(joined(by_seconds.spans).size(), 1u);
}

TEST(IndexMigration, keeps_the_rows_of_an_index_without_weeks) {
  db::Database database(db::DatabaseOptions{.url = empty_database_url()});
  ASSERT_TRUE(db::migrate(database, db::embedded_migrations().first(10)));
  ASSERT_TRUE(database.execute(
      "insert into segments select 'main', 'cam' || c || '/main/' || to_char(t, 'YYYY-MM-DD/HH24MISS') || 'Z.mp4', 'cam' || c, 'main', t, "
      "t + interval '1 min', 1000, 1, true, decode(repeat('64', 60), 'hex'), 100 "
      "from generate_series(1, 3) c, generate_series('2026-03-01Z'::timestamptz, '2026-03-08T05:59Z', '1 min') t"));
  ASSERT_TRUE(database.query("select fill_all_timeline_hours()"));
  const auto rows = database.query("select count(*), hashtext(string_agg(s::text, '|' order by path)) from segments s").value();
  const auto migrated = db::migrate(database);
  ASSERT_TRUE(migrated) << migrated.error().message;
  const auto after = database.query("select count(*), hashtext(string_agg(s::text, '|' order by path)) from segments s").value();
  EXPECT_EQ(after[0].i64(0), rows[0].i64(0));
  EXPECT_EQ(after[0].i64(1), rows[0].i64(1));
  const auto store = make_sql_segment_store(database);
  const StreamKey key{"cam2", "main"};
  const auto from = at("2026-03-01T00:00:00.000Z"), to = at("2026-03-08T06:00:00.000Z");
  EXPECT_EQ(store->extent(key).value(), (Span{from, to}));
  const std::vector<std::string> cameras{"cam1", "cam2", "cam3"};
  const auto timeline = store->timeline(cameras, "main", from - hours{24 * 20}, to, 100, milliseconds{500}).value();
  EXPECT_EQ(timeline.at("cam2").spans.front().from, from);
  EXPECT_EQ(timeline.at("cam2").spans.back().to, to);
  EXPECT_EQ(database.query("select count(*) from timeline_days where length(peaks) = 288").value()[0].i64(0), 24);
  const std::vector<std::string> one{"cam2"};
  const auto hour = store->timeline(one, "main", from, from + hours{1}, 60, milliseconds{500}).value().at("cam2");
  EXPECT_EQ(hour.spans, (std::vector<Span>{{from, from + hours{1}}}));
  EXPECT_TRUE(hour.activity.has_value()) << "levels of minutes, until it is indexed anew";
  // New rows beside the old ones; what is known of a path stays one row.
  Segment again = store->before(key, to).value().value();
  again.bytes = 7;
  Segment next = again;
  next.start = at("2096-12-24T00:00:00.000Z");
  next.end = next.start + minutes{1};
  next.path = "cam2/main/2096-12-24/000000Z.mp4";
  ASSERT_TRUE(store->apply({{again, next}, {}, {}}));
  EXPECT_EQ(database.query("select count(*) from segments").value()[0].i64(0), rows[0].i64(0) + 1);
  EXPECT_EQ(store->before(key, to).value()->bytes, 7u);
  // Retention takes the old ones, and their table goes.
  ASSERT_TRUE(database.execute("delete from segments where starts_at < '2096-12-01Z'"));
  ASSERT_TRUE(store->tidy(at("2097-03-01T00:00:00.000Z")));
  EXPECT_EQ(database.query("select count(*) from pg_class where relname = 'segments_before'").value()[0].i64(0), 0);
  EXPECT_EQ(store->at_or_after(key, from).value()->path, next.path);
}

}  // namespace
}  // namespace ccoc::archive
