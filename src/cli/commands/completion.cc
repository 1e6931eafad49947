#include "cli/commands/completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "cli/commands/remote.h"

namespace tarn::cli {
namespace {

// Each script passes the typed words to `tarn complete`, with the last word unquoted. It completes
// names of files if there is no output.
constexpr const char* kBash = R"(# bash completion of tarn: source <(tarn completion bash)
_tarn() {
  local typed=${COMP_WORDS[COMP_CWORD]} word
  word=${typed#[\"\']}
  mapfile -t COMPREPLY < <(
    tarn complete -- "${COMP_WORDS[@]:1:COMP_CWORD-1}" "${word//\\/}" 2>/dev/null)
  if [[ ${#COMPREPLY[@]} -eq 0 ]]; then
    compopt -o default
  elif [[ $typed != [\"\']* ]]; then
    mapfile -t COMPREPLY < <(printf '%q\n' "${COMPREPLY[@]}")
  fi
}
complete -F _tarn tarn
)";

constexpr const char* kZsh = R"(#compdef tarn
# zsh completion of tarn: source <(tarn completion zsh)
_tarn() {
  local -a words_of_tarn
  words_of_tarn=("${(@f)$(tarn complete -- "${(@)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
  if [[ -n ${words_of_tarn[1]} ]]; then compadd -a words_of_tarn; else _files; fi
}
# Registers _tarn if this script is sourced. Calls it if zsh has loaded the script as _tarn.
if [[ $funcstack[1] == _tarn ]]; then _tarn "$@"; else compdef _tarn tarn; fi
)";

constexpr const char* kFish = R"(# fish completion of tarn: tarn completion fish | source
function __tarn_complete
  set -l word (commandline -ct | string replace -r '^["\']' '' | string replace -a '\\' '')
  set -l found (tarn complete -- (commandline -opc)[2..] "$word" 2>/dev/null)
  if set -q found[1]
    printf '%s\n' $found
  else
    __fish_complete_path "$word"
  end
end
complete -c tarn -f -a '(__tarn_complete)'
)";

// Commands whose argument is a dataset.
const std::set<std::string, std::less<>>& CommandsOfDatasets() {
  static const std::set<std::string, std::less<>> kCommands = {"show", "touch", "rm", "history",
                                                               "restore"};
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

// Returns the choices of an option or argument. CLI11 describes it as TEXT:{one,other}.
std::vector<std::string> ChoicesOf(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t open = type.find('{');
  const size_t close = type.rfind('}');
  if (open == std::string::npos || close == std::string::npos) return {};
  return CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
}

struct Typed {
  CLI::App* command;
  const CLI::Option* open = nullptr;  // An option that has no value yet.
  size_t positionals = 0;
};

Typed Follow(CLI::App& app, std::span<const std::string> words) {
  Typed typed{&app};
  for (const std::string& word : words) {
    if (typed.open != nullptr) {
      typed.open = nullptr;
    } else if (word.starts_with('-')) {
      const CLI::Option* option = typed.command->get_option_no_throw(word);
      if (option != nullptr && option->get_items_expected_max() > 0) typed.open = option;
    } else if (CLI::App* next = SubcommandOf(*typed.command, word); next != nullptr) {
      typed.command = next;
    } else {
      ++typed.positionals;
    }
  }
  return typed;
}

// Returns completions for the value of an option, if the values are known.
std::vector<std::string> ValuesOf(const CLI::Option& option) {
  return option.check_lname("as") ? DatasetNames() : ChoicesOf(option);
}

std::vector<std::string> OptionsOf(CLI::App& command) {
  std::vector<std::string> all;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) all.push_back("--" + name);
  }
  return all;
}

std::vector<std::string> ArgumentsOf(CLI::App& command, size_t positionals) {
  if (positionals == 0 && CommandsOfDatasets().contains(command.get_name())) return DatasetNames();
  const auto arguments =
      command.get_options([](const CLI::Option* option) { return option->get_positional(); });
  if (positionals < arguments.size()) return ChoicesOf(*arguments[positionals]);
  std::vector<std::string> all;
  for (const CLI::App* each : command.get_subcommands({})) {
    if (!each->get_group().empty()) all.push_back(each->get_name());
  }
  return all;
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
  const Typed typed = Follow(app, std::span(words).first(words.empty() ? 0 : words.size() - 1));
  std::vector<std::string> all;
  if (typed.open != nullptr) {
    all = ValuesOf(*typed.open);
  } else if (last.starts_with('-')) {
    all = OptionsOf(*typed.command);
  } else {
    all = ArgumentsOf(*typed.command, typed.positionals);
  }
  std::erase_if(all, [&](const std::string& word) { return !word.starts_with(last); });
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace tarn::cli
