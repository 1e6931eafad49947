// tarn: the tool for people.

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "base/lakehouse.h"
#include "base/log.h"
#include "base/version.h"
#include "cli/up.h"

namespace tarn::cli {
namespace {

int Main(int argc, const char* const* argv) {
  CLI::App app("Tarn: SQL over Parquet, in a bucket or a folder.", "tarn");
  app.set_version_flag("--version", "tarn " + Version());
  app.require_subcommand(1);

  UpOptions up;
  CLI::App* up_command = app.add_subcommand(
      "up",
      "Serve a folder: each Parquet file, or folder of Parquet files, is a dataset.\n"
      "Without a folder, sample data is made and served.");
  up_command->add_option("DIR", up.folder, "The folder");
  up_command->add_option("--bind", up.bind, "host:port to listen on; port 0 takes a free one")
      ->capture_default_str();
  up_command->add_option("--log-level", up.log_level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();

  bool markdown = false;
  CLI::App* settings_command =
      app.add_subcommand("settings", "List the settings of lakehouse.toml.");
  settings_command->add_flag("--markdown", markdown, "As the table of docs/configuration.md");

  CLI11_PARSE(app, argc, argv);
  if (*settings_command) {
    LakehouseSettings settings;
    const SettingsTable table = settings.Table();
    if (markdown) {
      std::fputs(table.Markdown().c_str(), stdout);
    } else {
      std::fputs(table.Text().c_str(), stdout);
    }
    return EXIT_SUCCESS;
  }
  const LogSettings log_settings{.level = up.log_level};
  log::Configure("tarn", log::Format::kText, log_settings.Level());
  if (const Result<> served = Up(up); !served.ok()) {
    log::Error(served.error().message);
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace tarn::cli

int main(int argc, char** argv) {
  try {
    return tarn::cli::Main(argc, argv);
  } catch (const std::exception& e) {
    tarn::log::Error("cannot go on", {{"error", e.what()}});
    return EXIT_FAILURE;
  }
}
