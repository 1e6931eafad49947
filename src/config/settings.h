#pragma once

// A table of settings. Each setting is declared once with its type, default, range and help; the
// configuration file, the environment, error messages and docs/configuration.md derive from it.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/duration.h"
#include "base/result.h"

namespace tarn {

// A variable of an enum type, with the names of its values.
class Choice {
 public:
  template <class Enum>
  Choice(Enum* target, const std::vector<std::pair<std::string, Enum>>& values) {
    for (const auto& value : values) names_.push_back(value.first);
    get_ = [target, values] {
      size_t index = 0;
      while (index + 1 < values.size() && values[index].second != *target) ++index;
      return index;
    };
    set_ = [target, values](size_t index) { *target = values[index].second; };
  }

  const std::vector<std::string>& names() const { return names_; }
  const std::string& name() const { return names_[get_()]; }  // The name of the current value.
  // Returns false, and changes nothing, for an unknown name.
  bool Set(std::string_view name) const;

 private:
  std::vector<std::string> names_;
  std::function<size_t()> get_;
  std::function<void(size_t index)> set_;
};

struct Setting {
  // The variable of the setting. Its value when the table is created is the default.
  using Target = std::variant<std::string*, bool*, std::optional<bool>*, int64_t*, Duration*,
                              std::vector<std::string>*, Choice>;

  std::string key;  // "section.name"
  Target target;
  std::string help;
  bool secret = false;         // Never shown, not even as a default.
  int64_t min = 0;             // Numbers only.
  int64_t max = INT64_MAX;     // Numbers only.
  std::string unit{};          // Numbers only: "bytes", "queries"; for the documentation.
  std::string default_text{};  // Shown as the default instead of the value.
};

class SettingsTable {
 public:
  explicit SettingsTable(std::vector<Setting> settings);

  // Loads a TOML document into the targets. All errors are reported together, separated by "; ". An
  // unknown key is an error that suggests the nearest known key.
  Result<> LoadToml(std::string_view text, std::string_view file_name);

  // Loads section.name from TARN_SECTION_NAME. `get` is std::getenv except in tests.
  Result<> LoadEnvironment(const std::function<const char*(const char*)>& get);

  // The table of docs/configuration.md.
  std::string Markdown() const;
  // The table for a terminal.
  std::string Text() const;

  const std::vector<Setting>& settings() const { return settings_; }

 private:
  std::vector<Setting> settings_;
};

}  // namespace tarn
