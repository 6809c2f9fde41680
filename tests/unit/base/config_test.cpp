#include "ccoc/base/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace ccoc {
namespace {

using testing::HasSubstr;
using testing::Not;

/// A file in the test's own folder, removed with it.
class ConfigFile {
 public:
  explicit ConfigFile(std::string_view text) {
    std::string pattern = (std::filesystem::temp_directory_path() / "ccoc-config-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    path_ = (folder_ / "hub.toml").string();
    std::ofstream(path_) << text;
  }
  ~ConfigFile() { std::filesystem::remove_all(folder_); }
  const std::string& path() const { return path_; }

 private:
  std::filesystem::path folder_;
  std::string path_;
};

Result<Config> load_text(std::string_view text) {
  const ConfigFile file(text);
  return load_config({.file = file.path()});
}

std::string mistake(std::string_view text) {
  const auto loaded = load_text(text);
  return loaded ? "" : loaded.error().message;
}

std::string mistake_in_environment(std::string name, std::string value) {
  const auto loaded = load_config({.environment = {{std::move(name), std::move(value)}}});
  return loaded ? "" : loaded.error().message;
}

TEST(Config, has_every_default_without_any_source) {
  const auto config = load_config({});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->http.address, "127.0.0.1:8080");
  EXPECT_FALSE(config->ingest.allow_loopback);
  EXPECT_EQ(config->archive.recorded_streams, std::vector<std::string>{"main"});
}

TEST(Config, the_shipped_file_is_what_the_table_says) {
  std::ifstream file(CCOC_SOURCE_DIR "/config/ccoc.toml");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), describe_config()) << "write describe_config() to config/ccoc.toml";
}

TEST(Config, the_shipped_file_loads) {
  const auto config = load_config({.file = CCOC_SOURCE_DIR "/config/ccoc.toml"});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->site.name_en, Config{}.site.name_en);
  EXPECT_EQ(config->ingest.backoff_min, Config{}.ingest.backoff_min);
}

TEST(Config, takes_each_type_from_a_file) {
  const auto config = load_text(
      "[ingest]\nallow_loopback = true\nthreads = 3\nbackoff_min_s = 0.25\n"
      "[archive]\nquota_gib = 12.5\nrecorded_streams = ['main', 'sub']\n[site]\nname_th = 'เชียงใหม่'\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->ingest.allow_loopback);
  EXPECT_EQ(config->ingest.threads, 3);
  EXPECT_EQ(config->ingest.backoff_min, std::chrono::milliseconds{250});
  EXPECT_DOUBLE_EQ(config->archive.quota_gib, 12.5);
  EXPECT_EQ(config->archive.recorded_streams, (std::vector<std::string>{"main", "sub"}));
  EXPECT_EQ(config->site.name_th, "เชียงใหม่");
}

TEST(Config, the_environment_is_stronger_than_the_file_and_the_command_line_than_both) {
  const ConfigFile file("[http]\naddress = '127.0.0.1:1'\n[log]\nlevel = 'warn'\n[ingest]\nthreads = 5\n");
  const auto config = load_config({.file = file.path(),
                                   .environment = {{"CCOC_HTTP__ADDRESS", "127.0.0.1:2"},
                                                   {"CCOC_LOG__LEVEL", "debug"},
                                                   {"CCOC_INGEST__ALLOW_LOOPBACK", "true"},
                                                   {"CCOC_ARCHIVE__RECORDED_STREAMS", "main,sub"},
                                                   {"CCOC_INGEST__BACKOFF_MAX_S", "12.5"}},
                                   .overrides = {{"http.address", "127.0.0.1:3"}}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->http.address, "127.0.0.1:3");
  EXPECT_EQ(config->log.level, "debug");
  EXPECT_EQ(config->ingest.threads, 5);
  EXPECT_TRUE(config->ingest.allow_loopback);
  EXPECT_EQ(config->archive.recorded_streams.size(), 2U);
  EXPECT_EQ(config->ingest.backoff_max, std::chrono::milliseconds{12500});
}

TEST(Config, an_unknown_key_names_its_line_and_the_nearest_known_one) {
  const auto message = mistake("[ingest]\nthreads = 2\nno_frame_timout_s = 5\n");
  EXPECT_THAT(message, HasSubstr("hub.toml:3: unknown key 'ingest.no_frame_timout_s'"));
  EXPECT_THAT(message, HasSubstr("'ingest.no_frame_timeout_s'"));
}

TEST(Config, an_unknown_section_and_a_key_in_the_wrong_section_are_unknown) {
  EXPECT_THAT(mistake("[htp]\naddress = 'x'\n"), HasSubstr("'http.address'"));
  EXPECT_THAT(mistake("[htp]\n"), HasSubstr("unknown key 'htp'"));
  EXPECT_THAT(mistake("[http]\nretention_days = 3\n"), HasSubstr("'archive.retention_days'"));
  EXPECT_THAT(mistake("[http.address]\nx = 1\n"), HasSubstr("http.address must be a text"));
}

TEST(Config, an_unknown_variable_is_an_error_but_single_underscore_names_are_not_keys) {
  EXPECT_THAT(mistake_in_environment("CCOC_INGEST__THREDS", "2"), HasSubstr("'ingest.threads'"));
  EXPECT_EQ(mistake_in_environment("CCOC_ADMIN_PASSWORD", "x"), "");
  EXPECT_EQ(mistake_in_environment("CCOC_BIN", "x"), "");
  EXPECT_EQ(mistake_in_environment("OTHER__KEY", "x"), "");
}

TEST(Config, a_wrong_type_or_range_is_a_sentence_with_its_line) {
  EXPECT_THAT(mistake("[ingest]\nthreads = 'two'\n"), HasSubstr("hub.toml:2: ingest.threads must be a whole number from 1 to 64"));
  EXPECT_THAT(mistake("[ingest]\nthreads = 0\n"), HasSubstr("from 1 to 64"));
  EXPECT_THAT(mistake("[ingest]\nthreads = 2.5\n"), HasSubstr("a whole number"));
  EXPECT_THAT(mistake("[ingest]\nallow_loopback = 1\n"), HasSubstr("true or false"));
  EXPECT_THAT(mistake("[ingest]\nno_frame_timeout_s = nan\n"), HasSubstr("seconds from 1 to 600"));
  EXPECT_THAT(mistake("[ingest]\nsub_streams = 'never'\n"), HasSubstr("one of \"always\", \"on_demand\""));
  EXPECT_THAT(mistake("[archive]\nrecorded_streams = ['main', 'main']\n"), HasSubstr("each once"));
  EXPECT_THAT(mistake("[archive]\nrecorded_streams = []\n"), HasSubstr("a list of"));
  EXPECT_THAT(mistake("[site]\ncenter_lat = 2026-11-24\n"), HasSubstr("a number from -90 to 90"));
  EXPECT_THAT(mistake("[http]\naddress = '8080'\n"), HasSubstr("ADDRESS:PORT"));
  EXPECT_THAT(mistake("[data]\ndir = ''\n"), HasSubstr("must not be empty"));
  EXPECT_THAT(mistake_in_environment("CCOC_INGEST__THREADS", "2x"), HasSubstr("a whole number"));
  EXPECT_THAT(mistake_in_environment("CCOC_ARCHIVE__QUOTA_GIB", "99999999999999999999"), HasSubstr("a number from 0"));
  EXPECT_THAT(mistake_in_environment("CCOC_INGEST__THREADS", ""), HasSubstr("a whole number"));
  EXPECT_THAT(mistake_in_environment("CCOC_INGEST__ALLOW_LOOPBACK", "yes"), HasSubstr("true or false"));
}

TEST(Config, says_all_mistakes_at_once) {
  const auto message = mistake("[ingest]\nthreads = 0\nfoo = 1\n[archive]\nqueue_mib = 0\n");
  EXPECT_EQ(std::ranges::count(message, '\n'), 2);
}

TEST(Config, settings_that_contradict_each_other_are_refused) {
  EXPECT_THAT(mistake("[ingest]\nbackoff_min_s = 40\n"), HasSubstr("backoff_max_s"));
  EXPECT_THAT(mistake("[site]\nmin_lat = 20\n"), HasSubstr("less than site.max_lat"));
  EXPECT_THAT(mistake("[archive]\nsegment_seconds = 2\nfragment_seconds = 3\n"), HasSubstr("segment_seconds"));
}

TEST(Config, broken_toml_names_the_line) { EXPECT_THAT(mistake("[http]\naddress = \n"), HasSubstr("hub.toml:2")); }

TEST(Config, a_missing_file_says_where_to_start) {
  const auto config = load_config({.file = "/nonexistent/ccoc.toml"});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::not_found);
  EXPECT_THAT(config.error().message, HasSubstr("config/ccoc.toml"));
}

TEST(Config, a_database_password_never_stands_in_a_message) {
  EXPECT_THAT(mistake("[database]\nurl = 'mysql://u:s3cret@h/d'\n"), Not(HasSubstr("s3cret")));
  EXPECT_THAT(mistake_in_environment("CCOC_DATABASE__URL", "mysql://u:s3cret@h/d"), Not(HasSubstr("s3cret")));
}

TEST(ListenAddress, takes_ipv4_ipv6_and_names) {
  EXPECT_EQ(parse_listen_address("127.0.0.1:8080")->port, 8080);
  EXPECT_EQ(parse_listen_address("[::1]:0")->host, "::1");
  EXPECT_EQ(parse_listen_address("localhost:80")->host, "localhost");
}

TEST(ListenAddress, refuses_what_is_no_address) {
  for (const auto* text : {"", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80", "a:8o"}) {
    EXPECT_FALSE(parse_listen_address(text)) << text;
  }
}

}  // namespace
}  // namespace ccoc
