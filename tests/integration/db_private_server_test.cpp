#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <thread>

#include "ccoc/db/database.h"
#include "ccoc/db/private_server.h"
#include "support/postgres.h"

namespace ccoc::db {
namespace {

namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = Steady::now() + std::chrono::seconds(20);
  while (Steady::now() < deadline) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return condition();
}

std::string setting(const std::string& url, const std::string& name) {
  Database database(DatabaseOptions{.url = url});
  const auto rows = database.query("select current_setting($1)", {name});
  return rows ? (*rows)[0].text(0) : rows.error().message;
}

TEST(PrivateServer, is_reached_by_its_socket_only) {
  const test::TemporaryFolder folder;
  const auto server = PrivateServer::start(folder.path());
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_EQ(setting((*server)->url(), "listen_addresses"), "");
  EXPECT_EQ(setting((*server)->url(), "fsync"), "on");
  EXPECT_EQ(setting((*server)->url(), "server_encoding"), "UTF8");
  struct stat is{};
  ASSERT_EQ(::stat((folder.path() / "postgres").c_str(), &is), 0);
  EXPECT_EQ(is.st_mode & 0777, 0700u);
  EXPECT_NE(is.st_uid, 0u) << "PostgreSQL never runs as root";
}

TEST(PrivateServer, keeps_what_was_committed_from_one_run_to_the_next) {
  const test::TemporaryFolder folder;
  for (int run = 1; run <= 2; ++run) {
    const auto server = PrivateServer::start(folder.path());
    ASSERT_TRUE(server) << server.error().message;
    Database database(DatabaseOptions{.url = (*server)->url()});
    ASSERT_TRUE(database.query("create table if not exists t (a int)"));
    ASSERT_TRUE(database.query("insert into t values ($1)", {run}));
    EXPECT_EQ((*database.query("select count(*) from t"))[0].i64(0), run);
  }
}

TEST(PrivateServer, is_started_again_when_it_dies) {
  const test::TemporaryFolder folder;
  const auto server = PrivateServer::start(folder.path());
  ASSERT_TRUE(server) << server.error().message;
  Database database(DatabaseOptions{.url = (*server)->url()});
  ASSERT_TRUE(database.query("create table t (a int)"));
  ASSERT_EQ(::kill((*server)->pid(), SIGKILL), 0);
  EXPECT_TRUE(eventually([&] { return (*server)->restarts() >= 1 && database.query("select a from t").has_value(); }));
}

TEST(PrivateServer, lets_no_second_hub_into_the_same_folder) {
  const test::TemporaryFolder folder;
  const auto server = PrivateServer::start(folder.path());
  ASSERT_TRUE(server) << server.error().message;
  const auto second = PrivateServer::start(folder.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_THAT(second.error().message, testing::HasSubstr("another ccoc"));
  Database database(DatabaseOptions{.url = (*server)->url()});
  EXPECT_TRUE(database.ping());
}

TEST(PrivateServer, ends_with_a_hub_that_was_killed_and_starts_with_the_next) {
  const test::TemporaryFolder folder;
  int pipe_fds[2];
  ASSERT_EQ(::pipe(pipe_fds), 0);
  const pid_t hub = ::fork();
  if (hub == 0) {
    const auto server = PrivateServer::start(folder.path());
    const pid_t pid = server ? (*server)->pid() : 0;
    if (::write(pipe_fds[1], &pid, sizeof pid) != sizeof pid) ::_exit(1);
    while (true) ::pause();
  }
  pid_t postmaster = 0;
  ASSERT_EQ(::read(pipe_fds[0], &postmaster, sizeof postmaster), static_cast<ssize_t>(sizeof postmaster));
  ::close(pipe_fds[0]);
  ::close(pipe_fds[1]);
  ASSERT_GT(postmaster, 1);
  ASSERT_EQ(::kill(hub, SIGKILL), 0);
  ::waitpid(hub, nullptr, 0);

  const auto server = PrivateServer::start(folder.path());
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_NE((*server)->pid(), postmaster);
  Database database(DatabaseOptions{.url = (*server)->url()});
  EXPECT_TRUE(database.ping());
}

TEST(PrivateServer, makes_a_cluster_anew_whose_making_was_interrupted) {
  const test::TemporaryFolder folder;
  fs::create_directory(folder.path() / "postgres");
  // Whatever version began it.
  std::ofstream(folder.path() / "postgres" / "PG_VERSION") << "9\n";
  std::ofstream(folder.path() / "postgres.unfinished") << "\n";
  const auto server = PrivateServer::start(folder.path());
  EXPECT_TRUE(server) << server.error().message;
}

TEST(PrivateServer, refuses_the_cluster_of_another_postgresql) {
  const test::TemporaryFolder folder;
  fs::create_directory(folder.path() / "postgres");
  std::ofstream(folder.path() / "postgres" / "PG_VERSION") << "9\n";
  const auto server = PrivateServer::start(folder.path());
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, ErrorCode::unsupported);
  EXPECT_THAT(server.error().message, testing::HasSubstr("belongs to PostgreSQL 9"));
}

TEST(PrivateServer, starts_in_a_folder_with_a_long_name) {
  const test::TemporaryFolder folder;
  const auto deep = folder.path() / std::string(100, 'd') / "with a blank";
  fs::create_directories(deep);
  const auto server = PrivateServer::start(deep);
  ASSERT_TRUE(server) << server.error().message;
  Database database(DatabaseOptions{.url = (*server)->url()});
  EXPECT_TRUE(database.ping());
}

TEST(PrivateServer, starts_below_a_folder_that_is_closed_to_its_user) {
  const test::TemporaryFolder folder;
  const auto closed = folder.path() / "closed";
  fs::create_directory(closed);
  ASSERT_EQ(::chmod(closed.c_str(), 0700), 0);
  for (int start = 0; start < 2; ++start) {
    const auto server = PrivateServer::start(closed / "var");
    ASSERT_TRUE(server) << server.error().message;
    Database database(DatabaseOptions{.url = (*server)->url()});
    EXPECT_TRUE(database.ping());
  }
}

}  // namespace
}  // namespace ccoc::db
