// A stream's URL in its parts, as the bridge needs them.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "ccoc/base/result.h"

namespace ccoc::ingest::bridge {

struct Url {
  std::string text;
  std::string scheme;                        ///< lower case
  std::string host;                          ///< without brackets; empty: all addresses of this machine
  std::uint16_t port = 0;                    ///< 0: not given
  std::string path;                          ///< with its slash, percent-decoded
  std::map<std::string, std::string> query;  ///< percent-decoded
  bool listens() const;                      ///< mode=listener: waits for a sender
  std::string value(const std::string& name) const;
};

/// `invalid_argument` when it cannot be read.
Result<Url> parse_url(const std::string& text);

}  // namespace ccoc::ingest::bridge
