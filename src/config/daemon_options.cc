#include "config/daemon_options.h"

#include <CLI/CLI.hpp>
#include <vector>

#include "base/version.h"

namespace tarn {

DaemonOptions ParseDaemonOptions(int argc, const char* const* argv, const std::string& program,
                                 const std::string& description) {
  DaemonOptions options;
  CLI::App app(description, program);
  app.add_option("--config", options.config_path, "The configuration file (also: -config)")
      ->capture_default_str();
  app.footer(
      "Settings are in the configuration file, or in the environment as TARN_SECTION_KEY.\n"
      "`tarn settings` lists all settings; `tarn check` checks a configuration file.");
  app.set_version_flag("--version", program + " " + Version());

  // Accepts -config as Go's flag package does; CLI11 requires two dashes for long names.
  std::vector<std::string> arguments;
  for (int i = argc - 1; i > 0; --i) {
    std::string argument = argv[i];
    if (argument == "-config" || argument.rfind("-config=", 0) == 0) argument.insert(0, "-");
    arguments.push_back(std::move(argument));
  }
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& e) {
    options.exit_now = true;
    options.exit_code = app.exit(e) == 0 ? 0 : 1;
  }
  return options;
}

}  // namespace tarn
