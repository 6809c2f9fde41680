#include "ccoc/simulator/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>

#include "ccoc/simulator/farm.h"
#include "small_clip.h"

namespace ccoc::simulator {
namespace {

using ::testing::HasSubstr;

/// Runs `ccoc simulate …` in this process; exit code and what stood on standard error.
std::pair<int, std::string> simulate(std::vector<std::string> arguments) {
  CLI::App app{"ccoc"};
  int code = -1;
  add_simulate_command(app, code);
  arguments.insert(arguments.begin(), "simulate");
  std::reverse(arguments.begin(), arguments.end());
  ::testing::internal::CaptureStderr();
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    return {2, ::testing::internal::GetCapturedStderr() + error.what()};
  }
  return {code, ::testing::internal::GetCapturedStderr()};
}

TEST(SimulateCommand, runs_for_its_time_and_writes_what_was_sent) {
  const auto stats = std::filesystem::path(CCOC_BINARY_DIR) / ("stats-" + std::to_string(::getpid()) + ".json");
  const auto [code, text] =
      simulate({"--cameras", "3", "--port", "0", "--main", testing::small_clip_file(), "--seconds", "0.2", "--stats", stats.string()});
  EXPECT_EQ(code, 0) << text;
  EXPECT_THAT(text, HasSubstr("/cam01/main"));
  EXPECT_THAT(text, HasSubstr("/cam03/main"));
  std::ifstream in(stats);
  const std::string json{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(json, HasSubstr("\"camera\":\"cam03\",\"stream\":\"main\",\"frames_sent\":0"));
  EXPECT_THAT(json, ::testing::Not(HasSubstr("\"sub\"")));
  std::filesystem::remove(stats);
}

TEST(SimulateCommand, misuse_is_a_sentence_and_exit_2) {
  for (const auto& [arguments, hint] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"--fault", "cam01:explode@1s"}, "no fault is called 'explode'"},
           {{"--cameras", "2", "--fault", "cam03:drop@1s"}, "beyond the 2 simulated"},
           {{"--cameras", "0"}, "--cameras"},
           {{"--port", "70000"}, "--port"},
           {{"--sub", "x.h264"}, "--main"},
           {{"--unknown"}, "--unknown"},
           {{"--main", testing::small_clip_file(), "--address", "here"}, "not a numeric address"}}) {
    const auto [code, text] = simulate(arguments);
    EXPECT_EQ(code, 2) << text;
    EXPECT_THAT(text, HasSubstr(hint));
  }
}

TEST(SimulateCommand, what_cannot_be_done_is_a_sentence_and_exit_1) {
  const auto clip = testing::small_clip();
  const auto farm = Farm::start({.cameras = {{clip, nullptr}}});
  ASSERT_TRUE(farm);
  const auto [taken, why] = simulate({"--main", testing::small_clip_file(), "--port", std::to_string((*farm)->port())});
  EXPECT_EQ(taken, 1);
  EXPECT_THAT(why, HasSubstr("is taken by another program"));
  const auto [missing, what] = simulate({"--main", "/nowhere/clip.h264"});
  EXPECT_EQ(missing, 1);
  EXPECT_THAT(what, HasSubstr("/nowhere/clip.h264"));
}

}  // namespace
}  // namespace ccoc::simulator
