"""Links between documents lead to existing files and headings."""

import re

import pytest
from harness import programs

DOCUMENTS = [
    path
    for pattern in ("*.md", "docs/*.md", "docs/adr/*.md", "deps/*.md", "bench/*.md")
    for path in sorted(programs.REPO.glob(pattern))
]
LINK = re.compile(r"\]\((?!\w+:)([^)#]*)(?:#([^)]*))?\)")


def without_code(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """Returns the anchors that GitHub makes from headings."""
    headings = re.findall(r"^#+ (.*)$", without_code(text), re.MULTILINE)
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {word.replace(" ", "-") for word in words}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(programs.REPO)))
def test_links(path):
    docs = programs.REPO / "docs"
    for file, anchor in LINK.findall(without_code(path.read_text())):
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), file
        # The package contains only docs/.
        assert not path.is_relative_to(docs) or target.is_relative_to(docs), file
        assert not anchor or anchor in anchors(target.read_text()), f"{file}#{anchor}"


def test_sources_that_security_names_are_there():
    text = (programs.REPO / "docs" / "security.md").read_text()
    named = set(re.findall(r"`((?:tests|src|fuzz)/[\w/]+\.\w+)`", text))
    assert len(named) > 20
    assert not [path for path in sorted(named) if not (programs.REPO / path).exists()]
