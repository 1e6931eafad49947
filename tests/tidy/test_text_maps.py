"""Hash tables of texts use a hash with a random seed, because clients choose many of the texts."""

import re

from harness import programs

SOURCES = programs.REPO / "src"
UNSAFE = re.compile(
    r"std::unordered_(?:multi)?(?:map|set)<\s*(?:const )?std::string(?:_view)?\s*[,>]"
)


def test_tables_of_texts_have_a_seeded_hash():
    found = [
        str(path.relative_to(SOURCES))
        for path in sorted(SOURCES.rglob("*"))
        if path.suffix in (".h", ".cc")
        and path.name != "text_hash.h"
        and UNSAFE.search(path.read_text())
    ]
    assert found == [], "use TextMap, TextSet, TextViewMap or TextViewSet (base/text_hash.h)"
