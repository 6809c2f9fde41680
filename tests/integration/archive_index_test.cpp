// The archive over a real PostgreSQL and a real file system.
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

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
  ASSERT_TRUE(database->execute("insert into segments values ('main', 'cam01/main/2020-01-01/000000Z.mp4', 'cam01', 'main', "
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
  ASSERT_TRUE(database->execute(
      "insert into segments select 'main', 'cam' || c || '/main/' || i || '.mp4', 'cam' || c, 'main', "
      "timestamptz '2026-10-01Z' + i * interval '1 min', timestamptz '2026-10-01Z' + (i + 1) * interval '1 min', 30000000, 1, true, "
      "decode(repeat(to_hex(100 + (i % 100 = 50)::int * 56), 60), 'hex'), 100 + (i % 100 = 50)::int * 56 "
      "from generate_series(1, 20) c, generate_series(0, 9999) i"));
  ASSERT_TRUE(database->query("select fill_all_timeline_hours()"));
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
           "select path " + by_stream + "and ends_at > '2026-10-03Z' and starts_at >= coalesce((select max(starts_at) " +
               by_stream + "and starts_at <= '2026-10-03Z'), '2026-10-03Z') order by starts_at limit 1",
           std::string("select path from segments where closed and ends_at < '2026-10-03Z' and starts_at < '2026-10-03Z' order by starts_at limit 200"),
           std::string("select path from segments where not closed order by volume, path"),
           std::string("select peaks from timeline_hours where camera = 'cam7' and stream = 'main' and hour > '2026-10-02Z' and hour < '2026-10-03Z'"),
       }) {
    EXPECT_EQ(plan(sql).find("Seq Scan"), std::string::npos) << sql << "\n" << plan(sql);
  }
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

}  // namespace
}  // namespace ccoc::archive
