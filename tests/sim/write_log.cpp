#include "sim/write_log.h"

#include <algorithm>

namespace ccoc::sim {
namespace {

constexpr std::size_t page = 4096;

void apply(const WriteOp& op, Files& files) {
  switch (op.kind) {
    case WriteOp::Kind::create: files[op.path]; break;
    case WriteOp::Kind::append: files[op.path].insert(files[op.path].end(), op.bytes.begin(), op.bytes.end()); break;
    case WriteOp::Kind::truncate: files[op.path].resize(static_cast<std::size_t>(op.size)); break;
    case WriteOp::Kind::remove: files.erase(op.path); break;
    case WriteOp::Kind::sync: break;
  }
}

}  // namespace

class LoggedDisk::File final : public DiskFile {
 public:
  File(LoggedDisk& disk, std::string path, std::unique_ptr<DiskFile> file) : disk_(disk), path_(std::move(path)), file_(std::move(file)) {}

  Status append(std::span<const ByteView> pieces) override {
    const auto before = file_->size().value();
    auto done = file_->append(pieces);
    Bytes bytes(static_cast<std::size_t>(file_->size().value() - before));
    (void)file_->read_at(before, bytes);
    disk_.log_.push_back({WriteOp::Kind::append, path_, std::move(bytes), 0});
    return done;
  }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override { return file_->read_at(offset, into); }
  Status truncate(std::uint64_t size) override {
    auto done = file_->truncate(size);
    if (done) disk_.log_.push_back({WriteOp::Kind::truncate, path_, {}, size});
    return done;
  }
  Result<std::uint64_t> size() override { return file_->size(); }
  Status sync() override {
    auto done = file_->sync();
    if (done) disk_.log_.push_back({WriteOp::Kind::sync, path_, {}, 0});
    return done;
  }

 private:
  LoggedDisk& disk_;
  std::string path_;
  std::unique_ptr<DiskFile> file_;
};

Result<std::unique_ptr<DiskFile>> LoggedDisk::create(const std::string& path) {
  auto file = disk_->create(path);
  if (!file) return file;
  log_.push_back({WriteOp::Kind::create, path, {}, 0});
  return std::make_unique<File>(*this, path, *std::move(file));
}

Result<std::unique_ptr<DiskFile>> LoggedDisk::open_write(const std::string& path) {
  auto file = disk_->open_write(path);
  if (!file) return file;
  return std::make_unique<File>(*this, path, *std::move(file));
}

Status LoggedDisk::rename(const std::string&, const std::string&) { return fail(ErrorCode::unsupported, "renaming is not logged"); }

Status LoggedDisk::remove(const std::string& path) {
  auto done = disk_->remove(path);
  if (done && path.ends_with(".mp4")) log_.push_back({WriteOp::Kind::remove, path, {}, 0});
  return done;
}

Status LoggedDisk::sync_all() {
  auto done = disk_->sync_all();
  if (done) log_.push_back({WriteOp::Kind::sync, {}, {}, 0});
  return done;
}

AfterCut kill_process(const std::vector<WriteOp>& log, std::size_t count) {
  AfterCut out;
  for (std::size_t i = 0; i < count; ++i) {
    apply(log[i], out.written);
    if (log[i].kind == WriteOp::Kind::sync && log[i].path.empty()) out.synced = out.written;
    if (log[i].kind == WriteOp::Kind::sync && !log[i].path.empty()) out.synced[log[i].path] = out.written[log[i].path];
  }
  out.files = out.written;
  return out;
}

AfterCut cut_power(const std::vector<WriteOp>& log, std::size_t count, std::mt19937_64& random) {
  AfterCut out = kill_process(log, count);
  const auto below = [&random](std::size_t most) { return std::uniform_int_distribution<std::size_t>{0, most}(random); };
  out.files.clear();
  Files all = out.written;
  for (const auto& [path, bytes] : out.synced) all.try_emplace(path);  // removed since
  for (const auto& [path, unused] : all) {
    const auto was = out.synced.find(path);
    const auto is = out.written.find(path);
    if (was == out.synced.end()) {
      if (below(2) == 0) continue;  // the file that was made is not there
    } else if (is == out.written.end()) {
      if (below(1) == 0) out.files[path] = was->second;  // the removal did not reach the disk
      continue;
    } else if (is->second.size() < was->second.size() && below(1) == 0) {
      out.files[path] = was->second;  // nor the cut
      continue;
    }
    const auto& bytes = is->second;
    const std::size_t safe = was == out.synced.end() ? 0 : std::min(was->second.size(), bytes.size());
    Bytes left(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(safe + below(bytes.size() - safe)));
    const bool holes = below(1) == 0;
    for (auto at = safe; holes && at < left.size();) {
      const auto end = std::min(left.size(), (at / page + 1) * page);
      if (below(2) == 0) std::fill_n(left.begin() + static_cast<std::ptrdiff_t>(at), end - at, std::uint8_t{0});
      at = end;
    }
    out.files[path] = std::move(left);
  }
  return out;
}

}  // namespace ccoc::sim
