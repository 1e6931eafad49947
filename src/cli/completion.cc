#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/remote.h"

namespace tarn::cli {
namespace {

constexpr const char* kBash = R"(# bash completion of tarn: source <(tarn completion bash)
_tarn() {
  local IFS=$'\n'
  COMPREPLY=($(tarn complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [[ ${#COMPREPLY[@]} -gt 0 ]] || compopt -o default
}
complete -F _tarn tarn
)";

constexpr const char* kZsh = R"(#compdef tarn
# zsh completion of tarn: source <(tarn completion zsh)
_tarn() {
  local -a words_of_tarn
  words_of_tarn=("${(@f)$(tarn complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n ${words_of_tarn[1]} ]]; then compadd -a words_of_tarn; else _files; fi
}
# Sourced, it is told of; found in a folder of completions, it is the first call itself.
if [[ $funcstack[1] == _tarn ]]; then _tarn "$@"; else compdef _tarn tarn; fi
)";

constexpr const char* kFish = R"(# fish completion of tarn: tarn completion fish | source
complete -c tarn -a '(tarn complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
)";

// These have a dataset where others have a file or a text.
const std::set<std::string, std::less<>>& CommandsOfDatasets() {
  static const std::set<std::string, std::less<>> kCommands = {"show", "rm", "history", "restore"};
  return kCommands;
}

CLI::App* SubcommandOf(CLI::App& app, const std::string& name) {
  for (CLI::App* each : app.get_subcommands({})) {
    if (each->get_name() == name) return each;
  }
  return nullptr;
}

std::vector<std::string> DatasetNames() {
  auto remote = Remote::Open({});
  if (!remote.ok()) return {};
  const auto list = remote->CatalogJson({.path = "/catalog/list"});
  if (!list.ok()) return {};
  std::vector<std::string> names;
  for (const auto& manifest : list->value("manifests", nlohmann::ordered_json::array())) {
    names.push_back(manifest.value("name", ""));
  }
  return names;
}

}  // namespace

Result<std::string> CompletionScript(const std::string& shell) {
  if (shell == "bash") return std::string(kBash);
  if (shell == "zsh") return std::string(kZsh);
  if (shell == "fish") return std::string(kFish);
  return InvalidArgument("bash, zsh or fish");
}

std::vector<std::string> Complete(CLI::App& app, const std::vector<std::string>& words) {
  const std::string last = words.empty() ? "" : words.back();
  CLI::App* command = &app;
  const CLI::Option* open = nullptr;  // An option that has no value yet.
  size_t positionals = 0;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (open != nullptr) {
      open = nullptr;
    } else if (word.starts_with('-')) {
      const CLI::Option* option = command->get_option_no_throw(word);
      if (option != nullptr && option->get_items_expected_max() > 0) open = option;
    } else if (CLI::App* next = SubcommandOf(*command, word); next != nullptr) {
      command = next;
    } else {
      ++positionals;
    }
  }
  std::vector<std::string> all;
  if (open != nullptr) {
    // Other values are files, or what only their owner knows.
    if (open->check_lname("as")) all = DatasetNames();
  } else if (last.starts_with('-')) {
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) all.push_back("--" + name);
    }
  } else {
    for (const CLI::App* each : command->get_subcommands({})) {
      if (!each->get_group().empty()) all.push_back(each->get_name());
    }
    if (positionals == 0 && CommandsOfDatasets().contains(command->get_name())) {
      all = DatasetNames();
    }
  }
  std::erase_if(all, [&](const std::string& word) { return !word.starts_with(last); });
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace tarn::cli
