#include "ccoc/base/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <fstream>

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <toml++/toml.h>
#pragma GCC diagnostic pop

#include "config_table.h"

namespace ccoc {
namespace {

using namespace config_detail;

constexpr std::size_t max_file_bytes = 1 << 20;

std::string unknown(std::string_view name) {
  return fmt::format("unknown key '{}'; the nearest known one is '{}'", name.substr(0, 80), nearest_key(name));
}

/// The TOML node as a Value; nullopt for what no key takes (dates, tables, mixed lists).
std::optional<Value> value_of(const toml::node& node) {
  if (const auto* flag = node.as_boolean()) return flag->get();
  if (const auto* whole = node.as_integer()) return whole->get();
  if (const auto* real = node.as_floating_point()) return real->get();
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* list = node.as_array()) {
    std::vector<std::string> texts;
    for (const auto& item : *list) {
      const auto* text = item.as_string();
      if (!text) return std::nullopt;
      texts.push_back(text->get());
    }
    return texts;
  }
  return std::nullopt;
}

bool known_section(std::string_view name) {
  return holds_named_sections(name) ||
         std::ranges::any_of(keys(), [&](const Key& key) { return key.name.substr(0, key.name.find('.')) == name; });
}

void read_table(const toml::table& table, const std::string& prefix, const std::string& file, Config& into,
                std::vector<std::string>& mistakes) {
  for (const auto& [name_node, node] : table) {
    const std::string name = prefix + std::string(name_node.str());
    const auto where = fmt::format("{}:{}: ", file, name_node.source().begin.line);
    const bool named = std::ranges::count(prefix, '.') == 1 && holds_named_sections(prefix.substr(0, prefix.size() - 1));
    if (const auto* inner = node.as_table(); inner && (prefix.empty() || named)) {
      if (inner->empty() && !named && !known_section(name)) mistakes.push_back(where + unknown(name));
      read_table(*inner, name + '.', file, into, mistakes);
      continue;
    }
    const auto key = find_key(name);
    if (!key) {
      mistakes.push_back(where + unknown(name));
      continue;
    }
    const auto value = value_of(node);
    const auto wrong = value ? assign(*key, *value, into) : "must be " + expected(*key);
    if (wrong) mistakes.push_back(fmt::format("{}{} {}", where, name, *wrong));
  }
}

Status read_file(const std::string& path, Config& into, std::vector<std::string>& mistakes) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    const int reason = errno;
    if (reason == ENOENT) {
      return fail(ErrorCode::not_found, fmt::format("there is no configuration file {}; config/ccoc.toml is one to start from", path));
    }
    return std::unexpected(errno_error(reason, "reading " + path));
  }
  std::string text(max_file_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return std::unexpected(errno_error(errno ? errno : EIO, "reading " + path));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > max_file_bytes) {
    return fail(ErrorCode::limit_exceeded, path + " is larger than 1 MiB; is it a configuration file?");
  }
  const auto parsed = toml::parse(text, path);
  if (!parsed) {
    const auto& error = parsed.error();
    mistakes.push_back(fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()));
    return {};
  }
  read_table(parsed.table(), "", path, into, mistakes);
  return {};
}

/// "CCOC_INGEST__ALLOW_LOOPBACK" → "ingest.allow_loopback"; empty when the name is no key's.
std::string key_of_variable(std::string_view name) {
  constexpr std::string_view prefix = "CCOC_";
  if (!name.starts_with(prefix)) return {};
  name.remove_prefix(prefix.size());
  const auto split = name.find("__");
  if (split == std::string_view::npos) return {};
  std::string key(name);
  for (auto at = split; at != std::string::npos; at = key.find("__", at)) key.replace(at, 2, ".");
  std::ranges::transform(key, key.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return key;
}

void read_text(std::string_view where, std::string_view name, std::string_view text, Config& into, std::vector<std::string>& mistakes) {
  const auto key = find_key(name);
  if (!key) {
    mistakes.push_back(fmt::format("{}: {}", where, unknown(name)));
  } else if (const auto wrong = assign_text(*key, text, into)) {
    mistakes.push_back(fmt::format("{}: {} {}", where, name, *wrong));
  }
}

}  // namespace

Result<Config> load_config(const ConfigSources& sources) {
  Config config;
  std::vector<std::string> mistakes;
  if (!sources.file.empty()) {
    if (auto read = read_file(sources.file, config, mistakes); !read) return std::unexpected(read.error());
  }
  for (const auto& [name, text] : sources.environment) {
    const auto key = key_of_variable(name);
    if (!key.empty()) read_text("environment variable " + name, key, text, config, mistakes);
  }
  for (const auto& [name, text] : sources.overrides) read_text("command line", name, text, config, mistakes);
  if (mistakes.empty()) mistakes = check_together(config);
  if (!mistakes.empty()) {
    return fail(ErrorCode::invalid_argument, fmt::format("{}", fmt::join(mistakes, "\n")), "config");
  }
  return config;
}

std::string describe_config() {
  std::string text =
      "# Every setting of the hub with its default. Keep the lines you change; `ccoc serve --config FILE`\n"
      "# reads them. CCOC_SECTION__KEY in the environment is stronger (CCOC_HTTP__ADDRESS=0.0.0.0:80), the\n"
      "# command line strongest. An unknown key is an error.\n";
  const Config defaults;
  Config example;
  example.volumes["NAME"];
  example.lifecycle["NAME"];
  auto describe = [&text, section = std::string()](const Key& key, const Config& values, std::string_view mark) mutable {
    const auto dot = key.name.rfind('.');
    if (section != key.name.substr(0, dot)) {
      section = key.name.substr(0, dot);
      text += fmt::format("\n{}[{}]\n", mark, section);
    }
    for (std::size_t begin = 0; begin < key.doc.size();) {
      const auto end = std::min(key.doc.find('\n', begin), key.doc.size());
      text += fmt::format("# {}\n", key.doc.substr(begin, end - begin));
      begin = end + 1;
    }
    const bool plain = std::holds_alternative<Get<std::string>>(key.field) && key.choices.empty();
    const bool flag = std::holds_alternative<Get<bool>>(key.field);
    if (!plain && !flag && !key.any_texts && !key.doc.empty()) text += fmt::format("# {}\n", expected(key));
    text += fmt::format("{}{} = {}\n", mark, key.name.substr(dot + 1), to_toml(key, values));
  };
  for (const auto& key : keys()) describe(key, defaults, "");
  text += "\n# Several disks, colder stores, and what is moved there and when: any number of sections, each with a name of its own.\n";
  for (const auto& key : named_keys()) describe(key, example, "#");
  return text;
}

std::vector<std::pair<std::string, std::string>> environment_of(const char* const* environment) {
  std::vector<std::pair<std::string, std::string>> all;
  for (; environment && *environment; ++environment) {
    const std::string_view entry = *environment;
    const auto split = entry.find('=');
    if (split != std::string_view::npos) all.emplace_back(entry.substr(0, split), entry.substr(split + 1));
  }
  return all;
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const auto wrong = [] { return fail(ErrorCode::invalid_argument, "must be ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080"); };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  auto host = text.substr(0, colon);
  const auto port = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return wrong();
  }
  std::uint16_t number = 0;
  const auto* end = port.data() + port.size();
  const auto [stopped, error] = std::from_chars(port.data(), end, number);
  if (host.empty() || port.empty() || error != std::errc{} || stopped != end) return wrong();
  return ListenAddress{std::string(host), number};
}

}  // namespace ccoc
