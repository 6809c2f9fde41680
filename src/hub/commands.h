// The subcommands beside `serve`. Each returns the program's exit code: 0 done, 1 failed, 2 misuse.
#pragma once

#include <string>
#include <vector>

#include "ccoc/base/config.h"

namespace ccoc::hub {

int import_cameras(const Config& config, const std::string& file, bool dry_run);

int add_user(const Config& config, const std::string& username, const std::string& role, const std::string& name);
int change_password(const Config& config, const std::string& username);
int disable_user(const Config& config, const std::string& username);

int check_archive(const Config& config, bool verify);
int reindex_archive(const Config& config);
/// `file`: encrypted footage, from a volume or a copy of it; `key`: empty: DATA/footage.key.
int decrypt_footage(const Config& config, const std::string& file, const std::string& output, const std::string& key);

struct ExportArguments {
  std::string camera, stream = "main", from, to, output;
};
int export_footage(const Config& config, const ExportArguments& arguments);

int migrate_database(const Config& config);
int doctor(const Config& config);

/// `error` on standard error as "ccoc: sentence", and 1 (2 for wrong arguments).
int report_failure(const Error& error);

}  // namespace ccoc::hub
