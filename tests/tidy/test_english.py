"""Comments, messages and documents are plain English, as far as a program can judge.

A comment has a subject with a name. Sentences about "whoever", "somebody" or "what" make the reader
solve a riddle first. Each folder has the number of such sentences that it had when it was last
mended: it may only fall.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from harness import programs

RIDDLE = re.compile(
    r"(?:^|[.;:] )(?:What|Who|Whoever|Whatever|Whichever|Somebody|Someone|Nobody|None|Such)\b"
    r"|\b(?:whoever|whatever|somebody|nobody|whomever|of which|that one|this one|the one that|"
    r"what it|what they|what is|what was|what has|what the|who asks|who has)\b",
)

# The most riddles of each folder. No folder may have one.
ALLOWED: dict[str, int] = {}


def comments(text: str) -> Iterator[str]:
    """Each comment as one text, whatever its lines."""
    block: list[str] = []
    for line in [*text.split("\n"), ""]:
        whole = re.match(r"^\s*(?://|#(?!include|pragma|if|endif|define|else|undef)) ?(.*)$", line)
        behind = re.search(r"[;{}),] +// (.*)$", line)
        if whole:
            block.append(whole[1])
            continue
        if block:
            yield " ".join(block)
            block = []
        if behind:
            yield behind[1]


def riddles(path: Path) -> list[str]:
    text = path.read_text()
    if path.suffix == ".md":
        parts = [re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)]
    else:
        parts = list(comments(text))
    return [part for part in parts for _ in RIDDLE.findall(part)]


def folders() -> dict[str, list[str]]:
    """The riddles in the comments of each source folder, and in the documents."""
    found: dict[str, list[str]] = {}
    for pattern in ("src/**/*.h", "src/**/*.cc", "tests/**/*.py", "docs/**/*.md", "*.md"):
        for path in sorted(programs.REPO.glob(pattern)):
            folder = str(path.relative_to(programs.REPO).parent)
            if folder != "tests/tidy":
                found.setdefault(folder, []).extend(
                    f"{path.name}: {part}" for part in riddles(path)
                )
    return found


def test_no_folder_has_more_riddles_than_before():
    found = folders()
    counts = {folder: len(parts) for folder, parts in found.items() if parts}
    more = {
        folder: found[folder] for folder, count in counts.items() if count > ALLOWED.get(folder, 0)
    }
    assert not more, "say it with a subject that has a name"
    fewer = {folder for folder, most in ALLOWED.items() if counts.get(folder, 0) < most}
    assert not fewer, (
        f"lower the numbers of these folders: { ({f: counts.get(f, 0) for f in fewer}) }"
    )


def test_riddles_are_found():
    text = "int a;  // What nobody has got was not done.\n// The bytes received so far.\n"
    assert [part for part in comments(text) if RIDDLE.search(part)] == [
        "What nobody has got was not done."
    ]
