// A real PostgreSQL for tests: one private server per test program, started when first asked for and stopped at exit,
// and an empty database for each test.
//
//   const auto database = test::fresh_database();           // all migrations applied
//   db::Database other(db::DatabaseOptions{.url = test::empty_database_url()});
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>

#include "ccoc/db/database.h"
#include "ccoc/db/migrations.h"
#include "ccoc/db/private_server.h"

namespace ccoc::test {

/// A folder under /tmp that PostgreSQL's own user may enter; removed with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    char name[] = "/tmp/ccoc-test-XXXXXX";
    if (::mkdtemp(name) == nullptr || ::chmod(name, 0711) != 0) ::abort();
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline db::PrivateServer& postgres() {
  struct Running {
    TemporaryFolder folder;
    std::unique_ptr<db::PrivateServer> server;
    Running() {
      auto started = db::PrivateServer::start({.data_dir = folder.path(), .max_connections = 50});
      if (!started) {
        std::fprintf(stderr, "the tests' PostgreSQL does not start: %s\n", started.error().message.c_str());
        ::abort();
      }
      server = std::move(*started);
    }
  };
  static Running running;
  return *running.server;
}

/// libpq's connection text with another database's name; `url` ends with "dbname=…".
inline std::string with_database(const std::string& url, const std::string& name) {
  return url.substr(0, url.rfind("dbname=")) + "dbname=" + name;
}

/// The URL of a database with nothing in it.
inline std::string empty_database_url() {
  static std::atomic<int> count{0};
  const std::string name = "test_" + std::to_string(++count);
  db::Database server(db::DatabaseOptions{.url = postgres().url(), .max_connections = 1});
  const auto made = server.query("create database " + name);
  EXPECT_TRUE(made) << (made ? "" : made.error().message);
  return with_database(postgres().url(), name);
}

/// A database of its own with all migrations applied.
inline std::unique_ptr<db::Database> fresh_database() {
  auto database = std::make_unique<db::Database>(db::DatabaseOptions{.url = empty_database_url()});
  const auto migrated = db::migrate(*database);
  EXPECT_TRUE(migrated) << (migrated ? "" : migrated.error().message);
  return database;
}

}  // namespace ccoc::test
