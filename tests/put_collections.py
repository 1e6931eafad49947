#!/usr/bin/env python3
"""Puts all files of folders into a lake, and compares the datasets with the files.

    tests/put_collections.py [--show-refusals] FOLDER…

Each CSV, JSON and Parquet file becomes a dataset by `tarn put`, without any option for its content.
`tarn up` serves the datasets. Rows of CSV and JSON are compared, as text, with those that
Python's csv and json modules read; rows of Parquet must be readable. Prints the counts for each
folder: right, refused with a clear message, refused with a bad message, and wrong. Ends with
status 1 if a file is wrong or was refused badly. `./x test` installs the requirements.
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

import argparse  # noqa: E402
import collections  # noqa: E402
import concurrent.futures  # noqa: E402
import tempfile  # noqa: E402
from collections.abc import Iterator  # noqa: E402

from harness.put_run import Outcome, PutRun  # noqa: E402

ENDINGS = (".csv", ".tsv", ".txt", ".json", ".ndjson", ".jsonl", ".parquet")
PACKED = (".gz", ".zst")


def is_data(path: Path) -> bool:
    name = path.name.lower()
    for ending in PACKED:
        name = name.removesuffix(ending)
    return path.is_file() and name.endswith(ENDINGS)


def files_of(folder: str) -> list[Path]:
    return sorted(path for path in Path(folder).rglob("*") if is_data(path))


def show(outcomes: Iterator[Outcome], is_shown: bool) -> collections.Counter[str]:
    counts: collections.Counter[str] = collections.Counter()
    for outcome in outcomes:
        counts[outcome.verdict] += 1
        if outcome.is_bad or (is_shown and outcome.verdict == "refused"):
            print(f"{outcome.path}: {outcome.verdict}: {outcome.detail}", flush=True)
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--show-refusals", action="store_true", help="print all messages")
    options = parser.parse_args()
    bad = 0
    for folder in options.folders:
        files = files_of(folder)
        with tempfile.TemporaryDirectory(prefix="tarn-") as scratch:
            with PutRun(Path(scratch)) as run, concurrent.futures.ThreadPoolExecutor(2) as pool:
                counts = show(pool.map(run.put, files), options.show_refusals)
                counts += show(run.compare(), options.show_refusals)
        counts.pop("accepted", None)
        bad += counts["wrong"] + counts["refused badly"]
        listed = ", ".join(
            f"{counts[verdict]} {verdict}"
            for verdict in ("right", "refused", "refused badly", "wrong")
        )
        print(f"{folder}: {len(files)} tried: {listed}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
