"""The examples of a document: code blocks and their expected output."""

import re
from dataclasses import dataclass
from pathlib import Path

from harness import programs

# An example, and its output if only an empty line is between them. A block without a language is
# output.
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
    """Returns the examples of a document that tests run, in order."""
    text = document(name).read_text()
    found = []
    for block in _BLOCK.finditer(text):
        if not block["note"]:
            line = text.count("\n", 0, block.start()) + 1
            found.append(Example(block["language"], line, block["code"], block["said"]))
    return found
