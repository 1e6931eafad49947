"""Folders of src/ include only folders below them: the layers of docs/architecture.md."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import programs

SOURCES = programs.REPO / "src"
INCLUDE = re.compile(r'^#include "(\w+)/', re.MULTILINE)

# The folders that each one may include, apart from itself.
LAYERS = {
    "base": set(),
    "config": {"base"},
    "auth": {"base", "config"},
    "catalog": {"base"},
    "parquet": {"base"},
    "iceberg": {"base", "catalog", "parquet"},
    "duck": {"base", "parquet"},
    "protocol": {"base", "config"},
    "net": {"base", "config"},
    "http": {"auth", "base", "config", "net"},
    "s3": {"base", "http", "protocol"},
    "result": {"base", "duck", "protocol"},
    "engine": {"base", "catalog", "duck", "protocol", "result", "s3"},
    "queryd": {"auth", "base", "catalog", "config", "http", "net", "protocol"},
    "catalogd": {
        "auth",
        "base",
        "catalog",
        "config",
        "http",
        "iceberg",
        "net",
        "parquet",
        "protocol",
        "s3",
    },
    "ingest": {"base", "catalog", "duck"},
    "cli": {
        "auth",
        "base",
        "catalog",
        "catalogd",
        "config",
        "duck",
        "http",
        "ingest",
        "net",
        "protocol",
        "queryd",
        "s3",
    },
}
# The folders that each subfolder may include, for folders with subfolders.
SUBFOLDERS = {
    "engine/sandbox": set(),
    "engine/connection": set(),
    "engine/gate": set(),
    "engine/views": {"engine/connection"},
    "engine/run": {"engine/connection", "engine/gate", "engine/views"},
    "queryd/query": set(),
    "queryd/execution": {"queryd/query"},
    "queryd/datasets": {"queryd/execution"},
    "queryd/http": {"queryd/datasets", "queryd/query"},
    "catalogd/store": set(),
    "catalogd/service": {"catalogd/store"},
    "catalogd/http": {"catalogd/service", "catalogd/store"},
    "catalogd/iceberg": {"catalogd/http", "catalogd/service", "catalogd/store"},
}
# Unit tests that need a server to talk to.
TESTS_MAY_INCLUDE = {"engine": {"http", "net"}, "s3": {"http", "net"}}
# Folders that know the engine only by its interface (queryd/query/engine.h), and the words of the
# engine that they must not have.
NEUTRAL = ["queryd/query", "queryd/http"]
ENGINE = re.compile(
    r"duckdb|engine process|EngineProcess|EngineSupervisor|EnginePool|EngineQuery|pid_t|\bframes?\b"
    r"|Catalog Error|Binder Error",
    re.IGNORECASE,
)
# The library that only one folder may include.
ONLY_IN = {"duckdb.h": "duck", "simdjson.h": "ingest", "sqlite3.h": "catalogd"}


def files(folder: str) -> Iterator[tuple[Path, str]]:
    for path in sorted((SOURCES / folder).rglob("*")):
        if path.suffix in (".h", ".cc"):
            yield path, path.read_text()


def test_each_folder_has_a_layer():
    assert {path.name for path in SOURCES.iterdir() if path.is_dir()} == set(LAYERS)


@pytest.mark.parametrize("layers", [LAYERS, SUBFOLDERS])
def test_layers_have_no_cycle(layers):
    left = {folder: set(below) for folder, below in layers.items()}
    while left:
        lowest = {folder for folder, below in left.items() if not below & left.keys()}
        assert lowest, f"these include each other: {sorted(left)}"
        left = {folder: below for folder, below in left.items() if folder not in lowest}


@pytest.mark.parametrize("folder", LAYERS)
def test_includes_point_down(folder):
    wrong = []
    for path, text in files(folder):
        allowed = LAYERS[folder] | {folder}
        if path.stem.endswith("_test") or path.stem.startswith("test_"):
            allowed = allowed | TESTS_MAY_INCLUDE.get(folder, set())
        wrong += [
            f"{path.relative_to(SOURCES)} includes {included}/"
            for included in INCLUDE.findall(text)
            if included not in allowed
        ]
    assert not wrong


def test_each_subfolder_has_its_place():
    split = {folder.partition("/")[0] for folder in SUBFOLDERS}
    found = {
        str(path.relative_to(SOURCES))
        for folder in split
        for path in (SOURCES / folder).iterdir()
        if path.is_dir()
    }
    assert found == set(SUBFOLDERS)


@pytest.mark.parametrize("folder", SUBFOLDERS)
def test_includes_between_subfolders_point_down(folder):
    layer = folder.partition("/")[0]
    allowed = SUBFOLDERS[folder] | {folder}
    wrong = [
        f"{path.relative_to(SOURCES)} includes {included}/"
        for path, text in files(folder)
        for included in re.findall(rf'^#include "({layer}(?:/\w+)?)/\w+\.h', text, re.MULTILINE)
        if included not in allowed and not path.stem.endswith("_test")
    ]
    assert not wrong


@pytest.mark.parametrize("folder", NEUTRAL)
def test_query_core_and_wires_name_no_engine(folder):
    found = [
        f"{path.relative_to(SOURCES)}: {line.strip()}"
        for path, text in files(folder)
        for line in text.split("\n")
        if ENGINE.search(line) and "frame-ancestors" not in line
    ]
    assert not found


@pytest.mark.parametrize(("header", "folder"), ONLY_IN.items())
def test_library_is_included_in_one_folder(header, folder):
    including = {
        path.relative_to(SOURCES).parts[0]
        for layer in LAYERS
        for path, text in files(layer)
        if re.search(rf"^#include [<\"]{re.escape(header)}[>\"]", text, re.MULTILINE)
    }
    assert including == {folder}
