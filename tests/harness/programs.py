"""The paths of the programs under test and their tools. A missing one fails the test."""

import os
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
BUILD_DIR = Path(os.environ.get("TARN_BUILD_DIR", REPO / "build")).resolve()
DEPS_DIR = Path(os.environ.get("TARN_DEPS_DIR", REPO / ".deps")).resolve()


def program(name: str) -> Path:
    return _existing(BUILD_DIR / "bin" / name, "build first, or set TARN_BUILD_DIR")


def weed() -> Path:
    return _existing(DEPS_DIR / "bin" / "weed", "run set-up first, or set TARN_DEPS_DIR")


def extension(name: str) -> Path:
    return _existing(
        DEPS_DIR / "extensions" / f"{name}.duckdb_extension",
        "run set-up first, or set TARN_DEPS_DIR",
    )


def _existing(path: Path, remedy: str) -> Path:
    if not path.is_file():
        pytest.fail(f"{path} is missing: {remedy}", pytrace=False)
    return path
