// tarn: the tool for people.

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "auth/identity.h"
#include "base/log.h"
#include "base/redact.h"
#include "base/version.h"
#include "cli/commands/check.h"
#include "cli/commands/completion.h"
#include "cli/commands/datasets.h"
#include "cli/commands/put.h"
#include "cli/commands/sql.h"
#include "cli/commands/status.h"
#include "cli/commands/token.h"
#include "cli/terminal/colours.h"
#include "cli/terminal/interrupt.h"
#include "cli/terminal/text.h"
#include "cli/up/up.h"
#include "config/lakehouse.h"
#include "protocol/format.h"

namespace tarn::cli {
namespace {

// What a shell is told: sysexits are for programs that nobody reads.
constexpr int kWrongUsage = 2;
constexpr int kInterrupted = 130;

// A command and what runs it.
struct Command {
  CLI::App* app;
  std::function<Result<>()> run;
};

void AddRemote(CLI::App& app, RemoteOptions& remote) {
  app.add_option("--config", remote.config_path,
                 "A lakehouse.toml that says where the daemons are (./lakehouse.toml)");
  app.add_option("--queryd", remote.queryd, "URL of queryd, also in TARN_QUERYD_URL");
  app.add_option("--catalogd", remote.catalogd, "URL of catalogd, also in TARN_CATALOGD_URL");
  app.add_option("--token-path", remote.token_path,
                 "A file with the token, also in TARN_TOKEN_PATH; TARN_TOKEN holds one itself");
}

Command AddUp(CLI::App& app, UpOptions& up) {
  CLI::App* command = app.add_subcommand(
      "up",
      "Serve a folder or a bucket: each Parquet file, or folder of Parquet files, is a dataset.\n"
      "Without either, sample data is made and served.\n"
      "  tarn up lake\n"
      "  tarn up s3://my-bucket/lake   # keys as AWS_ACCESS_KEY_ID, or lakehouse.toml, has them");
  command->add_option("PLACE", up.place, "The folder, or s3://BUCKET or s3://BUCKET/PREFIX");
  command->add_option("--config", up.config_path,
                      "Of a bucket: a lakehouse.toml with its [s3] (./lakehouse.toml)");
  command->add_option(
      "--every", up.every,
      "How often to look what has changed (1s; a bucket: 10s, at a request for each "
      "1,000 objects)");
  command->add_option("--bind", up.bind, "host:port to listen on; port 0 takes a free one")
      ->capture_default_str();
  command->add_flag("--allow-anonymous", up.allow_anonymous,
                    "Also listen where others than this machine can connect");
  command->add_option("--log-level", up.log_level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  return {command, [&up] {
            const LogSettings log_settings{.level = up.log_level};
            log::Configure("tarn", log::Format::kText, log_settings.Level());
            return Up(up);
          }};
}

Command AddSql(CLI::App& app, SqlOptions& sql) {
  CLI::App* command = app.add_subcommand(
      "sql",
      "Run one statement and show its result; without one, on a terminal, a prompt for "
      "many.\n"
      "  tarn sql \"SELECT count(*) FROM flights\"\n"
      "  tarn sql --format ndjson \"FROM flights\" | jq .origin\n"
      "  tarn sql -p ATL \"FROM flights WHERE origin = ? LIMIT 3\"\n"
      "  tarn sql < report.sql -o report.csv");
  AddRemote(*command, sql.remote);
  command->add_option(
      "STATEMENT", sql.sql,
      "The statement; - is that of stdin, and so is none where that is no terminal");
  command
      ->add_option(
          "-f,--format", sql.format,
          fmt::format("table, {} (default: table on a terminal, otherwise csv)", FormatNames()))
      ->check(CLI::IsMember(SqlFormats()));
  command->add_option("-o,--output", sql.output, "Write it into this file");
  command
      ->add_option("-p,--param", sql.params,
                   "A value for the next ?, or NAME=VALUE for $NAME; may be given again")
      ->allow_extra_args(false);
  command->add_option("--limit", sql.row_limit, "The most rows (a table: 10,000)")
      ->check(CLI::NonNegativeNumber);
  return {command, [&sql] { return RunSql(sql); }};
}

CLI::App* AddDatasetCommand(CLI::App& app, const char* name, const char* help,
                            DatasetOptions& options, bool of_one) {
  CLI::App* command = app.add_subcommand(name, help);
  AddRemote(*command, options.remote);
  command->add_flag("--json", options.json, "Print what the catalogue answers");
  if (of_one) command->add_option("NAME", options.name, "The dataset")->required();
  return command;
}

void AddDatasets(CLI::App& app, DatasetOptions& options, std::vector<Command>& commands) {
  commands.push_back({AddDatasetCommand(app, "ls", "List the datasets.", options, false),
                      [&options] { return ListDatasets(options); }});
  commands.push_back(
      {AddDatasetCommand(app, "show", "Show a dataset: columns, objects, rows, size.", options,
                         true),
       [&options] { return ShowDataset(options); }});
  commands.push_back(
      {AddDatasetCommand(app, "touch",
                         "Read the objects of a dataset again after they were overwritten.",
                         options, true),
       [&options] { return TouchDataset(options); }});
  CLI::App* rm = AddDatasetCommand(
      app, "rm", "Take a dataset out of the catalogue. Its objects stay in the bucket.", options,
      true);
  rm->add_flag("-y,--yes", options.yes, "Ask nothing");
  commands.push_back({rm, [&options] { return RemoveDataset(options); }});
  CLI::App* history =
      AddDatasetCommand(app, "history", "Show the versions of a dataset.", options, true);
  history->add_option("--limit", options.limit, "The most versions")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  commands.push_back({history, [&options] { return ShowHistory(options); }});
  CLI::App* restore = AddDatasetCommand(
      app, "restore", "Give a dataset the content of a former version, as a new version.", options,
      true);
  restore->add_option("VERSION", options.version, "As `tarn history` shows it")->required();
  restore->add_option("--dataset-id", options.dataset_id,
                      "Of another dataset that had the name before, or its first digits");
  commands.push_back({restore, [&options] { return RestoreDataset(options); }});
}

Command AddPut(CLI::App& app, PutOptions& put) {
  CLI::App* command =
      app.add_subcommand("put",
                         "Make a dataset of CSV, JSON or Parquet files.\n"
                         "  tarn put flights.csv --as flights\n"
                         "  tarn put 2026-*.csv.gz --as flights --append\n"
                         "  curl … | tarn put - --format json --as events --replace\n"
                         "  tarn put flights.csv --as flights --into lake   # then: tarn up lake");
  AddRemote(*command, put.remote);
  command->add_option("FILE", put.files, "The files, of one format; - is stdin")->required();
  command->add_option("--as", put.name, "The name of the dataset")->required();
  command->add_option("--into", put.into,
                      "A folder or s3://BUCKET/PREFIX that `tarn up` serves, in place of the "
                      "bucket of lakehouse.toml and a catalogue");
  command->add_option("--prefix", put.prefix,
                      "Key prefix for the new objects, ending with / (default: the prefix of the "
                      "token)");
  command->add_option("--format", put.format, "csv, json or parquet (by the names; of stdin: csv)")
      ->check(CLI::IsMember({"csv", "json", "parquet"}));
  command->add_option("--delimiter", put.delimiter,
                      "The delimiter of CSV files (default: detected)");
  command->add_option(
      "--encoding", put.encoding,
      "The encoding of CSV and JSON files, such as latin-1, windows-1252 or utf-16 (default: "
      "UTF-16 if the file begins with its byte order mark, else UTF-8)");
  command->add_flag("--no-header", put.no_header, "The first line of CSV is a row");
  command
      ->add_option("--with", put.with,
                   "NAME=VALUE, an option of DuckDB's read_csv: "
                   "decimal_separator=\",\", nullstr=NA, skip=2; may be given again")
      ->expected(1)
      ->take_all();
  command
      ->add_option(
          "--type", put.types,
          "The type of a column, instead of the detected one: zip=VARCHAR, price=DECIMAL(18,2); "
          "may be given again")
      ->expected(1)
      ->take_all();
  command->add_flag("--no-check", put.no_check,
                    "Skip the check that all values of Parquet files can be read");
  command->add_flag("--append", put.append, "Add to the dataset");
  command->add_flag("--replace", put.replace, "Replace the dataset");
  command->add_flag("--json", put.json, "Print what the catalogue answers");
  return {command, [&put] { return PutDataset(put); }};
}

Command AddStatus(CLI::App& app, StatusOptions& status) {
  CLI::App* command = app.add_subcommand("status", "Show how the daemons are.");
  AddRemote(*command, status.remote);
  command->add_flag("--json", status.json, "Print JSON");
  return {command, [&status] { return ShowStatus(status); }};
}

Command AddCheck(CLI::App& app, CheckOptions& check) {
  CLI::App* command = app.add_subcommand(
      "check",
      "Say what is wrong with a lakehouse.toml, its bucket and its daemons, and what to do.");
  command->add_option("FILE,--config", check.remote.config_path,
                      "The lakehouse.toml (./lakehouse.toml)");
  command->add_option("--queryd", check.remote.queryd, "URL of queryd, also in TARN_QUERYD_URL");
  command->add_option("--catalogd", check.remote.catalogd,
                      "URL of catalogd, also in TARN_CATALOGD_URL");
  command->add_option(
      "--token-path", check.remote.token_path,
      "A file with the token, also in TARN_TOKEN_PATH; TARN_TOKEN holds one itself");
  command->add_flag("--json", check.json, "Print JSON");
  return {command, [&check] { return Check(check); }};
}

void AddToken(CLI::App& app, TokenOptions& token, std::vector<Command>& commands) {
  CLI::App* command =
      app.add_subcommand("token", "Tokens for queryd and catalogd: create, list and revoke them.");
  command->require_subcommand(1);
  command->add_option("--config", token.config_path, "The lakehouse.toml")->capture_default_str();
  command->add_option("--tokens", token.tokens_path,
                      "The file of the tokens, in place of its auth.tokens_path");
  command->add_flag("--json", token.json, "Print JSON");
  CLI::App* create = command->add_subcommand("create",
                                             "Make a token and print it, this once. Send it as\n"
                                             "  Authorization: Bearer TOKEN");
  create->fallthrough();
  create->add_option("NAME", token.name, "Whose token it is")->required();
  create->add_option("--role", token.roles, "query, catalog or admin; may be given again")
      ->capture_default_str();
  create->add_option("--dataset", token.datasets,
                     "A dataset that it may see, * stands for any text; may be given again. "
                     "All when none is given");
  create
      ->add_option("--prefix", token.prefixes,
                   "The keys of objects that it may register: all below a prefix that ends with "
                   "/, or one whole key; may be given again. Default: all keys, or none if "
                   "--dataset is given")
      ->allow_extra_args(false);
  create
      ->add_option("--weight", token.weight,
                   "Its share of the query slots, relative to the weights of other tokens")
      ->check(CLI::Range(1U, auth::kTokenWeightMax))
      ->capture_default_str();
  commands.push_back({create, [&token] { return CreateToken(token); }});
  CLI::App* list = command->add_subcommand("list", "List the tokens.");
  list->fallthrough();
  commands.push_back({list, [&token] { return ListTokens(token); }});
  CLI::App* revoke = command->add_subcommand("revoke", "Make a token worthless, within a second.");
  revoke->fallthrough();
  revoke->add_option("NAME", token.name, "Whose token it is")->required();
  commands.push_back({revoke, [&token] { return RevokeToken(token); }});
}

Command AddSettings(CLI::App& app, bool& markdown) {
  CLI::App* command = app.add_subcommand("settings", "List the settings of lakehouse.toml.");
  command->add_flag("--markdown", markdown, "As the table of docs/configuration.md");
  return {command, [&markdown]() -> Result<> {
            LakehouseSettings settings;
            const SettingsTable table = settings.Table();
            std::fputs((markdown ? table.Markdown() : table.Text()).c_str(), stdout);
            return {};
          }};
}

void AddCompletion(CLI::App& app, std::string& shell, std::vector<std::string>& words,
                   std::vector<Command>& commands) {
  CLI::App* completion = app.add_subcommand(
      "completion", "Print what makes Tab complete in a shell:\n  source <(tarn completion bash)");
  completion->add_option("SHELL", shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  commands.push_back({completion, [&shell]() -> Result<> {
                        TARN_TRY(const std::string script, CompletionScript(shell));
                        std::fputs(script.c_str(), stdout);
                        return {};
                      }});
  // What these scripts call: in no help.
  CLI::App* complete = app.add_subcommand("complete")->group("");
  complete->add_option("WORDS", words);
  commands.push_back({complete, [&app, &words]() -> Result<> {
                        for (const std::string& word : Complete(app, words)) {
                          std::printf("%s\n", word.c_str());
                        }
                        return {};
                      }});
}

int Main(int argc, const char* const* argv) {
  CLI::App app("Tarn: SQL over Parquet, in a bucket or a folder.", "tarn");
  app.set_version_flag("--version", "tarn " + Version());
  app.require_subcommand(1);

  UpOptions up;
  SqlOptions sql;
  PutOptions put;
  DatasetOptions datasets;
  StatusOptions status;
  CheckOptions check;
  TokenOptions token;
  bool markdown = false;
  std::string shell;
  std::vector<std::string> words;
  std::vector<Command> commands = {AddUp(app, up), AddPut(app, put), AddSql(app, sql)};
  AddDatasets(app, datasets, commands);
  commands.push_back(AddStatus(app, status));
  commands.push_back(AddCheck(app, check));
  AddToken(app, token, commands);
  commands.push_back(AddSettings(app, markdown));
  AddCompletion(app, shell, words, commands);

  if (argc == 1) {
    std::fputs(app.help().c_str(), stdout);
    return EXIT_SUCCESS;
  }
  const auto is_meant = [&](const CLI::App* each) { return each->check_name(argv[1]); };
  if (argv[1][0] != '-' && app.get_subcommands(is_meant).empty()) {
    std::fprintf(stderr, "tarn: there is no command \"%s\": tarn --help lists all\n", argv[1]);
    return kWrongUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == EXIT_SUCCESS ? EXIT_SUCCESS : kWrongUsage;
  }
  for (const Command& command : commands) {
    if (!*command.app) continue;
    Result<> done = command.run();
    // What nobody has got was not done.
    if (done.ok() && (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)) {
      done = Unavailable(fmt::format("cannot write stdout: {}", std::strerror(errno)));
    }
    if (done.ok()) return EXIT_SUCCESS;
    std::string message = done.error().message;
    if (IsNotReached(message)) {
      message +=
          ": start `tarn up`, or queryd and catalogd, or name where they run with --queryd and "
          "--catalogd";
    }
    std::fprintf(stderr, "%s %s\n", Colours::For(stderr)(Style::kBad, "tarn:").c_str(),
                 LinesWithoutControls(ProcessRedactor().Redact(message)).c_str());
    return done.error().kind == ErrorKind::kCancelled ? kInterrupted : EXIT_FAILURE;
  }
  return kWrongUsage;
}

}  // namespace
}  // namespace tarn::cli

int main(int argc, char** argv) {
  try {
    const int status = tarn::cli::Main(argc, argv);
    if (!tarn::cli::IsAnyThreadLeftBehind()) return status;
    std::fflush(nullptr);
    tarn::log::Flush();
    _exit(status);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "tarn: %s\n", e.what());
    return EXIT_FAILURE;
  }
}
