#!/usr/bin/env python3
"""Gives mutants of Parquet files to queryd, which probes and scans them.

    tests/fuzz_parquet.py [--count N] [--seed N] [--keep FOLDER]

Mutations are in footers and in pages. Prints the number of mutants that were refused and scanned,
and writes those that ended a process into the folder. Ends with status 1 if there are any. The
same seed gives the same mutants. `./x test` installs its requirements.
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
import contextlib  # noqa: E402
import hashlib  # noqa: E402
import tempfile  # noqa: E402

from harness.mutant_run import MutantRun  # noqa: E402
from harness.mutants import mutants  # noqa: E402


def keep(folder: Path, prefix: str, files: list[bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for data in files:
        path = folder / f"{prefix}-{hashlib.sha256(data).hexdigest()[:12]}.parquet"
        path.write_bytes(data)
        print(path)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000, help="mutants (default: 10000)")
    parser.add_argument("--seed", type=int, default=1, help="of the mutations (default: 1)")
    parser.add_argument("--keep", type=Path, default=Path("mutants"), help="(default: mutants/)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tarn-") as folder:
        with contextlib.closing(MutantRun(Path(folder))) as run:
            outcome = run.run(mutants(options.seed), options.count)
    print(outcome)
    for start, count in sorted(outcome.errors.items(), key=lambda item: -item[1])[:20]:
        print(f"{count:6} {start}")
    keep(options.keep, "probe", outcome.ended_probe)
    keep(options.keep, "engine", outcome.ended_engine)
    return 1 if outcome.ended_probe or outcome.ended_engine else 0


if __name__ == "__main__":
    sys.exit(main())
