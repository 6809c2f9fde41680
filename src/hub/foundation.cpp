#include "foundation.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <utility>

#include "ccoc/base/log.h"
#include "ccoc/db/migrations.h"

namespace ccoc::hub {
namespace {

namespace fs = std::filesystem;

constexpr const char* note_name = "hub.database-url";

}  // namespace

DataDirectory::DataDirectory(fs::path path, int lock_fd, bool hub_running)
    : path_(std::move(path)), lock_fd_(lock_fd), hub_running_(hub_running) {}

DataDirectory::DataDirectory(DataDirectory&& other) noexcept
    : path_(std::move(other.path_)),
      lock_fd_(std::exchange(other.lock_fd_, -1)),
      hub_running_(other.hub_running_),
      left_note_(std::exchange(other.left_note_, false)) {}

DataDirectory::~DataDirectory() {
  std::error_code ignored;
  if (left_note_) fs::remove(path_ / note_name, ignored);
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

Result<DataDirectory> DataDirectory::open(const fs::path& path, bool exclusive) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    return fail(ErrorCode::io,
                "the data directory " + path.string() + " cannot be made: " + error.message() + "; choose another with --data DIR");
  }
  const fs::path whole = fs::absolute(path).lexically_normal();
  const fs::path lock = whole / "ccoc.lock";
  const int fd = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    auto reason = errno_error(errno, "the data directory " + whole.string() + " cannot be written");
    reason.message += "; check its owner, or choose another with --data DIR";
    return std::unexpected(std::move(reason));
  }
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (exclusive) {
      ::close(fd);
      return fail(ErrorCode::conflict,
                  "another hub runs on " + whole.string() + "; stop it first, or choose another data directory with --data DIR");
    }
    return DataDirectory(whole, fd, true);
  }
  return DataDirectory(whole, fd, false);
}

std::optional<std::string> DataDirectory::running_database_url() const {
  if (!hub_running_) return std::nullopt;
  std::ifstream file(path_ / note_name);
  std::string url;
  if (!std::getline(file, url) || url.empty()) return std::nullopt;
  return url;
}

Status DataDirectory::leave_note(const std::string& database_url) {
  const fs::path note = path_ / note_name;
  const int fd = ::open(note.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return std::unexpected(errno_error(errno, note.string()));
  const std::string line = database_url + "\n";
  const auto written = ::write(fd, line.data(), line.size());
  const int problem = errno;
  ::close(fd);
  if (written != static_cast<ssize_t>(line.size())) return std::unexpected(errno_error(problem, note.string()));
  left_note_ = true;
  return {};
}

Result<OpenDatabase> open_database(const Config& config, const DataDirectory& data, std::size_t connections) {
  OpenDatabase out;
  if (!config.database.url.empty()) {
    out.url = config.database.url;
  } else if (data.hub_running()) {
    const auto url = data.running_database_url();
    if (!url) {
      return fail(ErrorCode::unavailable, "a hub is starting on " + data.path().string() + "; try again in a moment");
    }
    out.url = *url;
  } else {
    auto server = db::PrivateServer::start(data.path());
    if (!server) return std::unexpected(server.error());
    out.server = std::move(*server);
    out.url = out.server->url();
  }
  db::DatabaseOptions options;
  options.url = out.url;
  options.max_connections = connections;
  out.database = std::make_unique<db::Database>(options);
  if (const auto answers = out.database->ping(); !answers) {
    auto reason = answers.error();
    if (!config.database.url.empty()) {
      reason.message += "; check database.url (it is set, so the hub does not start a PostgreSQL of its own)";
    }
    return std::unexpected(std::move(reason));
  }
  const auto migrated = db::migrate(*out.database);
  if (!migrated) return std::unexpected(migrated.error());
  if (migrated->version_before != migrated->version_after) {
    log::info("db", "schema brought from version {} to {}", migrated->version_before, migrated->version_after);
  }
  return out;
}

registry::Rules rules_of(const Config& config) {
  registry::Rules rules;
  rules.site = registry::Bounds{config.site.min_lat, config.site.max_lat, config.site.min_lon, config.site.max_lon};
  rules.allow_loopback = config.ingest.allow_loopback;
  rules.files = config.ingest.files;
  return rules;
}

Result<registry::SecretBox> open_secrets(const DataDirectory& data) { return registry::SecretBox::open(data.path() / "secret.key"); }

}  // namespace ccoc::hub
