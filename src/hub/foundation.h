// What `serve` and the other commands share: the data directory, its lock, the database. Private to the hub.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "ccoc/base/config.h"
#include "ccoc/base/result.h"
#include "ccoc/db/database.h"
#include "ccoc/db/private_server.h"
#include "ccoc/registry/rules.h"
#include "ccoc/registry/secret_box.h"

namespace ccoc::hub {

/// Creates DATA (mode 0755, so that the database's own user can pass) and holds its lock: one hub per DATA.
class DataDirectory {
 public:
  /// `conflict` when a hub holds the lock and `exclusive` is asked; without, the lock is only looked at.
  static Result<DataDirectory> open(const std::filesystem::path& path, bool exclusive);
  ~DataDirectory();
  DataDirectory(DataDirectory&& other) noexcept;
  DataDirectory& operator=(DataDirectory&&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// A hub runs on it now (and it is not us).
  bool hub_running() const { return hub_running_; }
  /// The running hub's note of its database, for commands beside it.
  std::optional<std::string> running_database_url() const;
  /// Leaves that note (mode 600); removed at the end.
  Status leave_note(const std::string& database_url);

 private:
  DataDirectory(std::filesystem::path path, int lock_fd, bool hub_running);
  std::filesystem::path path_;
  int lock_fd_ = -1;
  bool hub_running_ = false;
  bool left_note_ = false;
};

/// The database of a configuration: an external one by URL, the running hub's, or a private server started here.
struct OpenDatabase {
  std::unique_ptr<db::PrivateServer> server;  ///< null unless started here
  std::string url;
  std::unique_ptr<db::Database> database;
};

/// Opens and migrates. The error is a sentence that says what to do.
Result<OpenDatabase> open_database(const Config& config, const DataDirectory& data, std::size_t connections = 6);

registry::Rules rules_of(const Config& config);
Result<registry::SecretBox> open_secrets(const DataDirectory& data);

}  // namespace ccoc::hub
