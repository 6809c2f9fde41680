// What RTMP's commands are written in: AMF0, as far as commands need it.
#pragma once

#include <optional>
#include <string>

#include "ccoc/base/bytes.h"

namespace ccoc::ingest::bridge {

/// Reads values one after the other; after the first that makes no sense all are nothing.
class AmfReader {
 public:
  explicit AmfReader(ByteView bytes) : rest_(bytes) {}
  std::optional<std::string> text();
  std::optional<double> number();
  /// Passes over any value.
  bool skip() { return skip(0); }
  /// The text that the property `name` of the object that comes next has; passes over the object.
  std::optional<std::string> text_in_object(std::string_view name);

 private:
  bool skip(int depth);
  std::optional<std::string> short_text();
  bool take(std::size_t size);
  ByteView rest_;
};

class AmfWriter {
 public:
  AmfWriter& text(std::string_view value);
  AmfWriter& number(double value);
  AmfWriter& null();
  AmfWriter& begin_object();
  AmfWriter& property(std::string_view name);
  AmfWriter& end_object();
  const Bytes& bytes() const { return out_; }

 private:
  void short_text(std::string_view value);
  Bytes out_;
};

}  // namespace ccoc::ingest::bridge
