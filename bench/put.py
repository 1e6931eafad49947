"""Compares tarn put, which makes a dataset of files, with DuckDB alone. They take turns. DuckDB
detects the types from all rows, like tarn put, or from the first rows only."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import programs
from harness.processes import clean_environment

from bench import alone, report
from bench.lake import folder
from bench.load import Failed

TURNS = 3
ROWS = 5_000_000
NAME = f"put: CSV of {ROWS:,} rows, NDJSON of a fifth"
_COLUMNS = """SELECT range AS id, 'name' || range AS name, range * 1.5 AS x,
    DATE '2020-01-01' + (range % 1000)::INTEGER AS day, hash(range) AS h"""
ALL_ROWS = "DuckDB alone, all rows for the types"
FIRST_ROWS = "DuckDB alone, the first rows for the types"


@dataclass(frozen=True)
class Point:
    file: str
    mb: float
    who: str
    seconds: float
    cpu_s: float


def measure() -> list[Point]:
    points: list[Point] = []
    with folder() as home:
        csv, json = home / "large.csv", home / "large.ndjson"
        with alone.started() as engine:
            for file, rows in ((csv, ROWS), (json, ROWS // 5)):
                engine.command(run=[f"COPY ({_COLUMNS} FROM range({rows})) TO '{file}'"])
        for file, reader in ((csv, "read_csv"), (json, "read_json")):
            points += _beside(file, reader, home)
    return points


def _beside(file: Path, reader: str, home: Path) -> Iterator[Point]:
    ways: dict[str, Callable[[], float]] = {"tarn put": lambda: _tarn(file, home)}
    if alone.program().exists():
        ways[ALL_ROWS] = lambda: _alone(file, reader, home, -1)
        ways[FIRST_ROWS] = lambda: _alone(file, reader, home, 20_480)
    figures = {who: [] for who in ways}
    for _ in range(TURNS):
        for who, way in ways.items():
            start = time.monotonic()
            cpu_s = way()
            figures[who].append((time.monotonic() - start, cpu_s))
    for who, turns in figures.items():
        seconds, cpu_s = (statistics.median(column) for column in zip(*turns, strict=True))
        yield Point(file.name, file.stat().st_size / 1e6, who, seconds, cpu_s)


def _tarn(file: Path, home: Path) -> float:
    argv = ["put", file, "--as", "large", "--into", home / "lake", "--replace"]
    process = subprocess.Popen(
        [programs.program("tarn"), *argv], env=clean_environment(home), stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    if status != 0:
        raise Failed(f"tarn put ended with {status}")
    return used.ru_utime + used.ru_stime


def _alone(file: Path, reader: str, home: Path, sample_size: int) -> float:
    """Detects the columns before the COPY, because a dataset is registered with its columns."""
    source = f"{reader}('{file}', sample_size = {sample_size})"
    copy = f"COPY (FROM {source}) TO '{home}/alone.parquet' (COMPRESSION zstd)"
    with alone.started() as engine:
        engine.command(run=[f"DESCRIBE FROM {source}", copy])
        return engine.cpu_seconds()


def table(points: Sequence[Point]) -> str:
    return report.table(
        ["put", "MB", "who", "s", "MB/s", "CPU s"],
        [
            [
                point.file,
                report.number(point.mb),
                point.who,
                report.number(point.seconds),
                report.number(point.mb / point.seconds),
                report.number(point.cpu_s),
            ]
            for point in points
        ],
    )
