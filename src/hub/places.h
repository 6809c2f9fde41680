// Where the program's own files are found. Private to the hub.
#pragma once

#include <string>

#include "ccoc/base/config.h"

namespace ccoc::hub {

/// Folder of the running program, absolute.
std::string program_folder();
/// http.web_root, else web/dist of the checkout, else share/ccoc/web of an installation; empty when none holds index.html.
std::string find_web_root(const Config& config);
/// `ccoc-vision` beside the program, or in ../libexec/ccoc; empty when missing.
std::string find_vision_worker();

/// `ccoc-bridge`, likewise; empty when missing: the hub was built without GStreamer.
std::string find_bridge();

}  // namespace ccoc::hub
