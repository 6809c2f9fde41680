#include "places.h"

#include <filesystem>

namespace ccoc::hub {
namespace {

namespace fs = std::filesystem;

/// The first of `candidates` (relative to the program's folder) that exists.
std::string first_existing(std::initializer_list<const char*> candidates, const char* probe = "") {
  for (const char* candidate : candidates) {
    const fs::path path = (fs::path(program_folder()) / candidate).lexically_normal();
    std::error_code ignored;
    if (fs::exists(*probe != '\0' ? path / probe : path, ignored)) return path.string();
  }
  return {};
}

}  // namespace

std::string program_folder() {
  std::error_code error;
  const auto self = fs::read_symlink("/proc/self/exe", error);
  return error ? std::string(".") : self.parent_path().string();
}

std::string find_web_root(const Config& config) {
  if (!config.http.web_root.empty()) return config.http.web_root;
  return first_existing({"../../web/dist", "../share/ccoc/web"}, "index.html");
}

std::string find_vision_worker() { return first_existing({"ccoc-vision", "../libexec/ccoc/ccoc-vision"}); }

std::string find_bridge() { return first_existing({"ccoc-bridge", "../libexec/ccoc/ccoc-bridge"}); }

}  // namespace ccoc::hub
