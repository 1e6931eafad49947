"""The data: Parquet files, made once and kept in .deps/bench-data."""

import os
from collections.abc import Callable
from pathlib import Path

import duckdb
from harness import programs

FOLDER = programs.DEPS_DIR / "bench-data"

EVENTS_ROWS = 1_000_000
# Nine columns of the most common types. The rows are the same on every machine.
EVENTS_SQL = f"""
SELECT i AS id,
       TIMESTAMP '2026-01-01' + to_microseconds(i * 31_415_926 % 31_536_000_000_000) AS happened,
       (hash(i) % 50_000)::INTEGER AS user_id,
       ['view', 'click', 'search', 'purchase', 'refund'][1 + (hash(i, 1) % 5)::INTEGER] AS kind,
       '/shop/' || hash(i, 2) % 900 || '/item/' || hash(i, 3) % 100_000 AS path,
       (hash(i, 4) % 1_000_000) / 7.0::DOUBLE AS duration_ms,
       CASE WHEN hash(i, 5) % 10 < 7
            THEN ((hash(i, 6) % 10_000_000)::BIGINT / 100)::DECIMAL(12, 2) END AS amount,
       hash(i, 7) % 3 = 0 AS is_mobile,
       DATE '2026-01-01' + (i * 7 % 365)::INTEGER AS day
FROM range({EVENTS_ROWS}) AS numbers(i)
"""


def lineitem() -> Path:
    """TPC-H's largest table at scale factor 1: 6 million rows, in the order of its key."""

    def make(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        connection.execute(f"LOAD '{programs.extension('tpch')}'")
        connection.execute("CALL dbgen(sf=1)")
        connection.execute(f"COPY lineitem TO '{path}' (FORMAT parquet)")

    return _cached("lineitem-sf1.parquet", make)


def events() -> Path:
    return _cached(
        "events-v1.parquet",
        lambda connection, path: connection.execute(f"COPY ({EVENTS_SQL}) TO '{path}'"),
    )


def tpch_query(number: int) -> str:
    with duckdb.connect() as connection:
        connection.execute(f"LOAD '{programs.extension('tpch')}'")
        (text,) = connection.execute(
            "SELECT query FROM tpch_queries() WHERE query_nr = ?", [number]
        ).fetchone()
        return text


def _cached(name: str, make: Callable[[duckdb.DuckDBPyConnection, Path], object]) -> Path:
    path = FOLDER / name
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        unfinished = FOLDER / f"{os.getpid()}-{name}"
        try:
            with duckdb.connect() as connection:
                make(connection, unfinished)
            unfinished.rename(path)
        finally:
            unfinished.unlink(missing_ok=True)
    return path
