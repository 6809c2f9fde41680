// The program `ccoc`: reads the command line and calls the command.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

#include "ccoc/base/config.h"
#include "ccoc/base/log.h"
#include "ccoc/simulator/command.h"
#include "commands.h"
#include "serve.h"
#include "version.h"

extern char** environ;

namespace {

using ccoc::hub::ExportArguments;

/// Options that every command understands.
struct Common {
  std::string config_file, data, http, database;

  void add_to(CLI::App& app, bool serves) {
    app.add_option("--config", config_file, "Configuration file (TOML); config/ccoc.toml documents every key");
    app.add_option("--data", data, "Data directory (default ./var)");
    app.add_option("--database", database, "PostgreSQL URL; without it the hub runs a private one in the data directory");
    if (serves) app.add_option("--http", http, "Address and port to listen on (default 127.0.0.1:8080)");
  }

  ccoc::Result<ccoc::Config> load() const {
    ccoc::ConfigSources sources;
    sources.file = config_file;
    sources.environment = ccoc::environment_of(environ);
    if (!data.empty()) sources.overrides.emplace_back("data.dir", data);
    if (!http.empty()) sources.overrides.emplace_back("http.address", http);
    if (!database.empty()) sources.overrides.emplace_back("database.url", database);
    auto config = ccoc::load_config(sources);
    if (config) {
      if (const auto level = ccoc::log::parse_level(config->log.level)) ccoc::log::set_level(*level);
    }
    return config;
  }

  template <class Command>
  int run(Command&& command) const {
    const auto config = load();
    if (!config) {
      std::cerr << "ccoc: " << config.error().message << '\n';
      return 2;
    }
    return command(*config);
  }
};

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  CLI::App app{"CCOC hub: records, shows and plays back the cameras of a control room"};
  app.set_version_flag("--version", std::string("ccoc ") + ccoc::hub::version);
  app.require_subcommand(1);
  Common common;
  int code = 0;

  auto* serve = app.add_subcommand("serve", "Run the hub");
  common.add_to(*serve, true);
  serve->callback([&] { code = common.run([](const ccoc::Config& config) { return ccoc::hub::serve(config); }); });

  ccoc::simulator::add_simulate_command(app, code);

  auto* cameras = app.add_subcommand("cameras", "The registry of cameras");
  cameras->require_subcommand(1);
  auto* import = cameras->add_subcommand("import", "Create and change cameras from a CSV file");
  std::string csv;
  bool dry_run = false;
  import->add_option("FILE", csv, "CSV, UTF-8, with a header row")->required();
  import->add_flag("--dry-run", dry_run, "Say what would happen, change nothing");
  common.add_to(*import, false);
  import->callback([&] { code = common.run([&](const ccoc::Config& config) { return ccoc::hub::import_cameras(config, csv, dry_run); }); });

  auto* user = app.add_subcommand("user", "People who may log in; passwords are read from the terminal or standard input");
  user->require_subcommand(1);
  std::string username, role = "operator", name;
  auto* add = user->add_subcommand("add", "Add a user");
  add->add_option("USERNAME", username)->required();
  add->add_option("--role", role, "administrator, investigator, operator or viewer")->capture_default_str();
  add->add_option("--name", name, "As shown to others");
  common.add_to(*add, false);
  add->callback([&] { code = common.run([&](const ccoc::Config& config) { return ccoc::hub::add_user(config, username, role, name); }); });
  auto* passwd = user->add_subcommand("passwd", "Set a user's password");
  passwd->add_option("USERNAME", username)->required();
  common.add_to(*passwd, false);
  passwd->callback([&] { code = common.run([&](const ccoc::Config& config) { return ccoc::hub::change_password(config, username); }); });
  auto* disable = user->add_subcommand("disable", "Keep a user from logging in");
  disable->add_option("USERNAME", username)->required();
  common.add_to(*disable, false);
  disable->callback([&] { code = common.run([&](const ccoc::Config& config) { return ccoc::hub::disable_user(config, username); }); });

  auto* archive = app.add_subcommand("archive", "The footage on disk and its index");
  archive->require_subcommand(1);
  auto* check = archive->add_subcommand("check", "Compare every file with the index; changes nothing");
  common.add_to(*check, false);
  bool verify = false;
  check->add_flag("--verify", verify, "Also compare every byte with its checksum");
  check->callback([&] { code = common.run([&](const ccoc::Config& config) { return ccoc::hub::check_archive(config, verify); }); });
  auto* reindex = archive->add_subcommand("reindex", "Make the index anew from the files; the hub must be stopped");
  common.add_to(*reindex, false);
  reindex->callback([&] { code = common.run(ccoc::hub::reindex_archive); });
  auto* decrypt = archive->add_subcommand("decrypt", "Write one encrypted file of footage as the MP4 it is");
  std::string encrypted, decrypted, footage_key;
  decrypt->add_option("file", encrypted, "From a volume, or a copy of it")->required();
  decrypt->add_option("output", decrypted, "MP4 to make")->required();
  decrypt->add_option("--key", footage_key, "Default: footage.key in the data folder");
  common.add_to(*decrypt, false);
  decrypt->callback([&] {
    code = common.run([&](const ccoc::Config& config) { return ccoc::hub::decrypt_footage(config, encrypted, decrypted, footage_key); });
  });

  auto* export_ = app.add_subcommand("export", "Write the footage of a camera and a time range as one MP4");
  ExportArguments wanted;
  export_->add_option("CAMERA", wanted.camera)->required();
  export_->add_option("--from", wanted.from, "2026-11-24T05:00:00Z")->required();
  export_->add_option("--to", wanted.to)->required();
  export_->add_option("--stream", wanted.stream)->capture_default_str();
  export_->add_option("--output", wanted.output, "File to write; must not exist")->required();
  common.add_to(*export_, false);
  export_->callback([&] { code = common.run([&](const ccoc::Config& config) { return ccoc::hub::export_footage(config, wanted); }); });

  auto* migrate = app.add_subcommand("migrate", "Bring the database to the newest schema (serve does it too)");
  common.add_to(*migrate, false);
  migrate->callback([&] { code = common.run(ccoc::hub::migrate_database); });

  auto* doctor = app.add_subcommand("doctor", "Look at everything the hub needs and say what to mend");
  common.add_to(*doctor, true);
  doctor->callback([&] { code = common.run(ccoc::hub::doctor); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    return status == 0 ? 0 : 2;
  }
  return code;
}
