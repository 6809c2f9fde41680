#include "archive_check.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>

#include "ccoc/archive/encrypted_disk.h"
#include "ccoc/base/disk.h"
#include "ccoc/media/mp4.h"
#include "ccoc/simulator/stamp.h"

namespace ccoc::bench {
namespace fs = std::filesystem;

namespace {

/// A whole file, looked at in place.
class MappedFile {
 public:
  explicit MappedFile(const fs::path& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat info{};
    if (fd >= 0 && ::fstat(fd, &info) == 0 && info.st_size > 0) {
      size_ = static_cast<std::size_t>(info.st_size);
      data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
      if (data_ == MAP_FAILED) data_ = nullptr, size_ = 0;
    }
    if (fd >= 0) ::close(fd);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }
  ByteView bytes() const { return {static_cast<const std::uint8_t*>(data_), size_}; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

/// A file in clear, whether it is encrypted or not.
class ClearFile {
 public:
  ClearFile(const fs::path& path, const std::optional<archive::FootageKey>& key) : mapped_(path) {
    if (!key || mapped_.bytes().empty()) return;
    auto folder = open_disk(path.parent_path().string());
    if (!folder) return;
    const auto disk = archive::make_encrypted_disk(std::shared_ptr<Disk>(std::move(*folder)), *key, false);
    const auto file = disk->open_read(path.filename().string());
    const auto size = file ? (*file)->size() : std::unexpected(file.error());
    if (!size) return;
    clear_.emplace(static_cast<std::size_t>(*size));
    if (!(*file)->read_at(0, *clear_)) clear_->clear();
  }
  ByteView bytes() const { return clear_ ? ByteView(*clear_) : mapped_.bytes(); }

 private:
  MappedFile mapped_;
  std::optional<Bytes> clear_;
};

using EachStamp = std::function<void(const simulator::Stamp&)>;

void count(CameraFootage& out, std::uint32_t camera, ByteView sample, const EachStamp& each) {
  const auto stamp = simulator::find_stamp(sample);
  if (!stamp || stamp->camera != camera) {
    ++out.foreign;
    return;
  }
  if (out.frames == 0) {
    out.first = stamp->frame;
  } else if (stamp->frame <= out.last) {
    ++out.out_of_order;
    return;
  } else {
    out.missing += stamp->frame - out.last - 1;
  }
  out.last = stamp->frame;
  ++out.frames;
  if (each) each(*stamp);
}

Status read_file(const ClearFile& file, const fs::path& path, std::uint32_t camera, CameraFootage& out, const EachStamp& each) {
  const auto header = media::parse_file_header(file.bytes());
  if (!header) return std::unexpected(header.error().within(path.string()));
  out.files += 1;
  out.bytes += file.bytes().size();
  for (auto at = header->size; at < file.bytes().size();) {
    const auto rest = file.bytes().subspan(at);
    const auto fragment = media::parse_fragment_header(rest);
    if (!fragment) return std::unexpected(fragment.error().within(path.string() + " at " + std::to_string(at)));
    if (fragment->size > rest.size()) return fail(ErrorCode::corrupt, path.string() + " ends in a torn fragment");
    auto offset = std::size_t{fragment->header_size};
    for (const auto& sample : fragment->samples) {
      count(out, camera, rest.subspan(offset, sample.size), each);
      offset += sample.size;
      out.payload += sample.size;
    }
    for (const auto& sample : fragment->audio.samples) out.payload += sample.size;
    at += fragment->size;
  }
  return {};
}

}  // namespace

Result<CameraFootage> read_footage(const std::string& footage, int camera, const EachStamp& each, const std::string& key_file) {
  std::optional<archive::FootageKey> key;
  if (!key_file.empty()) {
    const auto loaded = archive::load_footage_key(key_file, false);
    if (!loaded) return std::unexpected(loaded.error());
    key = *loaded;
  }
  const auto folder = fs::path(footage) / camera_id(camera) / "main";
  std::vector<std::pair<UtcTime, fs::path>> files;
  std::error_code none;
  for (const auto& entry : fs::recursive_directory_iterator(folder, none)) {
    if (entry.path().extension() != ".mp4") continue;
    const auto header = media::parse_file_header(ClearFile(entry.path(), key).bytes());
    if (!header || !header->origin) return fail(ErrorCode::corrupt, entry.path().string() + " does not say whose it is");
    files.emplace_back(header->origin->start, entry.path());
  }
  std::ranges::sort(files);
  CameraFootage out;
  for (const auto& [start, path] : files) {
    if (auto read = read_file(ClearFile(path, key), path, static_cast<std::uint32_t>(camera), out, each); !read) {
      return std::unexpected(read.error());
    }
  }
  return out;
}

Result<ArchiveVerdict> check_archive(const Options& options, const std::string& footage, const std::map<std::string, SentFrames>& sent,
                                     const std::string& key_file) {
  ArchiveVerdict out;
  for (int camera = 1; camera <= options.cameras; ++camera) {
    const auto recorded = read_footage(footage, camera, {}, key_file);
    if (!recorded) return std::unexpected(recorded.error());
    const auto at = sent.find(camera_id(camera) + "/main");
    const auto counts = at == sent.end() ? SentFrames{} : at->second;
    out.sent += counts.sent;
    out.dropped_by_farm += counts.dropped;
    out.archived += recorded->frames;
    out.missing += recorded->missing;
    out.out_of_order += recorded->out_of_order;
    out.foreign += recorded->foreign;
    out.files += recorded->files;
    out.bytes += recorded->bytes;
    out.payload += recorded->payload;
    const auto accounted = recorded->frames + recorded->missing;
    const auto unrecorded = counts.sent > accounted ? counts.sent - accounted : 0;
    out.unrecorded += unrecorded;
    if (counts.sent != recorded->frames || recorded->missing + recorded->out_of_order + recorded->foreign > 0) {
      out.complaints.push_back(camera_id(camera) + ": sent " + std::to_string(counts.sent) + ", in the archive " +
                               std::to_string(recorded->frames) + " (" + std::to_string(recorded->first) + "…" +
                               std::to_string(recorded->last) + "), missing between " + std::to_string(recorded->missing) +
                               ", out of order " + std::to_string(recorded->out_of_order) + ", foreign " +
                               std::to_string(recorded->foreign));
    }
  }
  return out;
}

}  // namespace ccoc::bench
