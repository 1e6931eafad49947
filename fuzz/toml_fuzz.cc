// base/settings: lakehouse.toml, and the secrets file, which is TOML too.

#include <algorithm>

#include "config/lakehouse.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = tarn::fuzz::Text(data, size);
  tarn::LakehouseSettings settings;
  tarn::SettingsTable table = settings.Table();
  const auto loaded = table.LoadToml(text, "lakehouse.toml");
  if (!loaded.ok()) {
    FUZZ_CHECK(!loaded.error().message.empty(), text);
    // The error is one line of the log.
    FUZZ_CHECK(loaded.error().kind == tarn::ErrorKind::kInvalidArgument, loaded.error().message);
    return 0;
  }
  // Accepted values are within their ranges.
  for (const tarn::Setting& setting : table.settings()) {
    if (const auto* number = std::get_if<int64_t*>(&setting.target)) {
      const bool is_default = **number == 0;
      FUZZ_CHECK(is_default || (**number >= setting.min && **number <= setting.max), setting.key);
    } else if (const auto* duration = std::get_if<tarn::Duration*>(&setting.target)) {
      FUZZ_CHECK(**duration > tarn::Duration::zero(), setting.key);
    } else if (const auto* choice = std::get_if<tarn::Choice>(&setting.target)) {
      const auto& names = choice->names();
      FUZZ_CHECK(std::find(names.begin(), names.end(), choice->name()) != names.end(), setting.key);
    }
  }
  return 0;
}
