// peer_webrtc (tests/peers) as a test sees it: its offer, the answer it is given, what it received.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "support/postgres.h"
#include "support/process.h"

namespace ccoc::test {

class WebRtcPeer {
 public:
  /// `way`: "send" or "receive"; `sound`: what it offers to hear, as peer_webrtc is told it.
  explicit WebRtcPeer(const std::string& way, const std::vector<std::string>& sound = {}) {
    std::vector<std::string> arguments{program(), way, folder_.path().string()};
    arguments.insert(arguments.end(), sound.begin(), sound.end());
    process_ = std::make_unique<Process>(arguments,
                                         std::vector<std::string>{"GST_REGISTRY=" + std::string(CCOC_BINARY_DIR) + "/peer-plugins.bin"});
  }
  static std::string program() { return std::string(CCOC_BINARY_DIR) + "/peer_webrtc"; }

  /// Empty when none comes.
  std::string offer() const {
    const auto file = folder_.path() / "offer";
    if (!eventually([&] { return std::filesystem::exists(file); })) return {};
    return read(file);
  }
  void answer(const std::string& sdp) const {
    const auto file = folder_.path() / "answer";
    std::ofstream(file.string() + ".part", std::ios::binary) << sdp;
    std::filesystem::rename(file.string() + ".part", file);
  }
  bool connects() { return process_->wait_for_output("connected", seconds{60}); }
  bool receives() { return process_->wait_for_output("picture", seconds{60}); }
  std::string received() const { return read(folder_.path() / "received.h264"); }
  /// 16 bits, 48 kHz, one channel.
  std::string heard() const { return read(folder_.path() / "received.s16"); }
  /// Without a word to the other side.
  void vanish() { process_.reset(); }

 private:
  static std::string read(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  TemporaryFolder folder_;
  std::unique_ptr<Process> process_;
};

}  // namespace ccoc::test
