#include "sim/sim_disk.h"

#include <algorithm>

namespace ccoc::sim {
namespace {

constexpr std::size_t block = 4096;

std::unexpected<Error> missing(const std::string& path) { return fail(ErrorCode::not_found, "'" + path + "' is not there"); }

}  // namespace

class SimDisk::File final : public DiskFile {
 public:
  File(SimDisk& disk, std::shared_ptr<Node> node) : disk_(disk), node_(std::move(node)) {}

  Status append(std::span<const ByteView> pieces) override {
    std::unique_lock lock(disk_.mutex_);
    ++disk_.waiting_;
    disk_.released_.wait(lock, [this] { return !disk_.held_; });
    --disk_.waiting_;
    Bytes bytes;
    for (const auto& piece : pieces) bytes.insert(bytes.end(), piece.begin(), piece.end());
    std::size_t kept = bytes.size();
    std::optional<Error> error = disk_.write_error_;
    if (error) {
      kept = std::min(kept, disk_.torn_);
    } else if (const auto room = disk_.capacity_ - std::min(disk_.capacity_, disk_.used()); room < kept) {
      kept = static_cast<std::size_t>(room);
      error = Error{ErrorCode::no_space, "no space left on the model disk", {}};
    }
    node_->data.insert(node_->data.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(kept));
    if (error) return std::unexpected(*error);
    return {};
  }

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    const std::lock_guard lock(disk_.mutex_);
    if (offset >= node_->data.size()) return 0;
    const auto count = std::min<std::size_t>(into.size(), node_->data.size() - static_cast<std::size_t>(offset));
    std::copy_n(node_->data.begin() + static_cast<std::ptrdiff_t>(offset), count, into.begin());
    return count;
  }

  Status truncate(std::uint64_t size) override {
    const std::lock_guard lock(disk_.mutex_);
    if (disk_.truncation_fails_) return fail(ErrorCode::io, "the model disk is read-only");
    node_->data.resize(static_cast<std::size_t>(size));
    node_->synced = std::min(node_->synced, node_->data.size());
    return {};
  }

  Result<std::uint64_t> size() override {
    const std::lock_guard lock(disk_.mutex_);
    return node_->data.size();
  }

  Status sync() override {
    const std::lock_guard lock(disk_.mutex_);
    node_->synced = node_->data.size();
    node_->exists_after_crash = true;
    return {};
  }

 private:
  SimDisk& disk_;
  std::shared_ptr<Node> node_;
};

SimDisk::SimDisk() = default;
SimDisk::~SimDisk() = default;

Result<std::unique_ptr<DiskFile>> SimDisk::create(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (write_error_) return std::unexpected(*write_error_);
  const auto [it, made] = nodes_.try_emplace(path, std::make_shared<Node>());
  if (!made) return fail(ErrorCode::conflict, "'" + path + "' exists");
  for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    folders_.insert(path.substr(0, slash));
  }
  return std::make_unique<File>(*this, it->second);
}

Result<std::unique_ptr<DiskFile>> SimDisk::open_read(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto it = nodes_.find(path);
  if (it == nodes_.end()) return missing(path);
  return std::make_unique<File>(*this, it->second);
}

Result<std::unique_ptr<DiskFile>> SimDisk::open_write(const std::string& path) { return open_read(path); }

Result<std::vector<DiskEntry>> SimDisk::list(const std::string& folder) {
  const std::lock_guard lock(mutex_);
  if (!folder.empty() && !folders_.contains(folder)) return missing(folder);
  const std::string prefix = folder.empty() ? "" : folder + "/";
  const auto directly_in = [&](const std::string& path) {
    return path.starts_with(prefix) && path.find('/', prefix.size()) == std::string::npos;
  };
  std::vector<DiskEntry> entries;
  for (const auto& name : folders_) {
    if (directly_in(name)) entries.push_back({name.substr(prefix.size()), true, 0});
  }
  for (const auto& [path, node] : nodes_) {
    if (directly_in(path)) entries.push_back({path.substr(prefix.size()), false, node->data.size()});
  }
  std::ranges::sort(entries, {}, &DiskEntry::name);
  return entries;
}

Status SimDisk::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  const auto node = nodes_.find(from);
  if (node == nodes_.end()) return missing(from);
  if (nodes_.contains(to)) return fail(ErrorCode::conflict, "'" + to + "' exists");
  for (auto slash = to.find('/'); slash != std::string::npos; slash = to.find('/', slash + 1)) folders_.insert(to.substr(0, slash));
  nodes_[to] = node->second;
  nodes_.erase(from);
  renamed_.emplace_back(from, to);
  return {};
}

Status SimDisk::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (const auto node = nodes_.find(path); node != nodes_.end()) {
    if (node->second->exists_after_crash) removed_[path] = node->second;
    nodes_.erase(node);
    return {};
  }
  if (!folders_.contains(path)) return missing(path);
  const auto inside = [&](const std::string& name) { return name.starts_with(path + "/"); };
  const bool empty =
      std::ranges::none_of(folders_, inside) && std::ranges::none_of(nodes_, [&](const auto& entry) { return inside(entry.first); });
  if (!empty) return fail(ErrorCode::io, "'" + path + "' is not empty");
  folders_.erase(path);
  return {};
}

std::uint64_t SimDisk::used() const {
  std::uint64_t sum = 0;
  for (const auto& [path, node] : nodes_) sum += node->data.size();
  return sum;
}

Result<DiskSpace> SimDisk::space() {
  const std::lock_guard lock(mutex_);
  const auto total = std::min<std::uint64_t>(capacity_, std::uint64_t{1} << 40);
  return DiskSpace{total, total - std::min(total, used()), file_system_};
}

Status SimDisk::sync_all() {
  const std::lock_guard lock(mutex_);
  if (write_error_) return std::unexpected(*write_error_);
  for (auto& [path, node] : nodes_) {
    node->synced = node->data.size();
    node->exists_after_crash = true;
  }
  removed_.clear();
  renamed_.clear();
  ++syncs_;
  return {};
}

void SimDisk::set_capacity(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

void SimDisk::set_file_system(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  file_system_ = id;
}

void SimDisk::fail_writes(std::optional<Error> error, std::size_t torn) {
  const std::lock_guard lock(mutex_);
  write_error_ = std::move(error);
  torn_ = torn;
}

void SimDisk::fail_truncation(bool fail) {
  const std::lock_guard lock(mutex_);
  truncation_fails_ = fail;
}

void SimDisk::hold_writes(bool hold) {
  {
    const std::lock_guard lock(mutex_);
    held_ = hold;
  }
  released_.notify_all();
}

std::size_t SimDisk::held_writes() const {
  const std::lock_guard lock(mutex_);
  return held_ ? waiting_ : 0;
}

void SimDisk::crash(Loss loss, std::mt19937_64& random) {
  const std::lock_guard lock(mutex_);
  if (loss == Loss::nothing) return;
  const auto below = [&](std::size_t limit) { return std::uniform_int_distribution<std::size_t>{0, limit}(random); };
  const auto undone = [&] { return loss == Loss::all || below(1) == 0; };
  for (auto& [path, node] : removed_) {
    if (!nodes_.contains(path) && undone()) nodes_.emplace(path, std::move(node));
  }
  removed_.clear();
  for (; !renamed_.empty(); renamed_.pop_back()) {
    const auto& [from, to] = renamed_.back();
    const auto node = nodes_.find(to);
    if (node == nodes_.end() || nodes_.contains(from) || !undone()) continue;
    nodes_[from] = node->second;
    nodes_.erase(node);
  }
  for (auto it = nodes_.begin(); it != nodes_.end();) {
    auto node = std::make_shared<Node>(*it->second);
    const auto unsynced = node->data.size() - node->synced;
    node->data.resize(node->synced + (loss == Loss::all ? 0 : below(unsynced)));
    for (auto at = node->synced; loss == Loss::blocks && at < node->data.size();) {
      const auto end = std::min(node->data.size(), (at / block + 1) * block);
      if (below(2) == 0) std::fill_n(node->data.begin() + static_cast<std::ptrdiff_t>(at), end - at, std::uint8_t{0});
      at = end;
    }
    const bool forgotten = !node->exists_after_crash && undone();
    it->second = std::move(node);  // files still open go on with the old one
    it = forgotten ? nodes_.erase(it) : std::next(it);
  }
}

std::vector<std::string> SimDisk::files() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [path, node] : nodes_) names.push_back(path);
  return names;
}

Bytes SimDisk::content(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto it = nodes_.find(path);
  return it == nodes_.end() ? Bytes{} : it->second->data;
}

void SimDisk::put(const std::string& path, Bytes content) {
  const std::lock_guard lock(mutex_);
  auto node = std::make_shared<Node>();
  node->data = std::move(content);
  node->synced = node->data.size();
  node->exists_after_crash = true;
  nodes_[path] = std::move(node);
  for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    folders_.insert(path.substr(0, slash));
  }
}

std::uint64_t SimDisk::used_bytes() const {
  const std::lock_guard lock(mutex_);
  return used();
}

std::uint64_t SimDisk::syncs() const {
  const std::lock_guard lock(mutex_);
  return syncs_;
}

}  // namespace ccoc::sim
