// Every write, sync, cut and removal of a run is recorded; then the power is cut after each of them, what was not synced is
// lost in part and out of order, and the archive is started again (faults.md 19).
#include <algorithm>

#include "sim/write_log.h"
#include "support/footage.h"

namespace ccoc::archive {
namespace {

using namespace ccoc::test;

/// A run of two streams with what an archive lives through: files end, a write is torn, the disk is full, retention removes.
class PowerCut : public testing::Test {
 protected:
  using Rows = std::map<SegmentId, Segment>;

  void SetUp() override {
    options.segment_length = seconds{10};
    auto sim_disk = std::make_shared<sim::SimDisk>();
    disk = std::make_shared<sim::LoggedDisk>(sim_disk);
    archive = open(disk, tables);
    const auto first = archive->record(cam01).value();
    const auto second = archive->record({"cam02", "main"}).value();
    Camera one(start), two(start + milliseconds{13});
    const auto run = [&](const char* until) {
      while (one.time() < at(until)) {
        clock.advance_to(one.time());
        first->on_unit(one.next());
        second->on_unit(two.next());
        if (clock.now() - last_step < milliseconds{500}) continue;
        last_step = clock.now();
        archive->step();
        note_index();
      }
    };
    run("2026-11-24T05:24:24.300Z");
    sim_disk->fail_writes(Error{ErrorCode::io, "input/output error", {}}, 5000);
    run("2026-11-24T05:24:26.000Z");
    sim_disk->fail_writes(std::nullopt);
    run("2026-11-24T05:24:40.000Z");
    sim_disk->set_capacity(sim_disk->used_bytes() + 20'000);
    run("2026-11-24T05:24:44.000Z");
    sim_disk->set_capacity(~std::uint64_t{0});
    RetentionPolicy policy;
    policy.max_bytes = sim_disk->used_bytes() * 2 / 3;
    ASSERT_TRUE(archive->enforce_retention(policy));
    note_index();
    run("2026-11-24T05:24:52.000Z");
    log = disk->log();
    ASSERT_GT(log.size(), 100u);
    ASSERT_TRUE(std::ranges::any_of(log, [](const auto& op) { return op.kind == sim::WriteOp::Kind::truncate; }));
    ASSERT_TRUE(std::ranges::any_of(log, [](const auto& op) { return op.kind == sim::WriteOp::Kind::remove; }));
  }

  std::unique_ptr<Archive> open(std::shared_ptr<Disk> on, std::shared_ptr<sim::IndexTables> with) {
    return Archive::open({{"main", std::move(on)}}, std::make_unique<sim::MemorySegmentStore>(std::move(with)), clock, options).value();
  }

  /// What the index held after so many operations.
  void note_index() {
    const std::lock_guard lock(tables->mutex);
    index_at[disk->log().size()] = tables->segments;
  }

  /// Starts a hub over what was left, and checks what it makes of it.
  void expect_recovered(const sim::AfterCut& left, const Rows& index, const std::string& what) {
    auto survivor = std::make_shared<sim::SimDisk>();
    for (const auto& [path, bytes] : left.files) survivor->put(path, bytes);
    auto known = std::make_shared<sim::IndexTables>();
    known->segments = index;
    const auto hub = open(survivor, known);
    const auto report = hub->recover();
    for (const auto& problem : report.problems) ADD_FAILURE() << what << ": " << problem;
    for (int i = 0; i < 6; ++i) hub->step();

    std::vector<std::string> indexed;
    for (const auto& [id, row] : known->segments) {
      indexed.push_back(id.second);
      EXPECT_FALSE(row.open) << what << ": " << id.second;
      EXPECT_EQ(row.bytes, survivor->content(id.second).size()) << what << ": " << id.second;
    }
    EXPECT_EQ(indexed, survivor->files()) << what;
    for (const auto& path : survivor->files()) {
      const auto bytes = survivor->content(path);
      auto file = survivor->open_read(path).value();
      const auto table = scan_segment(*file, bytes.size());
      ASSERT_TRUE(table) << what << ": " << path << ": " << table.error().message;
      EXPECT_EQ(table->whole_bytes, bytes.size()) << what << ": " << path << " has a torn tail";
      SegmentReader reader(std::move(file), std::make_shared<FragmentTable>(*table), path);
      for (const auto& fragment : reader.fragments()) EXPECT_TRUE(reader.verify(fragment)) << what << ": " << path;
    }
    for (const auto& [path, synced] : left.synced) expect_kept(path, synced, left, *survivor, what);
  }

  /// What was synced, and not removed or cut since, is there to its last whole fragment.
  static void expect_kept(const std::string& path, const Bytes& synced, const sim::AfterCut& left, const sim::SimDisk& disk,
                          const std::string& what) {
    const auto written = left.written.find(path);
    if (written == left.written.end()) return;
    const auto safe = std::min(synced.size(), written->second.size());
    sim::SimDisk model;
    model.put("f", Bytes(synced.begin(), synced.begin() + static_cast<std::ptrdiff_t>(safe)));
    const auto whole = scan_segment(*model.open_read("f").value(), safe);
    const std::size_t due = whole && !whole->fragments.empty() ? static_cast<std::size_t>(whole->whole_bytes) : 0;
    const auto kept = disk.content(path);
    ASSERT_GE(kept.size(), due) << what << ": " << path << " lost what was synced";
    EXPECT_TRUE(std::equal(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(due), synced.begin())) << what << ": " << path;
  }

  const UtcTime start = at("2026-11-24T05:24:03.000Z");
  FootageClock clock{start};
  MonoTime last_step{};
  ArchiveOptions options;
  std::shared_ptr<sim::LoggedDisk> disk;
  std::shared_ptr<sim::IndexTables> tables = std::make_shared<sim::IndexTables>();
  std::unique_ptr<Archive> archive;
  std::vector<sim::WriteOp> log;
  std::map<std::size_t, Rows> index_at;  ///< by operations done
};

TEST_F(PowerCut, fault_19_whatever_a_cut_leaves_becomes_an_archive_whose_index_agrees_with_its_files) {
  std::mt19937_64 random{19};
  for (std::size_t count = 0; count <= log.size() && !HasFailure(); ++count) {
    // PostgreSQL does not wait for the disk either: its rows are of now, or of some time before.
    auto now = index_at.upper_bound(count);
    std::vector<Rows> indexes{{}};
    if (now != index_at.begin()) {
      indexes.push_back(std::prev(now)->second);
      const auto back = std::uniform_int_distribution<int>{0, 3}(random);
      for (int i = 0; i < back && std::prev(now) != index_at.begin(); ++i) --now;
      indexes.push_back(std::prev(now)->second);
    }
    const auto& index = indexes[std::uniform_int_distribution<std::size_t>{0, indexes.size() - 1}(random)];
    const auto after = " after " + std::to_string(count) + " operations";
    expect_recovered(sim::kill_process(log, count), indexes.back(), "killed" + after);
    for (int variant = 0; variant < 4; ++variant) {
      expect_recovered(sim::cut_power(log, count, random), index, "cut" + after + ", variant " + std::to_string(variant));
    }
  }
}

}  // namespace
}  // namespace ccoc::archive
