import subprocess
from pathlib import Path

import pytest
from harness.processes import clean_environment
from harness.put_files import pyarrow_of
from harness.tool import Tool, command


@pytest.fixture
def run(lake) -> Tool:
    return Tool(lake)


@pytest.fixture
def folder(scratch) -> Path:
    return scratch


@pytest.fixture
def put(folder):
    """Runs tarn put into a folder, without daemons."""

    def call(*arguments, **options):
        return subprocess.run(
            command("put", *arguments, "--into", folder / "served"),
            env=clean_environment(folder),
            cwd=folder,
            capture_output=True,
            timeout=120,
            check=False,
            **({"text": True} | options),
        )

    return call


@pytest.fixture
def rows(folder):
    """Returns the rows of a dataset, and the types of its columns."""

    def read(name: str) -> tuple[list, list[str]]:
        table = pyarrow_of(folder / "served" / name)
        return [list(row.values()) for row in table.to_pylist()], [
            str(t) for t in table.schema.types
        ]

    return read
