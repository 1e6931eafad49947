"""Gives files to `tarn put`, and compares the datasets with the files."""

import http.client
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.client import quoted
from harness.processes import clean_environment
from harness.put_reference import csv_difference, json_difference
from harness.recorder import Recorder
from harness.tool import command
from harness.up import Up
from harness.waiting import wait_until

# Internal terms of DuckDB or the program that mean nothing to a user.
INTERNALS = re.compile(
    r"INTERNAL|Binder|Parser Error|Catalog Error|Parallel|[Ss]niff|read_(?:csv|parquet)\(|"
    r"Possible (?:fixes|solutions)|LINE \d+:|std::|json_rows|internal error|terminate|Traceback|"
    r"auto_detect|Assertion|DuckDB has read"
)
LINES_MAX = 8
_LIMIT_S = 120


@dataclass(frozen=True)
class Outcome:
    path: Path
    verdict: str  # One of: right, refused, refused badly, wrong; accepted before the comparison.
    detail: str = ""

    @property
    def is_bad(self) -> bool:
        return self.verdict in ("wrong", "refused badly")


def classify_refusal(path: Path, done: subprocess.CompletedProcess[str]) -> Outcome:
    said = done.stderr.strip()
    is_clear = (
        done.returncode == 1
        and said.startswith("tarn: ")
        and len(said.splitlines()) <= LINES_MAX
        and not INTERNALS.search(said.replace(str(path), ""))
    )
    detail = f"{said} (status {done.returncode})"
    return Outcome(path, "refused" if is_clear else "refused badly", detail)


class PutRun:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._served = folder / "served"
        self._served.mkdir()
        self._names: dict[str, Path] = {}
        self._up: Up | None = None

    def __enter__(self) -> "PutRun":
        return self

    def __exit__(self, *_) -> None:
        if self._up:
            self._up.daemon.stop()

    def put(self, path: Path) -> Outcome:
        """May be called from several threads."""
        name = f"d{hash(str(path)) & 0xFFFFFFFFFFFF:012x}"
        try:
            done = subprocess.run(
                command("put", path.resolve(), "--as", name, "--into", self._served),
                env=clean_environment(self._folder),
                cwd=self._folder,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_LIMIT_S,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            return Outcome(path, "refused badly", f"did not end within {_LIMIT_S} s")
        if done.returncode != 0:
            return classify_refusal(path, done)
        self._names[name] = path
        return Outcome(path, "accepted")

    def compare(self) -> Iterator[Outcome]:
        if not self._names:
            return
        up = self._up = Up(self._folder, Recorder(), self._served)

        def all_are_read() -> bool:
            status = up.client.get("/catalog/status").json()
            return status["datasets"] + len(status["failed"]) == len(self._names)

        wait_until(all_are_read, "all datasets are read", limit_s=_LIMIT_S)
        for name, path in self._names.items():
            yield self._compare(up, name, path)

    def _compare(self, up: Up, name: str, path: Path) -> Outcome:
        kind = path.name.lower()
        is_json = any(f".{ending}" in kind for ending in ("json", "ndjson", "jsonl"))
        accept = "application/x-ndjson" if is_json else "text/csv"
        is_parquet = ".parquet" in kind
        # Reads all values, but returns only some rows: the complete result may exceed the limit.
        all_values = f"SELECT count(*), bit_xor(hash(*COLUMNS(*))) FROM {quoted(name)}"
        rows = f"FROM {quoted(name)}" + (" LIMIT 1000" if is_parquet else "")
        for sql in [all_values, rows] if is_parquet else [rows]:
            try:
                answer = up.client.sql(sql, {"Accept": accept})
            except http.client.IncompleteRead as error:
                # The values were read, but one of them is too large for a result.
                if is_parquet and sql == rows and "no memory for the result" in up.daemon.log_tail:
                    continue
                return Outcome(path, "wrong", f"{sql}: {error}; {up.daemon.log_tail[-500:]}")
            if answer.status != 200:
                return Outcome(path, "wrong", f"{answer.status} {answer.text.strip()}")
        if is_parquet:
            return Outcome(path, "right")
        compare = json_difference if is_json else csv_difference
        try:
            difference = compare(path, answer.text)
        except UnicodeDecodeError as error:
            difference = str(error)
        return Outcome(path, "wrong" if difference else "right", difference)
