#include "cli/commands/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

namespace tarn::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

struct App {
  CLI::App app{"", "tool"};
  std::string name;
  App() {
    CLI::App* put = app.add_subcommand("put");
    put->add_option("--as", name);
    put->add_flag("--append");
    put->add_option("--format", name)->check(CLI::IsMember({"csv", "json"}));
    put->add_option("FILE", name);
    put->add_option("WHEN", name, "Never or always")->check(CLI::IsMember({"always", "never"}));
    CLI::App* token = app.add_subcommand("token");
    token->add_subcommand("create");
    token->add_subcommand("list");
    app.add_subcommand("hidden")->group("");
  }
};

TEST(Complete, CompletesSubcommands) {
  App app;
  EXPECT_THAT(Complete(app.app, {"p"}), ElementsAre("put"));
  EXPECT_THAT(Complete(app.app, {""}), Contains("token"));
  EXPECT_THAT(Complete(app.app, {""}), Not(Contains("hidden")));
  EXPECT_THAT(Complete(app.app, {"token", ""}), ElementsAre("create", "list"));
}

TEST(Complete, CompletesOptions) {
  App app;
  EXPECT_THAT(Complete(app.app, {"put", "--a"}), ElementsAre("--append", "--as"));
  EXPECT_THAT(Complete(app.app, {"put", "--append", "--as"}), ElementsAre("--as"));
}

TEST(Complete, CompletesChoices) {
  App app;
  EXPECT_THAT(Complete(app.app, {"put", "--format", ""}), ElementsAre("csv", "json"));
  EXPECT_THAT(Complete(app.app, {"put", "--format", "csv", "file", "n"}), ElementsAre("never"));
}

TEST(Complete, LeavesFilesToTheShell) {
  App app;
  EXPECT_THAT(Complete(app.app, {"put", "flights"}), IsEmpty());
}

TEST(CompletionScript, SupportsEachShell) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto script = CompletionScript(shell);
    ASSERT_TRUE(script.ok());
    EXPECT_THAT(*script, testing::HasSubstr("tarn complete -- "));
  }
  EXPECT_FALSE(CompletionScript("tcsh").ok());
}

}  // namespace
}  // namespace tarn::cli
