#include "config/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "base/byte_size.h"
#include "base/text.h"
#include "config/toml.h"

namespace tarn {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

// Collects messages, so that all errors are reported at once.
class Errors {
 public:
  void Add(std::string message) { messages_.push_back(std::move(message)); }
  Result<> ToResult() const {
    if (messages_.empty()) return {};
    return InvalidArgument(fmt::format("{}", fmt::join(messages_, "; ")));
  }

 private:
  std::vector<std::string> messages_;
};

void SetChoice(const Setting& setting, std::string_view value, const Choice& target,
               Errors& errors) {
  if (target.Set(value)) return;
  errors.Add(fmt::format("{} is \"{}\", must be one of: {}", setting.key, value,
                         fmt::join(target.names(), ", ")));
}

// Splits a list of texts that are separated by commas.
std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> list;
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    if (const std::string_view entry = Trim(text.substr(0, end)); !entry.empty()) {
      list.emplace_back(entry);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return list;
}

// Returns the list of a TOML array of strings, or of a string with commas; nullopt for another
// type.
std::optional<std::vector<std::string>> ListOf(const toml::node& node) {
  if (const auto text = node.value_exact<std::string_view>()) return SplitList(*text);
  const toml::array* const array = node.as_array();
  if (array == nullptr) return std::nullopt;
  std::vector<std::string> list;
  for (const toml::node& each : *array) {
    const auto text = each.value_exact<std::string_view>();
    if (!text) return std::nullopt;
    list.emplace_back(*text);
  }
  return list;
}

void SetNumber(const Setting& setting, int64_t value, int64_t* target, Errors& errors) {
  if (value < setting.min || value > setting.max) {
    errors.Add(setting.max == INT64_MAX
                   ? fmt::format("{} is {}, must be at least {}", setting.key, value, setting.min)
                   : fmt::format("{} is {}, must be from {} to {}", setting.key, value, setting.min,
                                 setting.max));
    return;
  }
  *target = value;
}

void SetDuration(const Setting& setting, std::string_view value, Duration* target, Errors& errors) {
  const Result<Duration> parsed = ParseDuration(value);
  if (!parsed.ok()) {
    errors.Add(fmt::format("{} is not a valid duration: {}", setting.key, parsed.error().message));
  } else if (*parsed <= Duration::zero()) {
    errors.Add(
        fmt::format("{} is not a valid duration: \"{}\": must be more than 0", setting.key, value));
  } else {
    *target = *parsed;
  }
}

void SetBytes(const Setting& setting, std::string_view value, int64_t* target, Errors& errors) {
  const Result<int64_t> parsed = ParseByteSize(value);
  if (parsed.ok()) {
    SetNumber(setting, *parsed, target, errors);
  } else {
    errors.Add(fmt::format("{} is not a size: {}", setting.key, parsed.error().message));
  }
}

void SetFromToml(const Setting& setting, const toml::node& node, Errors& errors) {
  const auto wrong_type = [&](std::string_view wanted) {
    errors.Add(
        fmt::format("{} must be {} (line {})", setting.key, wanted, node.source().begin.line));
  };
  std::visit(Overloaded{
                 [&](std::string* target) {
                   if (const auto value = node.value_exact<std::string_view>()) {
                     *target = *value;
                   } else {
                     wrong_type("a string in quotes");
                   }
                 },
                 [&](const Choice& target) {
                   if (const auto value = node.value_exact<std::string_view>()) {
                     SetChoice(setting, *value, target, errors);
                   } else {
                     wrong_type("a string in quotes");
                   }
                 },
                 [&](std::vector<std::string>* target) {
                   if (auto list = ListOf(node)) {
                     *target = std::move(*list);
                   } else {
                     wrong_type("a list of strings in quotes");
                   }
                 },
                 [&](Duration* target) {
                   if (const auto value = node.value_exact<std::string_view>()) {
                     SetDuration(setting, *value, target, errors);
                   } else {
                     errors.Add(fmt::format(
                         "{} is not a valid duration: must be a string like \"30s\" (line {})",
                         setting.key, node.source().begin.line));
                   }
                 },
                 [&](int64_t* target) {
                   const auto text = node.value_exact<std::string_view>();
                   if (const auto value = node.value_exact<int64_t>()) {
                     SetNumber(setting, *value, target, errors);
                   } else if (text && setting.unit == "bytes") {
                     SetBytes(setting, *text, target, errors);
                   } else {
                     wrong_type(setting.unit == "bytes" ? "a whole number, or a string like \"1GB\""
                                                        : "a whole number");
                   }
                 },
                 [&](auto* flag) {
                   if (node.is_boolean()) {
                     *flag = node.value_or(false);
                   } else {
                     wrong_type("true or false");
                   }
                 },
             },
             setting.target);
}

void SetFromText(const Setting& setting, std::string_view value, Errors& errors) {
  std::visit(
      Overloaded{
          [&](std::string* target) { *target = value; },
          [&](const Choice& target) { SetChoice(setting, value, target, errors); },
          [&](std::vector<std::string>* target) { *target = SplitList(value); },
          [&](Duration* target) { SetDuration(setting, value, target, errors); },
          [&](int64_t* target) {
            int64_t number = 0;
            const auto [end, code] =
                std::from_chars(value.data(), value.data() + value.size(), number);
            if (setting.unit == "bytes" && code == std::errc() &&
                end != value.data() + value.size()) {
              SetBytes(setting, value, target, errors);
            } else if (code != std::errc() || end != value.data() + value.size()) {
              errors.Add(fmt::format("{} is \"{}\", must be a whole number", setting.key, value));
            } else {
              SetNumber(setting, number, target, errors);
            }
          },
          [&](auto* flag) {
            if (value == "true" || value == "1") {
              *flag = true;
            } else if (value == "false" || value == "0") {
              *flag = false;
            } else {
              errors.Add(fmt::format("{} is \"{}\", must be true or false", setting.key, value));
            }
          },
      },
      setting.target);
}

std::string EnvironmentName(std::string_view key) {
  std::string name = "TARN_";
  for (const char c : key) {
    name += c == '.' ? '_' : (c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  }
  return name;
}

std::string TypeName(const Setting& setting) {
  return std::visit(
      Overloaded{
          [](std::string*) { return std::string("text"); },
          [](const Choice& choice) { return fmt::format("{}", fmt::join(choice.names(), ", ")); },
          [](std::vector<std::string>*) { return std::string("texts"); },
          [](Duration*) { return std::string("duration"); },
          [&](int64_t*) { return setting.unit.empty() ? "number" : "number, " + setting.unit; },
          [](auto*) { return std::string("true, false"); }},
      setting.target);
}

std::string DefaultText(const Setting& setting) {
  if (!setting.default_text.empty()) return setting.default_text;
  if (setting.secret) return "";
  return std::visit(
      Overloaded{
          [](std::string* v) { return v->empty() ? std::string() : fmt::format("`\"{}\"`", *v); },
          [](const Choice& choice) { return fmt::format("`\"{}\"`", choice.name()); },
          [](std::vector<std::string>* v) {
            return v->empty() ? std::string() : fmt::format("`[\"{}\"]`", fmt::join(*v, "\", \""));
          },
          [](Duration* v) { return fmt::format("`\"{}\"`", FormatDuration(*v)); },
          [](int64_t* v) { return fmt::format("`{}`", *v); },
          [](bool* v) { return fmt::format("`{}`", *v); },
          [](std::optional<bool>*) { return std::string(); }},
      setting.target);
}

}  // namespace

bool Choice::Set(std::string_view name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) return false;
  set_(static_cast<size_t>(found - names_.begin()));
  return true;
}

SettingsTable::SettingsTable(std::vector<Setting> settings) : settings_(std::move(settings)) {}

Result<> SettingsTable::LoadToml(std::string_view text, std::string_view file_name) {
  const toml::parse_result parsed = toml::parse(text, file_name);
  if (!parsed) {
    return InvalidArgument(fmt::format("line {}, column {}: {}", parsed.error().source().begin.line,
                                       parsed.error().source().begin.column,
                                       parsed.error().description()));
  }
  std::vector<std::string> keys;
  std::vector<std::string> sections;
  for (const Setting& setting : settings_) {
    keys.push_back(setting.key);
    std::string section = setting.key.substr(0, setting.key.find('.'));
    if (std::find(sections.begin(), sections.end(), section) == sections.end()) {
      sections.push_back(std::move(section));
    }
  }

  Errors errors;
  const auto unknown = [&](const std::string& key, const toml::node& node,
                           const std::vector<std::string>& known) {
    const auto nearest = NearestName(key, known);
    errors.Add(fmt::format("unknown key {} (line {}{})", key, node.source().begin.line,
                           nearest ? ", did you mean " + *nearest + "?" : ""));
  };
  for (const auto& [section_key, section_node] : parsed.table()) {
    const std::string section(section_key.str());
    if (std::find(sections.begin(), sections.end(), section) == sections.end()) {
      unknown(section, section_node, sections);
      continue;
    }
    const toml::table* table = section_node.as_table();
    if (table == nullptr) {
      errors.Add(
          fmt::format("{} must be a section: write [{}] on a line of its own", section, section));
      continue;
    }
    for (const auto& [key, node] : *table) {
      const std::string full = section + "." + std::string(key.str());
      const auto setting = std::find_if(settings_.begin(), settings_.end(),
                                        [&](const Setting& s) { return s.key == full; });
      if (setting == settings_.end()) {
        unknown(full, node, keys);
      } else {
        SetFromToml(*setting, node, errors);
      }
    }
  }
  return errors.ToResult();
}

Result<> SettingsTable::LoadEnvironment(const std::function<const char*(const char*)>& get) {
  Errors errors;
  for (const Setting& setting : settings_) {
    const char* value = get(EnvironmentName(setting.key).c_str());
    if (value != nullptr) SetFromText(setting, value, errors);
  }
  return errors.ToResult();
}

std::string SettingsTable::Markdown() const {
  std::string out;
  std::string current;
  for (const Setting& setting : settings_) {
    const size_t dot = setting.key.find('.');
    const std::string section = setting.key.substr(0, dot);
    if (section != current) {
      out += fmt::format("{}## [{}]\n\n| key | type | default | |\n|---|---|---|---|\n",
                         current.empty() ? "" : "\n", section);
      current = section;
    }
    out += fmt::format("| `{}` | {} | {} | {} |\n", setting.key.substr(dot + 1), TypeName(setting),
                       DefaultText(setting), setting.help);
  }
  return out;
}

std::string SettingsTable::Text() const {
  std::string out;
  for (const Setting& setting : settings_) {
    const std::string shown = DefaultText(setting);
    out += fmt::format("{}  ({}{}{})\n    {}\n", setting.key, TypeName(setting),
                       shown.empty() ? "" : "; default ", shown, setting.help);
  }
  return out;
}

}  // namespace tarn
