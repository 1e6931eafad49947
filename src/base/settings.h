#pragma once

// A table of settings: each is declared once, with its type, default, range and help, and the
// configuration file, the environment, the error messages and docs/configuration.md all come
// from it.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/duration.h"
#include "base/result.h"

namespace tarn {

struct Setting {
  // Where the value goes; what is there when the table is made is the default.
  using Target = std::variant<std::string*, bool*, std::optional<bool>*, int64_t*, Duration*>;

  std::string key;  // "section.name"
  Target target;
  std::string help;
  bool secret = false;                // Never shown, not even as a default.
  std::vector<std::string> one_of{};  // Texts only: the values allowed. Empty: any.
  int64_t min = 0;                    // Numbers only.
  int64_t max = INT64_MAX;            // Numbers only.
  std::string unit{};                 // Numbers only: "bytes", "queries"; for the documents.
  std::string default_text{};  // Shown for the default where the value alone says too little.
};

class SettingsTable {
 public:
  explicit SettingsTable(std::vector<Setting> settings);

  // Reads a TOML document into the targets. All errors are reported together, separated by
  // "; ", so that one start tells everything that is wrong. A key that is not in the table is an
  // error that names the nearest known key.
  Result<> LoadToml(std::string_view text, std::string_view file_name);

  // TARN_SECTION_NAME overrides section.name. `get` is std::getenv outside of tests.
  Result<> LoadEnvironment(const std::function<const char*(const char*)>& get);

  // docs/configuration.md's table.
  std::string Markdown() const;
  // The same for a terminal.
  std::string Text() const;

  const std::vector<Setting>& settings() const { return settings_; }

 private:
  std::vector<Setting> settings_;
};

}  // namespace tarn
