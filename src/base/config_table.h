// The one table of settings, private to base: names, kinds, ranges and meanings.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ccoc/base/config.h"

namespace ccoc::config_detail {

/// Where a key's value lives; the alternative is the key's type.
template <class T>
using Get = std::function<T&(Config&)>;
using Field = std::variant<Get<bool>, Get<std::int64_t>, Get<double>, Get<Duration>, Get<std::string>, Get<std::vector<std::string>>>;

struct Key {
  std::string name;  ///< "section.key", "section.NAME.key"
  std::string_view doc;
  Field field;
  double min = 0;  ///< of numbers and durations (seconds), inclusive
  double max = 0;
  std::vector<std::string_view> choices = {};  ///< of texts and lists; empty: anything
  bool secret = false;                         ///< never repeated in a message
  bool any_texts = false;                      ///< of lists: any texts, or none
};

/// Every key that has one place.
const std::vector<Key>& keys();
/// The keys of the sections of which there may be several, as of one named "NAME" ("volumes.NAME.path").
const std::vector<Key>& named_keys();
/// Sections that hold named ones: "volumes", "lifecycle".
bool holds_named_sections(std::string_view section);
std::optional<Key> find_key(std::string_view name);
/// The known name with the fewest edits to `name`.
std::string_view nearest_key(std::string_view name);

/// A value as it was written, before its key's type is known.
using Value = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>>;

/// Checks type and range and stores; otherwise says in one sentence what is wrong ("must be …").
std::optional<std::string> assign(const Key& key, const Value& value, Config& into);
/// The same for a value that comes as text only (environment, command line).
std::optional<std::string> assign_text(const Key& key, std::string_view text, Config& into);
/// The key's value in `config`, as TOML.
std::string to_toml(const Key& key, const Config& config);
/// "a whole number from 1 to 16".
std::string expected(const Key& key);
/// Checks what one key alone cannot know; one sentence per mistake.
std::vector<std::string> check_together(const Config& config);

}  // namespace ccoc::config_detail
