#!/usr/bin/env python3
"""Compares what Tarn and DuckDB read from Parquet files, value by value.

    tests/compare_with_duckdb.py FOLDER…

Each Parquet file below the folders becomes a dataset of its own, on a real S3 server. Its columns,
its values as text and, where the types are the same, as Arrow are compared with what the DuckDB of
the tests reads from the file itself. Prints the files for which only one of the two has an answer,
with the error of the other, and ends with status 1 if an answer differs. `./x test` installs what
this needs.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEPS = Path(os.environ.get("TARN_DEPS_DIR", ROOT / ".deps"))
PYTHON = DEPS / "venv" / "bin" / "python"

if Path(sys.prefix) != DEPS / "venv":
    os.environ.setdefault("TARN_DEPS_DIR", str(DEPS))
    os.environ.setdefault("TARN_BUILD_DIR", str(ROOT / "build"))
    os.execv(PYTHON, [PYTHON, __file__, *sys.argv[1:]])

import collections  # noqa: E402
import contextlib  # noqa: E402
import tempfile  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from dataclasses import dataclass  # noqa: E402

import duckdb  # noqa: E402
import pyarrow as pa  # noqa: E402
from harness.lake import Lake  # noqa: E402
from harness.recorder import Recorder  # noqa: E402
from harness.store import Folder, Store  # noqa: E402
from harness.waiting import wait_until  # noqa: E402

# The first bytes: Parquet, and Parquet with an encrypted footer.
MAGIC = (b"PAR1", b"PARE")


@dataclass
class Read:
    """The result of reading a file: an error, or columns and values."""

    error: str = ""
    columns: list | None = None
    text: list | None = None
    arrow: pa.Table | None = None


def parquet_files(folders: list[str]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file() and path.open("rb").read(4) in MAGIC:
                yield path


def read_with_duckdb(path: Path) -> Read:
    quoted = str(path).replace("'", "''")
    source = f"read_parquet('{quoted}', hive_partitioning = false)"
    try:
        # A new database, because DuckDB refuses all statements after an internal error.
        connection = duckdb.connect(config={"threads": 1})
        rows = connection.execute(f"DESCRIBE FROM {source}").fetchall()
        read = Read(
            columns=[row[:2] for row in rows],
            text=connection.execute(f"SELECT COLUMNS(*)::VARCHAR FROM {source}").fetchall(),
        )
    except (duckdb.Error, UnicodeDecodeError) as error:
        return Read(error=str(error))
    # Arrow has no type for some types of DuckDB, such as VARIANT.
    with contextlib.suppress(duckdb.Error, pa.ArrowException):
        read.arrow = connection.execute(f"FROM {source}").to_arrow_table()
    return read


def read_with_tarn(lake: Lake, name: str) -> Read:
    answers = [
        lake.query.sql(f"DESCRIBE FROM {name}"),
        lake.query.sql(f"SELECT COLUMNS(*)::VARCHAR FROM {name}"),
        lake.query.sql(f"FROM {name}", {"Accept": "application/vnd.apache.arrow.stream"}),
    ]
    for answer in answers:
        if answer.status != 200:
            return Read(error=f"{answer.status} {answer.text}")
    return Read(
        columns=[tuple(row[:2]) for row in answers[0].rows()],
        text=[tuple(row) for row in answers[1].rows()],
        arrow=pa.ipc.open_stream(answers[2].body).read_all(),
    )


def difference(ours: Read, theirs: Read) -> str:
    """Returns the difference, or "" if they are equal."""
    if ours.columns != theirs.columns:
        return f"columns: {ours.columns} instead of {theirs.columns}"
    if len(ours.text) != len(theirs.text):
        return f"{len(ours.text)} rows instead of {len(theirs.text)}"
    for number, (our_row, their_row) in enumerate(zip(ours.text, theirs.text, strict=True)):
        if our_row != their_row:
            return f"row {number}: {our_row} instead of {their_row}"
    if theirs.arrow is None:
        return ""
    if ours.arrow.num_rows != theirs.arrow.num_rows:
        return f"Arrow: {ours.arrow.num_rows} rows instead of {theirs.arrow.num_rows}"
    for index, field in enumerate(theirs.arrow.schema):
        our_column, their_column = ours.arrow.column(index), theirs.arrow.column(index)
        if our_column.type != their_column.type:
            continue
        # Compares Python objects, because NaN differs from itself in Arrow.
        for number in range(len(their_column)):
            our_value, their_value = our_column[number], their_column[number]
            if not our_value.equals(their_value) and repr(our_value) != repr(their_value):
                return f"Arrow: {field.name}, row {number}: {our_value} instead of {their_value}"
    return ""


def compare(lake: Lake, files: list[Path]) -> int:
    names = {f"f{number:05}": path for number, path in enumerate(files)}
    for name, path in names.items():
        lake.catalog.put_keys(name, lake.files.put(f"{name}.parquet", path.read_bytes()))
    lake.start_queryd()

    def all_are_read() -> bool:
        status = lake.query.get("/catalog/status").json()
        return status["datasets"] + len(status["failed"]) == len(names)

    wait_until(all_are_read, "all files are read", limit_s=600)
    counts: collections.Counter[str] = collections.Counter()
    for name, path in names.items():
        ours, theirs = read_with_tarn(lake, name), read_with_duckdb(path)
        if ours.error and theirs.error:
            outcome, detail = "neither reads it", ""
        elif ours.error:
            outcome, detail = "only DuckDB reads it", ours.error
        elif theirs.error:
            outcome, detail = "only Tarn reads it", theirs.error
        else:
            detail = difference(ours, theirs)
            outcome = "the answers differ" if detail else "the same"
        counts[outcome] += 1
        if detail:
            print(f"{path}: {outcome}: {' '.join(detail.split())[:300]}")
    print(", ".join(f"{outcome}: {count}" for outcome, count in sorted(counts.items())))
    return 1 if counts["the answers differ"] else 0


def main(folders: list[str]) -> int:
    files = list(parquet_files(folders))
    if not files:
        print(
            f"there are no Parquet files below {', '.join(folders) or 'no folder'}", file=sys.stderr
        )
        return 2
    with tempfile.TemporaryDirectory(prefix="tarn-") as home:
        recorder = Recorder()
        store = Store(Path(home) / "s3", recorder.new_credentials(), recorder)
        try:
            folder = Path(home) / "lake"
            folder.mkdir()
            lake = Lake(folder, Folder(store, "files"), recorder)
            try:
                lake.start_catalogd()
                return compare(lake, files)
            finally:
                lake.kill()
        finally:
            store.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
