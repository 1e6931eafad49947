// tarn: the tool for people.

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "base/lakehouse.h"
#include "base/log.h"
#include "base/version.h"
#include "cli/token.h"
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
  up_command->add_flag("--allow-anonymous", up.allow_anonymous,
                       "Also listen where others than this machine can connect");
  up_command->add_option("--log-level", up.log_level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();

  TokenOptions token;
  CLI::App* token_command =
      app.add_subcommand("token", "Tokens for queryd and catalogd: create, list and revoke them.");
  token_command->require_subcommand(1);
  token_command->add_option("--config", token.config_path, "The lakehouse.toml")
      ->capture_default_str();
  token_command->add_option("--tokens", token.tokens_path,
                            "The file of the tokens, in place of its auth.tokens_path");
  token_command->add_flag("--json", token.json, "Print JSON");
  CLI::App* token_create =
      token_command->add_subcommand("create",
                                    "Make a token and print it, this once. Send it as\n"
                                    "  Authorization: Bearer TOKEN");
  token_create->fallthrough();
  token_create->add_option("NAME", token.name, "Whose token it is")->required();
  token_create->add_option("--role", token.roles, "query, catalog or admin; may be given again")
      ->capture_default_str();
  token_create->add_option("--dataset", token.datasets,
                           "A dataset that it may see, * stands for any text; may be given again. "
                           "All when none is given");
  CLI::App* token_list = token_command->add_subcommand("list", "List the tokens.");
  token_list->fallthrough();
  CLI::App* token_revoke =
      token_command->add_subcommand("revoke", "Make a token worthless, within a second.");
  token_revoke->fallthrough();
  token_revoke->add_option("NAME", token.name, "Whose token it is")->required();

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
  if (*token_command) {
    const Result<> done = *token_create ? CreateToken(token)
                          : *token_list ? ListTokens(token)
                                        : RevokeToken(token);
    if (done.ok()) return EXIT_SUCCESS;
    std::fprintf(stderr, "tarn: %s\n", done.error().message.c_str());
    return EXIT_FAILURE;
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
