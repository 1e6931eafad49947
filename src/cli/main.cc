// tarn: the command-line tool.

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
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

namespace tarn::cli {
namespace {

// Exit statuses, as in shells.
constexpr int kWrongUsage = 2;
constexpr int kInterrupted = 130;

// A command and its function.
struct Command {
  CLI::App* app;
  std::function<Result<>()> run;
};

void AddDaemons(CLI::App& app, RemoteOptions& remote) {
  app.add_option("--queryd", remote.queryd, "URL of queryd (default: TARN_QUERYD_URL)")
      ->type_name("URL");
  app.add_option("--catalogd", remote.catalogd, "URL of catalogd (default: TARN_CATALOGD_URL)")
      ->type_name("URL");
  app.add_option("--token-path", remote.token_path,
                 "file with the token (default: the token in TARN_TOKEN, or the file in "
                 "TARN_TOKEN_PATH)")
      ->type_name("FILE");
}

void AddRemote(CLI::App& app, RemoteOptions& remote) {
  app.add_option("--config", remote.config_path,
                 "configuration with the addresses of the daemons (default: ./lakehouse.toml)")
      ->type_name("FILE");
  AddDaemons(app, remote);
}

Command AddUp(CLI::App& app, UpOptions& up) {
  CLI::App* command = app.add_subcommand(
      "up",
      "Serve a folder, a bucket or sample data. Each Parquet file, and each folder of Parquet\n"
      "files, is a dataset.\n"
      "  tarn up                       # creates and serves sample data\n"
      "  tarn up lake\n"
      "  tarn up s3://my-bucket/lake   # credentials: AWS_ACCESS_KEY_ID etc., or lakehouse.toml");
  command->add_option("PLACE", up.place, "a folder, s3://BUCKET or s3://BUCKET/PREFIX")
      ->type_name("");
  command
      ->add_option("--config", up.config_path,
                   "configuration with the bucket's [s3] section (default: ./lakehouse.toml)")
      ->type_name("FILE");
  command
      ->add_option("--every", up.every,
                   "interval of the checks for changes, such as 30s (default: 1s for a folder, 10s "
                   "for a bucket, which costs one request for each 1,000 objects)")
      ->type_name("DURATION");
  command->add_option("--bind", up.bind, "address to listen on; port 0 is any free port")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  command->add_flag("--allow-anonymous", up.allow_anonymous,
                    "allow --bind with an address that other machines can reach, without tokens");
  command->add_option("--log-level", up.log_level, "least severe level to log")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  return {command, [&up] {
            static const std::map<std::string, log::Level> kLevels = {
                {"debug", log::Level::kDebug},
                {"info", log::Level::kInfo},
                {"warn", log::Level::kWarn},
                {"error", log::Level::kError}};
            log::Configure("tarn", log::Format::kText, kLevels.at(up.log_level));
            return Up(up);
          }};
}

Command AddSql(CLI::App& app, SqlOptions& sql) {
  CLI::App* command =
      app.add_subcommand("sql",
                         "Run a statement and print the result, or open a prompt.\n"
                         "  tarn sql \"SELECT count(*) FROM flights\"\n"
                         "  tarn sql --format ndjson \"FROM flights\" | jq .origin\n"
                         "  tarn sql -p ATL \"FROM flights WHERE origin = ? LIMIT 3\"\n"
                         "  tarn sql < report.sql -o report.csv");
  AddRemote(*command, sql.remote);
  command
      ->add_option("STATEMENT", sql.sql,
                   "the statement, or - for stdin (default: a prompt on a terminal, else stdin)")
      ->type_name("");
  command
      ->add_option("-f,--format", sql.format,
                   "format of the result (default: table on a terminal, else csv)")
      ->check(CLI::IsMember(SqlFormats()));
  command->add_option("-o,--output", sql.output, "write the result to this file")
      ->type_name("FILE");
  command
      ->add_option("-p,--param", sql.params,
                   "value of the next ?, or NAME=VALUE for $NAME; can be repeated")
      ->type_name("VALUE")
      ->allow_extra_args(false);
  command
      ->add_option("--limit", sql.row_limit,
                   "maximum number of rows (default: 10,000 for a table, else no limit)")
      ->check(CLI::NonNegativeNumber);
  return {command, [&sql] { return RunSql(sql); }};
}

CLI::App* AddDatasetCommand(CLI::App& app, const char* name, const char* help,
                            DatasetOptions& options, bool of_one) {
  CLI::App* command = app.add_subcommand(name, help);
  AddRemote(*command, options.remote);
  command->add_flag("--json", options.json, "print the response of the catalogue");
  if (of_one) command->add_option("NAME", options.name, "the dataset")->required();
  return command;
}

void AddDatasets(CLI::App& app, DatasetOptions& options, std::vector<Command>& commands) {
  commands.push_back({AddDatasetCommand(app, "ls", "List the datasets.", options, false),
                      [&options] { return ListDatasets(options); }});
  commands.push_back(
      {AddDatasetCommand(app, "show", "Show the columns, objects, rows and size of a dataset.",
                         options, true),
       [&options] { return ShowDataset(options); }});
  commands.push_back(
      {AddDatasetCommand(app, "touch",
                         "Read the objects of a dataset again after objects were overwritten.",
                         options, true),
       [&options] { return TouchDataset(options); }});
  CLI::App* rm = AddDatasetCommand(
      app, "rm", "Remove a dataset from the catalogue. Its objects stay in the bucket.", options,
      true);
  rm->add_flag("-y,--yes", options.yes, "do not ask for confirmation");
  commands.push_back({rm, [&options] { return RemoveDataset(options); }});
  CLI::App* history =
      AddDatasetCommand(app, "history", "Show the versions of a dataset.", options, true);
  history->add_option("--limit", options.limit, "maximum number of versions")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  commands.push_back({history, [&options] { return ShowHistory(options); }});
  CLI::App* restore = AddDatasetCommand(
      app, "restore", "Restore the content of an earlier version, as a new version.", options,
      true);
  restore->add_option("VERSION", options.version, "the version, from tarn history")->required();
  restore
      ->add_option("--dataset-id", options.dataset_id,
                   "id, or its first digits, of an earlier dataset of the same name")
      ->type_name("ID");
  commands.push_back({restore, [&options] { return RestoreDataset(options); }});
}

Command AddPut(CLI::App& app, PutOptions& put) {
  CLI::App* command =
      app.add_subcommand("put",
                         "Make a dataset from CSV, JSON or Parquet files.\n"
                         "  tarn put flights.csv --as flights\n"
                         "  tarn put 2026-*.csv.gz --as flights --append\n"
                         "  curl … | tarn put - --format json --as events --replace\n"
                         "  tarn put flights.csv --as flights --into lake   # then: tarn up lake");
  AddRemote(*command, put.remote);
  command->add_option("FILE", put.files, "files of one format, or - for stdin")->required();
  command->add_option("--as", put.name, "name of the dataset")->type_name("NAME")->required();
  command
      ->add_option("--into", put.into,
                   "a folder or s3://BUCKET/PREFIX for tarn up, in place of the bucket of "
                   "lakehouse.toml and a catalogue")
      ->type_name("PLACE");
  command
      ->add_option("--prefix", put.prefix,
                   "prefix for the keys of new objects, ending with / (default: the prefix of the "
                   "token)")
      ->type_name("PREFIX");
  command
      ->add_option("--format", put.format,
                   "format of the files (default: by their names, or csv for stdin)")
      ->check(CLI::IsMember({"csv", "json", "parquet"}));
  command->add_option("--delimiter", put.delimiter, "delimiter of CSV files (default: detected)")
      ->type_name("TEXT");
  command
      ->add_option("--encoding", put.encoding,
                   "encoding of CSV and JSON files, such as latin-1, windows-1252 or utf-16 "
                   "(default: UTF-16 if a file begins with its byte order mark, else UTF-8)")
      ->type_name("NAME");
  command->add_flag("--no-header", put.no_header, "read the first line of CSV as a row");
  command
      ->add_option("--with", put.with,
                   "option of DuckDB's read_csv, such as decimal_separator=\",\", nullstr=NA or "
                   "skip=2; can be repeated")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all();
  command
      ->add_option("--type", put.types,
                   "type of a column, in place of the detected one, such as zip=VARCHAR or "
                   "price=DECIMAL(18,2); can be repeated")
      ->type_name("COLUMN=TYPE")
      ->expected(1)
      ->take_all();
  command->add_flag("--no-check", put.no_check,
                    "do not check that all values of Parquet files can be read");
  command->add_flag("--append", put.append, "add the rows to the dataset");
  command->add_flag("--replace", put.replace, "replace the dataset");
  command->add_flag("--json", put.json, "print the response of the catalogue");
  return {command, [&put] { return PutDataset(put); }};
}

Command AddStatus(CLI::App& app, StatusOptions& status) {
  CLI::App* command = app.add_subcommand("status", "Show the state of the daemons.");
  AddRemote(*command, status.remote);
  command->add_flag("--json", status.json, "print JSON");
  return {command, [&status] { return ShowStatus(status); }};
}

Command AddCheck(CLI::App& app, CheckOptions& check) {
  CLI::App* command = app.add_subcommand(
      "check",
      "Find problems with a configuration, its bucket and its daemons, and say how to fix them.");
  command
      ->add_option("FILE,--config", check.remote.config_path,
                   "the configuration (default: ./lakehouse.toml)")
      ->type_name("PATH");
  AddDaemons(*command, check.remote);
  command->add_flag("--json", check.json, "print JSON");
  return {command, [&check] { return Check(check); }};
}

void AddToken(CLI::App& app, TokenOptions& token, std::vector<Command>& commands) {
  CLI::App* command =
      app.add_subcommand("token", "Create, list and revoke tokens for queryd and catalogd.");
  command->require_subcommand(1);
  command->add_option("--config", token.config_path, "configuration with auth.tokens_path")
      ->type_name("FILE")
      ->capture_default_str();
  command
      ->add_option("--tokens", token.tokens_path,
                   "file of the tokens (default: auth.tokens_path of the configuration)")
      ->type_name("FILE");
  command->add_flag("--json", token.json, "print JSON");
  CLI::App* create = command->add_subcommand(
      "create",
      "Create a token and print it. It is not shown again. Clients send it as\n"
      "  Authorization: Bearer TOKEN");
  create->fallthrough();
  create->add_option("NAME", token.name, "name of the token, such as its user")->required();
  create->add_option("--role", token.roles, "query, catalog or admin; can be repeated")
      ->capture_default_str();
  create
      ->add_option("--dataset", token.datasets,
                   "dataset that the token may see, with * for any text; can be repeated (default: "
                   "all datasets)")
      ->type_name("NAME");
  create
      ->add_option("--prefix", token.prefixes,
                   "objects that the token may register: a prefix that ends with / for all keys "
                   "below it, or one key; can be repeated (default: all keys, or none with "
                   "--dataset)")
      ->type_name("PREFIX")
      ->allow_extra_args(false);
  create
      ->add_option("--weight", token.weight,
                   "share of the query slots, relative to the weights of other tokens")
      ->check(CLI::Range(1U, auth::kTokenWeightMax))
      ->capture_default_str();
  commands.push_back({create, [&token] { return CreateToken(token); }});
  CLI::App* list = command->add_subcommand("list", "List the tokens.");
  list->fallthrough();
  commands.push_back({list, [&token] { return ListTokens(token); }});
  CLI::App* revoke =
      command->add_subcommand("revoke", "Revoke a token. The daemons refuse it within a second.");
  revoke->fallthrough();
  revoke->add_option("NAME", token.name, "name of the token")->required();
  commands.push_back({revoke, [&token] { return RevokeToken(token); }});
}

Command AddSettings(CLI::App& app, bool& markdown) {
  CLI::App* command = app.add_subcommand("settings", "List the settings of lakehouse.toml.");
  command->add_flag("--markdown", markdown, "print the tables of docs/configuration.md");
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
      "completion", "Print the completion script for a shell.\n  source <(tarn completion bash)");
  completion->add_option("SHELL", shell, "the shell")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  commands.push_back({completion, [&shell]() -> Result<> {
                        TARN_TRY(const std::string script, CompletionScript(shell));
                        std::fputs(script.c_str(), stdout);
                        return {};
                      }});
  // The command that these scripts call. --help does not list it.
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
    std::fprintf(stderr, "tarn: unknown command \"%s\": see tarn --help\n", argv[1]);
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
    // Reports output that could not be written as a failure.
    if (done.ok() && (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)) {
      done = Unavailable(fmt::format("cannot write stdout: {}", std::strerror(errno)));
    }
    if (done.ok()) return EXIT_SUCCESS;
    std::string message = done.error().message;
    if (IsNotReached(message)) {
      message +=
          ": start `tarn up`, or queryd and catalogd, or set their URLs with --queryd and "
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
    if (!tarn::IsAnyThreadLeftBehind()) return status;
    std::fflush(nullptr);
    tarn::log::Flush();
    _exit(status);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "tarn: %s\n", e.what());
    return EXIT_FAILURE;
  }
}
