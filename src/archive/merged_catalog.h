// The Catalog: rows of the store under what the ledger knows better.
#pragma once

#include "ccoc/archive/catalog.h"
#include "ledger.h"
#include "move_store.h"
#include "table_cache.h"

namespace ccoc::archive {

class MergedCatalog final : public Catalog {
 public:
  MergedCatalog(SegmentStore& store, MoveStore* moves, const Ledger& ledger, const Clock& clock,
                std::map<std::string, std::shared_ptr<Disk>> disks);

  Result<std::vector<Segment>> find(const StreamKey& key, UtcTime from, UtcTime to) override;
  Result<std::optional<Segment>> at_or_after(const StreamKey& key, UtcTime at) override;
  Result<std::optional<Segment>> before(const StreamKey& key, UtcTime at) override;
  Result<std::vector<Gap>> gaps(const StreamKey& key, UtcTime from, UtcTime to) override;
  Result<std::optional<Span>> extent(const StreamKey& key) override;
  Result<std::vector<CameraTimeline>> timeline(std::span<const std::string> cameras, const std::string& stream, UtcTime from, UtcTime to,
                                               unsigned buckets) override;
  Result<Account> account(const StreamKey& key, UtcTime from, UtcTime to) override;
  StreamEdge edge(const StreamKey& key) override { return ledger_.edge(key); }
  Result<std::shared_ptr<SegmentReader>> open(const Segment& segment) override;

 private:
  Result<std::unique_ptr<DiskFile>> open_file(const SegmentId& id) const;
  /// Where the file went, or its copy.
  Result<std::unique_ptr<DiskFile>> open_elsewhere(const Segment& segment, const Error& why);
  /// A stored timeline under what the ledger knows, cut to the range; holes are left as they are. Levels go into `activity`.
  CameraTimeline assemble(const StreamKey& key, StoredTimeline stored, UtcTime from, UtcTime to, UtcTime now,
                          ActivityBuckets& activity) const;

  SegmentStore& store_;
  MoveStore* const moves_;  ///< may be null
  const Ledger& ledger_;
  const Clock& clock_;
  const std::map<std::string, std::shared_ptr<Disk>> disks_;
  TableCache tables_{16u << 20};
};

}  // namespace ccoc::archive
