#include "support/footage.h"

namespace ccoc::archive {
namespace {

using namespace ccoc::test;

/// Five minutes of one camera: files of a minute each, all but the last closed.
class RetentionTest : public testing::Test {
 protected:
  void SetUp() override { begin(); }
  void begin_again() {
    life.reset(at("2026-11-24T05:34:00.000Z"));
    begin();
  }
  void begin() {
    life.boot();
    life.record();
    camera = std::make_unique<Camera>(life.clock.utc_now());
    life.run(*camera, life.clock.utc_now() + minutes{5} + milliseconds{500});
    life.step();
  }
  void record_until(const char* until) {
    life.run(*camera, at(until));
    life.step();
  }
  std::uint64_t bytes_on_disk() const { return life.disk->used_bytes(); }
  RetentionReport enforce(const RetentionPolicy& policy, std::size_t batch = 200) {
    auto report = life.archive->enforce_retention(policy, batch);
    life.step();
    return report.value();
  }
  void expect_index_and_disk_agree() {
    std::vector<std::string> indexed;
    for (const auto& row : life.rows()) indexed.push_back(row.path);
    std::ranges::sort(indexed);
    EXPECT_EQ(indexed, life.disk->files());
  }

  ArchiveLife life{at("2026-11-24T05:24:00.000Z")};
  std::unique_ptr<Camera> camera;
};

TEST_F(RetentionTest, keeps_everything_when_nothing_is_asked) {
  const auto before = life.disk->files();
  EXPECT_EQ(enforce({}).files_removed, 0u);
  EXPECT_EQ(life.disk->files(), before);
}

TEST_F(RetentionTest, removes_what_is_older_than_the_cameras_days_and_nothing_else) {
  RetentionPolicy policy;
  policy.days_of = [](const std::string& id) { return id == "cam01" ? 1u : 0u; };
  EXPECT_EQ(enforce(policy).files_removed, 0u);
  const auto before = life.disk->files();
  // A day and three minutes after the beginning, while it still records.
  life.clock.advance_to(at("2026-11-25T05:27:00.500Z"));
  const auto report = enforce(policy);
  EXPECT_EQ(report.files_removed, 3u);
  EXPECT_GT(report.bytes_removed, 0u);
  EXPECT_EQ(life.disk->files(), std::vector(before.begin() + 3, before.end()));
  expect_index_and_disk_agree();
}

TEST_F(RetentionTest, never_removes_what_is_held_neither_by_age_nor_for_room) {
  const auto files = life.disk->files();
  life.tables->holds = {{"cam01", at("2026-11-24T05:25:59.999Z"), at("2026-11-24T05:26:00.001Z")},
                        {"cam02", UtcTime::min(), UtcTime::max()}};
  RetentionPolicy policy;
  policy.days_of = [](const std::string&) { return 1u; };
  policy.max_bytes = 1;
  life.clock.advance_to(at("2026-11-26T05:24:00.000Z"));
  ASSERT_EQ(files.size(), 5u);
  EXPECT_EQ(enforce(policy).files_removed, 2u);
  EXPECT_EQ(life.disk->files(), (std::vector{files[1], files[2], files[4]})) << "the two files that reach into it, and the open one";
  expect_index_and_disk_agree();
  life.tables->holds.clear();
  EXPECT_EQ(enforce(policy).files_removed, 2u);
  EXPECT_EQ(life.disk->files(), std::vector{files[4]});
}

TEST_F(RetentionTest, never_removes_the_file_that_is_being_written) {
  RetentionPolicy policy;
  policy.days_of = [](const std::string&) { return 1u; };
  policy.max_bytes = 1;
  life.clock.advance_to(at("2026-12-24T05:00:00.000Z"));
  enforce(policy);
  ASSERT_EQ(life.disk->files().size(), 1u);
  EXPECT_TRUE(life.archive->catalog().edge(cam01).open);
  expect_index_and_disk_agree();
}

TEST_F(RetentionTest, keeps_to_the_quota_by_removing_the_oldest_first) {
  const auto before = life.disk->files();
  RetentionPolicy policy;
  policy.max_bytes = bytes_on_disk() - 1;
  EXPECT_EQ(enforce(policy).files_removed, 1u);
  EXPECT_LE(bytes_on_disk(), policy.max_bytes);
  EXPECT_EQ(life.disk->files(), std::vector(before.begin() + 1, before.end()));
  expect_index_and_disk_agree();
}

TEST_F(RetentionTest, counts_what_was_closed_since_it_last_counted) {
  RetentionPolicy policy;
  policy.max_bytes = bytes_on_disk() + 1000;
  EXPECT_EQ(enforce(policy).files_removed, 0u);
  record_until("2026-11-24T05:31:00.500Z");
  ASSERT_GT(bytes_on_disk(), policy.max_bytes);
  EXPECT_GT(enforce(policy).files_removed, 0u);
  EXPECT_LE(bytes_on_disk(), policy.max_bytes);
}

TEST_F(RetentionTest, tells_how_much_footage_there_is) {
  enforce({});
  record_until("2026-11-24T05:31:30.000Z");
  EXPECT_EQ(life.archive->volumes().front().footage_bytes, bytes_on_disk());
}

TEST_F(RetentionTest, leaves_the_wanted_space_free) {
  life.main.min_free_bytes = 10'000;
  begin_again();
  life.disk->set_capacity(bytes_on_disk() + 5'000);
  EXPECT_EQ(enforce({}).files_removed, 1u);
  EXPECT_GE(life.disk->space().value().free_bytes, life.main.min_free_bytes);
}

TEST_F(RetentionTest, keeps_each_volume_to_its_own_quota) {
  const auto all = bytes_on_disk();
  life.main.quota_bytes = all - 1;
  begin_again();
  ASSERT_EQ(bytes_on_disk(), all);
  EXPECT_EQ(enforce({}).files_removed, 1u);
  EXPECT_LE(bytes_on_disk(), life.main.quota_bytes);
}

TEST_F(RetentionTest, what_was_promised_goes_after_everything_else) {
  auto other = life.archive->record({"cam02", "main"}).value();
  Camera second(life.clock.utc_now());
  second.run_until(life.clock.utc_now() + minutes{3}, *other);
  life.step();
  other.reset();
  life.clock.advance(minutes{3});
  life.step();
  const auto of = [&](const std::string& id) {
    const auto files = life.disk->files();
    return std::ranges::count_if(files, [&](const std::string& path) { return path.starts_with(id + "/"); });
  };
  ASSERT_EQ(of("cam01"), 5);
  const auto files_of_second = of("cam02");
  RetentionPolicy policy;
  policy.promised_days_of = [](const std::string& id) { return id == "cam01" ? 7u : 0u; };
  policy.max_bytes = bytes_on_disk() - 1;
  auto report = enforce(policy);
  EXPECT_EQ(report.files_removed, 1u);
  EXPECT_EQ(report.promised_files_removed, 0u);
  EXPECT_EQ(of("cam01"), 5) << "the oldest, but promised";
  EXPECT_EQ(of("cam02"), files_of_second - 1);
  policy.max_bytes = 1;
  report = enforce(policy);
  EXPECT_EQ(of("cam02"), 0);
  EXPECT_EQ(of("cam01"), 1) << "recording goes on; only the open file is left";
  EXPECT_EQ(report.promised_files_removed, 4u);
  expect_index_and_disk_agree();
}

TEST_F(RetentionTest, what_was_promised_longer_than_its_time_is_like_any_other) {
  RetentionPolicy policy;
  policy.promised_days_of = [](const std::string&) { return 1u; };
  policy.max_bytes = 1;
  life.clock.advance_to(at("2026-11-25T05:27:00.500Z"));
  const auto report = enforce(policy, 3);
  EXPECT_EQ(report.files_removed, 3u);
  EXPECT_EQ(report.promised_files_removed, 0u);
}

TEST_F(RetentionTest, goes_in_small_batches_and_says_that_there_is_more) {
  RetentionPolicy policy;
  policy.max_bytes = 1;
  const auto first = enforce(policy, 2);
  EXPECT_EQ(first.files_removed, 2u);
  EXPECT_TRUE(first.more);
  const auto second = enforce(policy, 200);
  EXPECT_FALSE(second.more);
  EXPECT_EQ(life.disk->files().size(), 1u);
}

TEST_F(RetentionTest, asks_once_for_all_cameras) {
  for (int i = 0; i < 500; ++i) {
    const auto id = "cam" + std::to_string(1000 + i);
    life.tables->segments[{"main", id}] = {"main", {id, "main"}, id, life.clock.utc_now() - hours{2}, life.clock.utc_now() - hours{1}, 1000,
                                           1,      false,        {}};
  }
  RetentionPolicy policy;
  policy.days_of = [](const std::string&) { return 1u; };
  policy.promised_days_of = policy.days_of;
  const auto before = life.tables->asked_for_due;
  EXPECT_EQ(enforce(policy).files_removed, 0u);
  EXPECT_EQ(life.tables->asked_for_due - before, 1u);
  policy.max_bytes = 1;
  EXPECT_GT(enforce(policy, 3).promised_files_removed, 0u);
  EXPECT_EQ(life.tables->asked_for_due - before, 3u) << "by age, and for room";
}

TEST_F(RetentionTest, files_that_cannot_be_removed_keep_no_other_cameras_footage) {
  auto old = life.clock.utc_now() - hours{24 * 9};
  const auto add = [&](const std::string& volume, const std::string& id, int files) {
    for (int i = 0; i < files; ++i) {
      const auto path = id + "/" + std::to_string(100 + i);
      life.tables->segments[{volume, path}] = {volume, {id, "main"}, path, old + minutes{i}, old + minutes{i + 1}, 1000, 1, false, {}};
    }
    old += seconds{1};
  };
  add("away", "aaa", 7);  // as many as fit, and more
  add("away", "bbb", 3);
  add("main", "bbb2", 4);
  add("away", "ccc", 1);
  add("main", "zzz", 6);
  RetentionPolicy policy;
  policy.days_of = [](const std::string& id) { return id == "cam01" ? 0u : 7u; };
  const auto left = [&](const std::string& id) {
    return std::ranges::count_if(life.tables->segments, [&](const auto& row) { return row.second.key.camera == id; });
  };
  auto report = enforce(policy, 5);
  EXPECT_EQ(report.files_removed, 5u);
  EXPECT_TRUE(report.more);
  EXPECT_EQ(left("bbb2"), 0) << "one camera after the other";
  EXPECT_EQ(left("zzz"), 5);
  report = enforce(policy, 5);
  EXPECT_EQ(report.files_removed, 5u);
  EXPECT_EQ(left("zzz"), 0);
  report = enforce(policy, 5);
  EXPECT_EQ(report.files_removed, 0u);
  EXPECT_FALSE(report.more);
  EXPECT_EQ(left("aaa") + left("bbb") + left("ccc"), 11);
}

TEST_F(RetentionTest, removes_nothing_while_the_index_is_away) {
  const auto before = life.disk->files();
  RetentionPolicy policy;
  policy.max_bytes = 1;
  life.tables->away = true;
  EXPECT_FALSE(life.archive->enforce_retention(policy, 200));
  life.tables->away = false;
  EXPECT_EQ(life.disk->files(), before);
}

}  // namespace
}  // namespace ccoc::archive
