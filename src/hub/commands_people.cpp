// `ccoc user …` and `ccoc cameras import`.
#include <termios.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <sstream>

#include "ccoc/access/access.h"
#include "ccoc/registry/registry.h"
#include "commands.h"
#include "foundation.h"

namespace ccoc::hub {
namespace {

const access::Actor actor{"command line", ""};

/// One line without echo from a terminal, or one line of standard input.
Result<std::string> read_password(const std::string& prompt) {
  std::string line;
  if (::isatty(STDIN_FILENO) == 0) {
    if (!std::getline(std::cin, line)) {
      return fail(ErrorCode::invalid_argument, "no password on standard input; write it there as one line");
    }
    return line;
  }
  std::cerr << prompt << ": " << std::flush;
  termios before{};
  ::tcgetattr(STDIN_FILENO, &before);
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  std::getline(std::cin, line);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  std::cerr << '\n';
  return line;
}

struct AccessDesk {
  DataDirectory data;
  OpenDatabase opened;
  SystemClock clock;
  std::unique_ptr<access::Access> access;
};

Result<std::unique_ptr<AccessDesk>> open_access(const Config& config) {
  auto data = DataDirectory::open(config.data.dir, false);
  if (!data) return std::unexpected(data.error());
  auto opened = open_database(config, *data, 2);
  if (!opened) return std::unexpected(opened.error());
  auto desk = std::make_unique<AccessDesk>(std::move(*data), std::move(*opened), SystemClock{}, nullptr);
  desk->access = std::make_unique<access::Access>(*desk->opened.database, desk->clock);
  return desk;
}

}  // namespace

int report_failure(const Error& error) {
  std::cerr << "ccoc: " << error.message << '\n';
  return error.code == ErrorCode::invalid_argument ? 2 : 1;
}

int add_user(const Config& config, const std::string& username, const std::string& role, const std::string& name) {
  const auto parsed = access::parse_role(role);
  if (!parsed) {
    return report_failure(
        {ErrorCode::invalid_argument, "'" + role + "' is no role; there are administrator, investigator, operator and viewer", "role"});
  }
  auto desk = open_access(config);
  if (!desk) return report_failure(desk.error());
  const auto password = read_password("Password of " + username);
  if (!password) return report_failure(password.error());
  access::NewUser user;
  user.username = username;
  user.name = name.empty() ? username : name;
  user.role = *parsed;
  user.password = *password;
  user.must_change_password = false;
  const auto made = (*desk)->access->create_user(user, actor);
  if (!made) return report_failure(made.error());
  std::cout << "user " << made->username << " may log in as " << access::to_string(made->role) << '\n';
  return 0;
}

int change_password(const Config& config, const std::string& username) {
  auto desk = open_access(config);
  if (!desk) return report_failure(desk.error());
  const auto user = (*desk)->access->user_by_name(username);
  if (!user) return report_failure(user.error());
  const auto password = read_password("New password of " + username);
  if (!password) return report_failure(password.error());
  access::UserPatch patch;
  patch.password = *password;
  if (const auto done = (*desk)->access->update_user(user->id, patch, actor); !done) return report_failure(done.error());
  std::cout << "the password of " << user->username << " is changed; it must be changed again at the next log-in\n";
  return 0;
}

int disable_user(const Config& config, const std::string& username) {
  auto desk = open_access(config);
  if (!desk) return report_failure(desk.error());
  const auto user = (*desk)->access->user_by_name(username);
  if (!user) return report_failure(user.error());
  access::UserPatch patch;
  patch.disabled = true;
  if (const auto done = (*desk)->access->update_user(user->id, patch, actor); !done) return report_failure(done.error());
  std::cout << "user " << user->username << " can no longer log in\n";
  return 0;
}

int import_cameras(const Config& config, const std::string& file, bool dry_run) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (!stream || !(text << stream.rdbuf())) {
    return report_failure({ErrorCode::not_found, file + " cannot be read", "file"});
  }
  auto data = DataDirectory::open(config.data.dir, false);
  if (!data) return report_failure(data.error());
  auto opened = open_database(config, *data, 2);
  if (!opened) return report_failure(opened.error());
  auto secrets = open_secrets(*data);
  if (!secrets) return report_failure(secrets.error());
  const SystemClock clock;
  registry::CameraRegistry cameras(*opened->database, clock, std::move(*secrets), rules_of(config));
  if (const auto loaded = cameras.load(); !loaded) return report_failure(loaded.error());
  const auto report = cameras.import_csv(text.str(), dry_run);
  if (!report) {
    for (const auto& field : report.error().fields) std::cerr << file << ": " << field.field << ": " << field.message << '\n';
    return report_failure(report.error().error.within(file));
  }
  for (const auto& row : report->rows) {
    if (row.result == registry::RowResult::unchanged || row.result == registry::RowResult::created) continue;
    auto& out = row.result == registry::RowResult::rejected ? std::cerr : std::cout;
    out << file << ':' << row.line << ": " << row.id << ' ' << registry::to_string(row.result);
    for (const auto& field : row.fields) out << ' ' << field;
    for (const auto& error : row.errors) out << "; " << error.field << ": " << error.message;
    out << '\n';
  }
  std::cout << (dry_run ? "dry run, nothing changed: " : "") << report->created << " created, " << report->changed << " changed, "
            << report->unchanged << " unchanged, " << report->rejected << " rejected\n";
  return report->rejected == 0 ? 0 : 1;
}

}  // namespace ccoc::hub
