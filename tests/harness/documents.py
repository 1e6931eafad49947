"""The examples of a document: blocks of code, and what they say."""

import re
from dataclasses import dataclass
from pathlib import Path

from harness import programs

# An example and, where nothing but an empty line is in between, what it says. A block without a
# language is what something says, wherever it stands.
_BLOCK = re.compile(
    r"^```(?P<language>\w+)(?P<note> not run)?\n(?P<code>.*?)^```\n"
    r"(?:\n```(?:json)?\n(?P<said>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Example:
    language: str
    line: int
    code: str
    said: str | None

    def __str__(self) -> str:
        return f"{self.language}-line-{self.line}"


def document(name: str) -> Path:
    return programs.REPO / name


def examples(name: str) -> list[Example]:
    """Those of a document that are to be run, in their order."""
    text = document(name).read_text()
    found = []
    for block in _BLOCK.finditer(text):
        if not block["note"]:
            line = text.count("\n", 0, block.start()) + 1
            found.append(Example(block["language"], line, block["code"], block["said"]))
    return found
