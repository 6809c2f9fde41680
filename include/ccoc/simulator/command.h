// `ccoc simulate`: the camera farm from the command line.
#pragma once

namespace CLI {
class App;
}

namespace ccoc::simulator {

/// Adds the subcommand. When it is chosen it runs until SIGINT, SIGTERM or --seconds, and sets `exit_code`: 0 done, 1 failed,
/// 2 misuse. `exit_code` must outlive the parsing.
void add_simulate_command(CLI::App& app, int& exit_code);

}  // namespace ccoc::simulator
