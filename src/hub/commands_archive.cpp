// `ccoc archive check|reindex`, `ccoc export`, `ccoc migrate`.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iostream>
#include <thread>

#include "ccoc/archive/audit.h"
#include "ccoc/archive/encrypted_disk.h"
#include "ccoc/playback/range_file.h"
#include "commands.h"
#include "foundation.h"
#include "volumes.h"

namespace ccoc::hub {
namespace {

struct Shelves {
  DataDirectory data;
  OpenDatabase opened;
  std::vector<archive::VolumeSpec> volumes;
};

Result<Shelves> open_shelves(const Config& config, bool exclusive) {
  auto data = DataDirectory::open(config.data.dir, exclusive);
  if (!data) return std::unexpected(data.error());
  auto opened = open_database(config, *data, 2);
  if (!opened) return std::unexpected(opened.error());
  auto volumes = open_volumes(config, data->path());
  if (!volumes) return std::unexpected(volumes.error());
  return Shelves{std::move(*data), std::move(*opened), std::move(*volumes)};
}

void print_issues(const std::vector<archive::Issue>& issues) {
  for (const auto& issue : issues) {
    std::cout << archive::to_string(issue.finding) << ' ' << issue.path << ": " << issue.detail << '\n';
  }
}

Status write_bytes(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) return std::unexpected(errno_error(errno, "writing"));
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Status write_all(playback::VirtualFile& file, int fd) {
  Bytes buffer(std::size_t{1} << 20);
  for (std::uint64_t at = 0; at < file.size();) {
    const auto got = file.read_at(at, buffer);
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return fail(ErrorCode::corrupt, "the footage ended before its stated size");
    if (auto written = write_bytes(fd, ByteView(buffer).first(*got)); !written) return written;
    at += *got;
  }
  return {};
}

}  // namespace

int check_archive(const Config& config, bool verify) {
  auto shelves = open_shelves(config, false);
  if (!shelves) return report_failure(shelves.error());
  auto report = archive::check(shelves->volumes, *shelves->opened.database, verify);
  if (report && !report->clean() && shelves->data.hub_running()) {
    // A file is on disk up to a second before its row: only what is found twice, a while apart, is a finding.
    std::this_thread::sleep_for(std::chrono::seconds{3});
    const auto first = std::move(report->issues);
    report = archive::check(shelves->volumes, *shelves->opened.database, verify);
    if (report) {
      std::erase_if(report->issues, [&](const archive::Issue& issue) {
        return std::ranges::none_of(
            first, [&](const archive::Issue& before) { return before.finding == issue.finding && before.path == issue.path; });
      });
    }
  }
  if (!report) return report_failure(report.error());
  print_issues(report->issues);
  std::cout << report->files << " files, " << report->fragments << " fragments, " << report->bytes
            << " bytes: " << (report->clean() ? "index and disk agree" : std::to_string(report->issues.size()) + " findings") << '\n';
  return report->clean() ? 0 : 1;
}

int reindex_archive(const Config& config) {
  // Alone: a hub that records meanwhile would see its rows replaced.
  auto shelves = open_shelves(config, true);
  if (!shelves) return report_failure(shelves.error());
  const auto report = archive::reindex(shelves->volumes, *shelves->opened.database);
  if (!report) return report_failure(report.error());
  print_issues(report->skipped);
  std::cout << "indexed " << report->files << " files, " << report->bytes << " bytes; skipped " << report->skipped.size() << '\n';
  return report->skipped.empty() ? 0 : 1;
}

int decrypt_footage(const Config& config, const std::string& file, const std::string& output, const std::string& key_file) {
  namespace fs = std::filesystem;
  const auto key = archive::load_footage_key(key_file.empty() ? (fs::path(config.data.dir) / "footage.key").string() : key_file, false);
  if (!key) return report_failure(key.error());
  const auto path = fs::absolute(file);
  std::error_code missing;
  if (!fs::exists(path, missing)) return report_failure(errno_error(ENOENT, file));
  auto folder = open_disk(path.parent_path().string());
  if (!folder) return report_failure(folder.error());
  const auto disk = archive::make_encrypted_disk(std::shared_ptr<Disk>(std::move(*folder)), *key, false);
  const auto footage = disk->open_read(path.filename().string());
  if (!footage) return report_failure(footage.error());
  const int fd = ::open(output.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  if (fd < 0) return report_failure(errno_error(errno, output));
  Status written;
  Bytes buffer(std::size_t{4} << 20);
  for (std::uint64_t at = 0; written;) {
    const auto got = (*footage)->read_at(at, buffer);
    if (!got) written = std::unexpected(got.error());
    if (!got || *got == 0) break;
    written = write_bytes(fd, ByteView(buffer).first(*got));
    at += *got;
  }
  if (::close(fd) != 0 || !written) {
    ::unlink(output.c_str());
    return report_failure(written ? errno_error(errno, output) : written.error());
  }
  return 0;
}

int export_footage(const Config& config, const ExportArguments& arguments) {
  const auto from = parse_rfc3339(arguments.from);
  if (!from) return report_failure(from.error().within("--from"));
  const auto to = parse_rfc3339(arguments.to);
  if (!to) return report_failure(to.error().within("--to"));
  auto shelves = open_shelves(config, false);
  if (!shelves) return report_failure(shelves.error());
  const SystemClock clock;
  auto archive = archive::Archive::open(shelves->volumes, *shelves->opened.database, clock, archive_options(config));
  if (!archive) return report_failure(archive.error());
  auto file = playback::export_range((*archive)->catalog(), {arguments.camera, arguments.stream}, *from, *to);
  if (!file) return report_failure(file.error());
  const int fd = ::open(arguments.output.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  if (fd < 0) return report_failure(errno_error(errno, arguments.output));
  const auto written = write_all(**file, fd);
  if (::close(fd) != 0 || !written) {
    ::unlink(arguments.output.c_str());
    return report_failure(written ? errno_error(errno, arguments.output) : written.error());
  }
  const auto covers = (*file)->covers();
  std::cout << arguments.output << ": " << (*file)->size() << " bytes, " << format_rfc3339(covers.from) << " to "
            << format_rfc3339(covers.to) << '\n';
  return 0;
}

int migrate_database(const Config& config) {
  auto data = DataDirectory::open(config.data.dir, false);
  if (!data) return report_failure(data.error());
  const auto opened = open_database(config, *data, 1);
  if (!opened) return report_failure(opened.error());
  std::cout << "the database has the newest schema\n";
  return 0;
}

}  // namespace ccoc::hub
