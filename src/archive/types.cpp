#include "ccoc/archive/types.h"

#include <algorithm>

namespace ccoc::archive {
namespace {

bool is_slug(std::string_view text) {
  return !text.empty() && text.size() <= 40 &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

}  // namespace

Status validate(const StreamKey& key) {
  if (!is_slug(key.camera)) {
    return fail(ErrorCode::invalid_argument, "a camera's id is 1 to 40 of a-z, 0-9 and '-', not '" + key.camera.substr(0, 60) + "'",
                "camera");
  }
  if (!is_slug(key.stream)) {
    return fail(ErrorCode::invalid_argument, "a stream's name is 1 to 40 of a-z, 0-9 and '-', not '" + key.stream.substr(0, 60) + "'",
                "stream");
  }
  return {};
}

}  // namespace ccoc::archive
