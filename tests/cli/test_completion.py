"""Completion with Tab in interactive shells."""

import pytest
from harness import programs
from harness.terminal import Terminal
from harness.tool import Tool, environment, ok

PROMPT = "ready> "
SHELLS = {
    "bash": (
        ["bash", "--norc", "--noprofile"],
        "source <(tarn completion bash); bind 'set bell-style none'",
    ),
    "zsh": (["zsh", "-f"], "autoload -U compinit; compinit -D; source <(tarn completion zsh)"),
    "zsh, as a package has it": (
        ["zsh", "-f"],
        "mkdir -p vendor; tarn completion zsh >vendor/_tarn; fpath=($PWD/vendor $fpath); "
        "autoload -U compinit; compinit -u -D",
    ),
    "fish": (["fish", "--private"], "tarn completion fish | source"),
}


def complete(run: Tool, *words: str) -> list[str]:
    return ok(run("complete", "--", *words)).splitlines()


def test_commands_options_choices_and_datasets(lake, run):
    lake.add("flights", "SELECT 1 AS n")
    lake.add("airports of old", "SELECT 1 AS n")
    assert complete(run, "st") == ["status"]
    assert {"put", "sql", "check"} <= set(complete(run, ""))
    assert "complete" not in complete(run, "")
    assert complete(run, "token", "re") == ["revoke"]
    assert complete(run, "sql", "--form") == ["--format"]
    assert complete(run, "sql", "--format", "") == ["arrow", "csv", "json", "ndjson", "table"]
    assert set(complete(run, "sql", "--c")) == {"--catalogd", "--config"}
    assert complete(run, "completion", "") == ["bash", "fish", "zsh"]
    assert complete(run, "completion", "bash", "") == []
    assert complete(run, "show", "") == ["airports of old", "flights"]
    assert complete(run, "rm", "--yes", "fl") == ["flights"]
    assert complete(run, "show", "flights", "") == []
    assert complete(run, "put", "f") == []
    assert complete(run, "put", "f", "--as", "fl") == ["flights"]


@pytest.fixture(params=SHELLS)
def shell(request, lake, session_folder):
    """A user's shell in a folder with one file."""
    folder = session_folder / f"shell-{request.param}"
    folder.mkdir(exist_ok=True)
    (folder / "numbers.csv").write_text("n\n1\n")
    # Otherwise fish starts a process that reads all manuals of the machine.
    (lake.folder / ".local" / "share" / "fish" / "generated_completions").mkdir(parents=True)
    argv, setup = SHELLS[request.param]
    env = environment(lake)
    env["PATH"] = f"{programs.program('tarn').parent}:{env['PATH']}"
    with Terminal(argv, env, str(folder), columns=200) as terminal:
        fish = "function fish_prompt; echo -n 'rea''dy> '; end"
        prompt = fish if request.param == "fish" else "PS1='rea''dy> '"
        terminal.run(f"{setup}; {prompt}", PROMPT)
        yield terminal


def test_a_command(shell):
    shell.type("tarn comp\t")
    shell.wait_for("letion ")
    shell.type("fi\t\r")
    shell.wait_for("# fish completion of tarn")


def test_dataset_name_that_needs_quotes(lake, shell):
    lake.add("o'brien's two words", "SELECT 1 AS n")
    for typed in ("", "o", "o\\'brien\\'s\\ tw", '"o'):
        shell.type(f"tarn show {typed}\t\r")
        shell.wait_for("data.parquet")
        shell.wait_for(PROMPT)


def test_completes_files_for_file_arguments(shell):
    shell.type("tarn put num\t")
    shell.wait_for("bers.csv")
