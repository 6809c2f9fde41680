// Footage that goes to another volume, over a real PostgreSQL and real folders, cut off at every step; second copies.
#include <filesystem>
#include <functional>
#include <random>

#include "ccoc/archive/audit.h"
#include "support/footage.h"
#include "support/postgres.h"

namespace ccoc::archive {
namespace {

using namespace ccoc::test;

/// A disk whose process dies: from an operation on, nothing it does happens any more.
struct Life {
  int operations_left = 1 << 30;
  std::function<void()> before_create;  ///< what happens meanwhile, once
  bool over() { return operations_left-- <= 0; }
};
std::unexpected<Error> dead() { return fail(ErrorCode::io, "the process is dead"); }

class MortalDisk final : public Disk {
 public:
  MortalDisk(std::shared_ptr<Disk> inner, std::shared_ptr<Life> life) : inner_(std::move(inner)), life_(std::move(life)) {}

  Result<std::unique_ptr<DiskFile>> create(const std::string& path) override {
    if (const auto meanwhile = std::exchange(life_->before_create, nullptr)) meanwhile();
    return life_->over() ? dead() : wrap(inner_->create(path));
  }
  Result<std::unique_ptr<DiskFile>> open_read(const std::string& path) override {
    return life_->over() ? dead() : wrap(inner_->open_read(path));
  }
  Result<std::unique_ptr<DiskFile>> open_write(const std::string& path) override {
    return life_->over() ? dead() : wrap(inner_->open_write(path));
  }
  Result<std::vector<DiskEntry>> list(const std::string& folder) override { return inner_->list(folder); }
  Status remove(const std::string& path) override { return life_->over() ? dead() : inner_->remove(path); }
  Status rename(const std::string& from, const std::string& to) override { return life_->over() ? dead() : inner_->rename(from, to); }
  Result<DiskSpace> space() override { return inner_->space(); }
  Status sync_all() override { return life_->over() ? dead() : inner_->sync_all(); }

 private:
  class File final : public DiskFile {
   public:
    File(std::unique_ptr<DiskFile> inner, std::shared_ptr<Life> life) : inner_(std::move(inner)), life_(std::move(life)) {}
    Status append(std::span<const ByteView> pieces) override {
      if (!life_->over()) return inner_->append(pieces);
      // A torn write, as a kill leaves it.
      const auto half = pieces.front().first(pieces.front().size() / 2);
      (void)inner_->append(std::span(&half, 1));
      return dead();
    }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
      return life_->over() ? dead() : inner_->read_at(offset, into);
    }
    Status truncate(std::uint64_t size) override { return life_->over() ? dead() : inner_->truncate(size); }
    Result<std::uint64_t> size() override { return inner_->size(); }
    Status sync() override { return life_->over() ? dead() : inner_->sync(); }

   private:
    std::unique_ptr<DiskFile> inner_;
    std::shared_ptr<Life> life_;
  };
  Result<std::unique_ptr<DiskFile>> wrap(Result<std::unique_ptr<DiskFile>> file) {
    if (!file) return file;
    return std::make_unique<File>(std::move(*file), life_);
  }

  std::shared_ptr<Disk> inner_;
  std::shared_ptr<Life> life_;
};

class MoveFootage : public testing::Test {
 protected:
  /// Without the steps the mover is quicker than the index.
  void boot(bool index_first = true) {
    archive.reset();
    life = std::make_shared<Life>();
    VolumeSpec first{"main", std::make_shared<MortalDisk>(hot, life)};
    VolumeSpec second{"cold", std::make_shared<MortalDisk>(cold, life)};
    second.weight = 0;
    archive = Archive::open({first, second}, *database, clock, {}).value();
    archive->recover();
    if (index_first) steps();
  }
  void steps() {
    for (int i = 0; i < 6; ++i) archive->step();
  }
  /// Three files of a minute, closed.
  void record(const StreamKey& key) {
    auto recorder = archive->record(key).value();
    Camera camera(began);
    camera.run_until(began + minutes{3}, *recorder);
    clock.advance_to(std::max(clock.utc_now(), began + minutes{3}));
    archive->step();
    recorder.reset();
    archive->step();
  }
  static MovePolicy two_copies() {
    MovePolicy policy;
    policy.copies_of = [](const std::string&) { return 2u; };
    return policy;
  }
  MovePolicy after_a_day() const {
    MovePolicy policy;
    policy.rules.push_back({"cold", hours{24}, {}});
    return policy;
  }
  std::vector<Segment> segments(const StreamKey& key = cam01) { return archive->catalog().find(key, began, began + hours{1}).value(); }
  void expect_all_plays(const StreamKey& key = cam01) {
    Duration footage{0};
    for (const auto& segment : segments(key)) {
      const auto reader = archive->catalog().open(segment);
      ASSERT_TRUE(reader) << reader.error().message;
      for (const auto& fragment : (*reader)->table()->fragments) EXPECT_TRUE((*reader)->verify(fragment));
      footage += segment.end - segment.start;
    }
    EXPECT_EQ(footage, minutes{3});
  }
  std::int64_t count(const std::string& sql) { return database->query(sql).value()[0].i64(0); }
  /// Each file in one place, which its row names.
  void expect_files_and_rows_agree() {
    std::set<SegmentId> files, rows;
    for (const auto& path : hot->files()) files.insert({"main", path});
    for (const auto& path : cold->files()) files.insert({"cold", path});
    const auto known = database->query("select volume, path from segments").value();
    for (const auto& row : known) rows.insert({row.text(0), row.text(1)});
    EXPECT_EQ(files, rows);
  }

  /// Each file is footage or a copy, as its row says, and nothing is under way.
  void expect_files_rows_and_copies_agree() {
    std::set<SegmentId> files, rows;
    for (const auto& path : hot->files()) files.insert({"main", path});
    for (const auto& path : cold->files()) files.insert({"cold", path});
    const auto known = database->query("select volume, path from segments union all select copy_volume, copy_path from copies").value();
    for (const auto& row : known) rows.insert({row.text(0), row.text(1)});
    EXPECT_EQ(files, rows);
    EXPECT_EQ(count("select count(*) from moves"), 0);
  }
  void fresh_world() {
    database = fresh_database();
    hot = std::make_shared<sim::SimDisk>();
    cold = std::make_shared<sim::SimDisk>();
    boot();
    record(cam01);
  }
  /// One bit of the disk's nth file changes; its path.
  static std::string rot(sim::SimDisk& disk, std::size_t file) {
    auto path = disk.files().at(file);
    auto bytes = disk.content(path);
    bytes[bytes.size() / 2] ^= 1;
    disk.put(path, bytes);
    return path;
  }

  enum class End { kill, kill_and_move_at_once, power_cut };
  void end_at_every_operation(End end, std::uint64_t seed = 0);
  void end_copying_at_every_operation(End end, std::uint64_t seed = 0);

  std::unique_ptr<db::Database> database = fresh_database();
  std::shared_ptr<sim::SimDisk> hot = std::make_shared<sim::SimDisk>(), cold = std::make_shared<sim::SimDisk>();
  UtcTime began = at("2026-11-24T05:20:00.000Z");
  FootageClock clock{began};
  std::shared_ptr<Life> life;
  std::unique_ptr<Archive> archive;
};

TEST_F(MoveFootage, goes_when_it_is_old_and_is_found_and_played_where_it_went) {
  boot();
  record(cam01);
  EXPECT_EQ(archive->move_footage(after_a_day()).value().files_moved, 0u);
  const auto before = segments();
  auto reader = archive->catalog().open(before[0]).value();
  clock.advance(hours{24} + minutes{5});
  const auto report = archive->move_footage(after_a_day()).value();
  EXPECT_EQ(report.files_moved, 3u);
  EXPECT_GT(report.bytes_moved, 1'000'000u);
  EXPECT_TRUE(report.problem.empty());
  EXPECT_TRUE(hot->files().empty());
  expect_files_and_rows_agree();
  for (const auto& segment : segments()) EXPECT_EQ(segment.volume, "cold");
  expect_all_plays();
  EXPECT_TRUE(archive->catalog().open(before[1])) << "whoever asked a moment ago finds it, too";
  EXPECT_EQ(count("select count(*) from moves"), 0);
  EXPECT_EQ(archive->move_footage(after_a_day()).value().files_moved, 0u);
  EXPECT_EQ(count("select count(*) from segments where length(activity) > 0"), 3) << "what is known of it went with it";
}

TEST_F(MoveFootage, only_of_the_cameras_that_are_meant) {
  boot();
  record(cam01);
  record({"cam02", "main"});
  clock.advance(hours{25});
  auto policy = after_a_day();
  policy.rules[0].applies = [](const std::string& camera) { return camera == "cam02"; };
  EXPECT_EQ(archive->move_footage(policy).value().files_moved, 3u);
  EXPECT_EQ(hot->files().size(), 3u);
  expect_all_plays();
  expect_all_plays({"cam02", "main"});
}

TEST_F(MoveFootage, a_hold_and_retention_are_the_same_wherever_it_is) {
  boot();
  record(cam01);
  clock.advance(hours{25});
  ASSERT_EQ(archive->move_footage(after_a_day()).value().files_moved, 3u);
  RetentionPolicy retention;
  retention.days_of = [](const std::string&) { return 1u; };
  EXPECT_EQ(archive->enforce_retention(retention).value().files_removed, 3u);
  EXPECT_TRUE(cold->files().empty());
  expect_files_and_rows_agree();
}

TEST_F(MoveFootage, a_target_that_refuses_keeps_it_where_it_is) {
  boot();
  record(cam01);
  clock.advance(hours{25});
  cold->fail_writes(Error{ErrorCode::no_space, "full", {}}, 100);
  const auto report = archive->move_footage(after_a_day()).value();
  EXPECT_EQ(report.files_moved, 0u);
  EXPECT_FALSE(report.problem.empty());
  expect_all_plays();
  cold->fail_writes(std::nullopt);
  EXPECT_EQ(archive->move_footage(after_a_day()).value().files_moved, 3u);
  expect_files_and_rows_agree();
  expect_all_plays();
}

/// Ended at each operation of a move; the next start finishes what was begun.
void MoveFootage::end_at_every_operation(End end, std::uint64_t seed) {
  const bool index_first = end != End::kill_and_move_at_once;
  std::mt19937_64 random{seed};
  int moved_before_the_end = 0;
  for (int operations = 0;; ++operations) {
    fresh_world();
    clock.advance(hours{25});
    ASSERT_TRUE(hot->sync_all());
    life->operations_left = operations;
    const auto report = archive->move_footage(after_a_day());
    const bool whole = life->operations_left >= 0;
    if (end == End::power_cut) {
      archive.reset();
      hot->crash(sim::SimDisk::Loss::blocks, random);
      cold->crash(sim::SimDisk::Loss::blocks, random);
    }
    if (report) moved_before_the_end += static_cast<int>(report->files_moved > 0 && !whole);
    boot(index_first);
    if (!index_first) {
      EXPECT_TRUE(archive->move_footage(after_a_day())) << "operation " << operations;
      steps();
    }
    // A file that had arrived, unknown to the index, may stand there twice until the move is settled.
    Duration found{0};
    for (const auto& segment : segments()) {
      EXPECT_TRUE(archive->catalog().open(segment));
      found += segment.end - segment.start;
    }
    EXPECT_GE(found, minutes{3});
    const auto rest = archive->move_footage(after_a_day());
    ASSERT_TRUE(rest) << rest.error().message;
    EXPECT_TRUE(rest->problem.empty()) << rest->problem;
    EXPECT_TRUE(hot->files().empty());
    EXPECT_EQ(cold->files().size(), 3u);
    EXPECT_EQ(count("select count(*) from moves"), 0);
    expect_files_and_rows_agree();
    expect_all_plays();
    if (HasFailure()) FAIL() << "ended at operation " << operations << ", seed " << seed;
    began = clock.utc_now();
    if (whole) break;
    ASSERT_LT(operations, 200);
  }
  EXPECT_GT(moved_before_the_end, 3);
}

TEST_F(MoveFootage, a_kill_at_any_moment_leaves_each_file_in_one_place_and_the_next_start_goes_on) { end_at_every_operation(End::kill); }

TEST_F(MoveFootage, also_when_the_next_start_moves_before_it_has_indexed_what_it_recovered) {
  end_at_every_operation(End::kill_and_move_at_once);
}

TEST_F(MoveFootage, fault_19_so_does_a_power_cut_whatever_it_takes_of_what_was_not_synced) {
  for (std::uint64_t seed = 1; seed <= 2 && !HasFailure(); ++seed) end_at_every_operation(End::power_cut, seed);
}

/// Ended at each operation of the copying; the next start comes so late that none of it would be copied once more.
void MoveFootage::end_copying_at_every_operation(End end, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  int copied_before_the_end = 0;
  for (int operations = 0;; ++operations) {
    fresh_world();
    ASSERT_TRUE(hot->sync_all());
    life->operations_left = operations;
    (void)archive->move_footage(two_copies());
    const bool whole = life->operations_left >= 0;
    if (end == End::power_cut) {
      archive.reset();
      hot->crash(sim::SimDisk::Loss::blocks, random);
      cold->crash(sim::SimDisk::Loss::blocks, random);
    }
    clock.advance(hours{24 * 4});
    boot();
    const auto rest = archive->move_footage(two_copies());
    ASSERT_TRUE(rest) << rest.error().message;
    EXPECT_EQ(rest->problem, "");
    expect_files_rows_and_copies_agree();
    EXPECT_EQ(hot->files().size(), 3u);
    EXPECT_TRUE(check({{"main", hot}, {"cold", cold}}, *database, true).value().clean());
    copied_before_the_end += static_cast<int>(!cold->files().empty() && !whole);
    RetentionPolicy retention;
    retention.days_of = [](const std::string&) { return 1u; };
    EXPECT_EQ(archive->enforce_retention(retention).value().files_removed, 3u);
    EXPECT_TRUE(hot->files().empty());
    EXPECT_TRUE(cold->files().empty());
    if (HasFailure()) FAIL() << "ended at operation " << operations << ", seed " << seed;
    began = clock.utc_now();
    if (whole) break;
    ASSERT_LT(operations, 200);
  }
  EXPECT_GT(copied_before_the_end, 3);
}

TEST_F(MoveFootage, a_kill_at_any_moment_of_copying_leaves_no_copy_that_nobody_knows) { end_copying_at_every_operation(End::kill); }

TEST_F(MoveFootage, fault_19_nor_does_a_power_cut) {
  for (std::uint64_t seed = 1; seed <= 2 && !HasFailure(); ++seed) end_copying_at_every_operation(End::power_cut, seed);
}

TEST_F(MoveFootage, a_kill_at_any_moment_of_mending_leaves_nothing_behind) {
  constexpr int endless = 1000, writing = 14;  // operations, the last of which are not only reads
  int needed = endless;
  for (int operations = endless; operations <= needed; ++operations) {
    fresh_world();
    ASSERT_GE(archive->move_footage(two_copies()).value().files_copied, 3u);
    const auto damaged = rot(*hot, 1);
    ASSERT_TRUE(
        database->execute("insert into damage (volume, path, \"offset\", camera, stream, starts_at, ends_at, detail, found_at) "
                          "select volume, path, 0, camera, stream, starts_at, ends_at, 'rotten', now() from segments where path = $1",
                          {damaged}));
    life->operations_left = operations;
    const auto report = archive->move_footage(two_copies());
    if (operations == endless) {
      EXPECT_EQ(report.value().mended.size(), 1u);
      needed = endless - life->operations_left;
      operations = std::max(-1, needed - writing - 1);
    }
    // Meanwhile somebody has looked after the damage himself.
    if (!hot->content(damaged).empty()) {
      ASSERT_TRUE(database->execute("delete from damage"));
    }
    boot();
    const auto rest = archive->move_footage(two_copies());
    ASSERT_TRUE(rest) << rest.error().message;
    expect_files_rows_and_copies_agree();
    if (HasFailure()) FAIL() << "ended at operation " << operations << " of " << needed;
    began = clock.utc_now();
  }
}

/// A copy that was begun, and of which the index has no row yet.
class CopyUnderWay : public MoveFootage {
 protected:
  void SetUp() override {
    fresh_world();
    first = segments()[0];
    copy = "_copies/main/" + first.path;
    cold->put(copy, hot->content(first.path));
    ASSERT_TRUE(database->execute("insert into moves (volume, path, target) values ('cold', $1, 'cold')", {copy}));
  }
  void step() {
    const auto report = archive->move_footage({});
    ASSERT_TRUE(report) << report.error().message;
  }

  Segment first;
  std::string copy;
};

TEST_F(CopyUnderWay, is_kept_when_it_is_the_only_one) {
  step();
  EXPECT_EQ(count("select count(*) from copies"), 1);
  expect_files_rows_and_copies_agree();
}

TEST_F(CopyUnderWay, goes_when_there_is_another) {
  cold->put("elsewhere", hot->content(first.path));
  ASSERT_TRUE(database->execute("insert into copies (volume, path, copy_volume, copy_path) values ('main', $1, 'third', 'elsewhere')",
                                {first.path}));
  step();
  EXPECT_EQ(cold->content(copy).size(), 0u);
  EXPECT_EQ(count("select count(*) from copies"), 1);
  EXPECT_EQ(count("select count(*) from moves"), 0);
}

TEST_F(CopyUnderWay, belongs_to_its_first_wherever_that_was_moved) {
  ASSERT_TRUE(database->execute("update segments set volume = 'cold' where path = $1", {first.path}));
  cold->put(first.path, hot->content(first.path));
  ASSERT_TRUE(hot->remove(first.path));
  step();
  EXPECT_EQ(count("select count(*) from copies where volume = 'cold'"), 1);
  expect_files_rows_and_copies_agree();
}

TEST_F(CopyUnderWay, is_kept_and_told_when_the_index_does_not_know_its_first) {
  ASSERT_TRUE(database->execute("delete from segments where path = $1", {first.path}));
  ASSERT_TRUE(hot->remove(first.path));
  step();
  EXPECT_GT(cold->content(copy).size(), 0u);
  const auto report = check({{"main", hot}, {"cold", cold}}, *database).value();
  ASSERT_EQ(report.issues.size(), 1u);
  EXPECT_EQ(report.issues[0].finding, Finding::unindexed_file);
  EXPECT_EQ(report.issues[0].path, copy);
}

TEST_F(MoveFootage, check_tells_of_copies_what_it_tells_of_footage) {
  fresh_world();
  ASSERT_EQ(archive->move_footage(two_copies()).value().files_copied, 3u);
  const std::vector<VolumeSpec> volumes{{"main", hot}, {"cold", cold}};
  const auto clean = check(volumes, *database, true).value();
  EXPECT_TRUE(clean.clean());
  EXPECT_EQ(clean.files, 6u);
  const auto copies = cold->files();
  rot(*cold, 0);
  ASSERT_TRUE(cold->remove(copies[1]));
  ASSERT_TRUE(database->execute("delete from copies where copy_path = $1", {copies[2]}));
  cold->put("_arriving/left", Bytes(100));
  std::map<std::string, Finding> found;
  const auto report = check(volumes, *database, true).value();
  for (const auto& issue : report.issues) found.emplace(issue.path, issue.finding);
  const std::map<std::string, Finding> expected{{copies[0], Finding::damaged},
                                                {copies[1], Finding::missing_file},
                                                {copies[2], Finding::unindexed_file},
                                                {"_arriving/left", Finding::leftover}};
  EXPECT_EQ(found, expected);
  boot();
  ASSERT_TRUE(archive->move_footage({}));
  EXPECT_TRUE(cold->content("_arriving/left").empty()) << "what never arrived goes at the next start";
}

TEST_F(MoveFootage, reindex_knows_copies_again_and_takes_them_for_footage_where_the_first_is_lost) {
  fresh_world();
  ASSERT_EQ(archive->move_footage(two_copies()).value().files_copied, 3u);
  archive.reset();
  const std::vector<VolumeSpec> volumes{{"main", hot}, {"cold", cold}};
  ASSERT_TRUE(database->execute("delete from copies"));
  ASSERT_TRUE(database->execute("delete from segments"));
  const auto report = reindex(volumes, *database).value();
  EXPECT_EQ(report.files, 6u);
  EXPECT_TRUE(report.skipped.empty());
  EXPECT_EQ(count("select count(*) from copies"), 3);
  EXPECT_TRUE(check(volumes, *database, true).value().clean());
  // The first disk is lost, and so is the index.
  for (const auto& path : hot->files()) ASSERT_TRUE(hot->remove(path));
  ASSERT_TRUE(reindex(volumes, *database));
  EXPECT_EQ(count("select count(*) from copies"), 0);
  EXPECT_TRUE(check(volumes, *database, true).value().clean());
  boot();
  ASSERT_EQ(segments().size(), 3u);
  expect_all_plays();
  RetentionPolicy retention;
  retention.days_of = [](const std::string&) { return 1u; };
  clock.advance(hours{25});
  EXPECT_EQ(archive->enforce_retention(retention).value().files_removed, 3u);
  EXPECT_TRUE(cold->files().empty());
}

TEST_F(MoveFootage, a_second_copy_is_made_and_read_when_the_first_is_gone_and_goes_with_it) {
  boot();
  record(cam01);
  record({"cam02", "main"});
  MovePolicy policy;
  policy.copies_of = [](const std::string& camera) { return camera == "cam01" ? 2u : 1u; };
  const auto report = archive->move_footage(policy).value();
  EXPECT_EQ(report.files_copied, 3u);
  EXPECT_EQ(report.problem, "");
  EXPECT_EQ(archive->move_footage(policy).value().files_copied, 0u);
  ASSERT_EQ(cold->files().size(), 3u);
  EXPECT_EQ(cold->content(cold->files()[0]), hot->content(segments()[0].path));
  EXPECT_EQ(segments().size(), 3u) << "a copy is no footage of its own";
  // The first disk is gone.
  for (const auto& path : hot->files()) ASSERT_TRUE(hot->remove(path));
  expect_all_plays();
  EXPECT_FALSE(archive->catalog().open(segments({"cam02", "main"})[0]));
  boot();
  EXPECT_EQ(cold->files().size(), 3u) << "recovery takes copies for what they are";
  RetentionPolicy retention;
  retention.days_of = [](const std::string&) { return 1u; };
  clock.advance(hours{25});
  archive->enforce_retention(retention).value();
  EXPECT_TRUE(cold->files().empty());
  EXPECT_EQ(count("select count(*) from copies"), 0);
}

TEST_F(MoveFootage, what_rots_is_found_and_mended_from_the_other_copy) {
  boot();
  record(cam01);
  MovePolicy policy;
  policy.copies_of = [](const std::string&) { return 2u; };
  ASSERT_EQ(archive->move_footage(policy).value().files_copied, 3u);
  clock.advance(hours{2});
  const auto good = hot->content(hot->files()[0]), also_good = hot->content(hot->files()[2]);
  const auto first = rot(*hot, 0), last = hot->files()[2];
  const auto copy = rot(*cold, 1);
  ASSERT_TRUE(hot->remove(last));
  for (int i = 0; i < 20; ++i) {
    clock.advance(seconds{5});
    ASSERT_TRUE(archive->scrub());
  }
  EXPECT_GE(count("select count(distinct (volume, path)) from damage"), 3);
  EXPECT_EQ(archive->damage(10).value().size(), 2u) << "a copy is no footage of its own";
  const auto told = [&] {
    std::uint64_t sum = 0;
    for (const auto& volume : archive->volumes()) sum += volume.scrub.damaged_files;
    return sum;
  };
  EXPECT_EQ(told(), 3u);
  const auto report = archive->move_footage(policy).value();
  EXPECT_EQ(report.mended.size(), 3u) << report.problem;
  EXPECT_EQ(told(), 0u) << "what is mended needs nobody's attention";
  EXPECT_EQ(hot->content(first), good);
  EXPECT_EQ(hot->content(last), also_good);
  EXPECT_EQ(cold->content(copy), hot->content(hot->files()[1]));
  EXPECT_EQ(count("select count(*) from damage"), 0);
  EXPECT_EQ(hot->files().size() + cold->files().size(), 6u);
  expect_all_plays();
  // Both of one are damaged: nothing is touched.
  const auto rotten = rot(*hot, 1);
  rot(*cold, 1);
  const auto as_it_is = hot->content(rotten);
  clock.advance(hours{24 * 90});
  for (int i = 0; i < 40; ++i) {
    clock.advance(seconds{5});
    ASSERT_TRUE(archive->scrub());
  }
  EXPECT_EQ(archive->move_footage(policy).value().mended.size(), 0u);
  EXPECT_EQ(hot->content(rotten), as_it_is);
  EXPECT_EQ(archive->damage(10).value().size(), 1u);
}

TEST_F(MoveFootage, what_retention_takes_while_it_is_copied_or_mended_does_not_come_back) {
  boot();
  record(cam01);
  MovePolicy copies;
  copies.copies_of = [](const std::string&) { return 2u; };
  RetentionPolicy day;
  day.days_of = [](const std::string&) { return 1u; };
  clock.advance(hours{25});
  life->before_create = [&] { EXPECT_EQ(archive->enforce_retention(day).value().files_removed, 3u); };
  ASSERT_TRUE(archive->move_footage(copies));
  EXPECT_TRUE(cold->files().empty()) << cold->files().front();
  EXPECT_EQ(count("select count(*) from copies"), 0);

  began = clock.utc_now();
  record(cam01);
  ASSERT_EQ(archive->move_footage(copies).value().files_copied, 3u);
  rot(*hot, 0);
  clock.advance(hours{25});
  for (int i = 0; i < 20; ++i) {
    clock.advance(seconds{5});
    ASSERT_TRUE(archive->scrub());
  }
  ASSERT_EQ(archive->damage(10).value().size(), 1u);
  life->before_create = [&] { EXPECT_EQ(archive->enforce_retention(day).value().files_removed, 3u); };
  ASSERT_TRUE(archive->move_footage(copies));
  EXPECT_FALSE(life->before_create);
  EXPECT_TRUE(hot->files().empty()) << hot->files().front();
  EXPECT_TRUE(cold->files().empty());
}

TEST_F(MoveFootage, copies_without_a_second_volume_are_asked_for_in_vain_and_that_is_said) {
  archive = Archive::open({{"main", hot}}, *database, clock, {}).value();
  record(cam01);
  MovePolicy policy;
  policy.copies_of = [](const std::string&) { return 2u; };
  EXPECT_NE(archive->move_footage(policy).value().problem, "");
}

}  // namespace
}  // namespace ccoc::archive
