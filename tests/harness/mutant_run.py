"""Gives mutants of Parquet files to a real queryd, which probes and scans them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness.engine import failures
from harness.lake import Lake
from harness.recorder import Recorder
from harness.store import BUCKET
from harness.waiting import wait_until

_BATCH = 50


class _Place:
    """A folder in place of a store. Tests write its objects directly."""

    def __init__(self, folder: Path) -> None:
        self.url = f"file://{folder}"
        self.credentials = None


class _Files:
    def __init__(self, folder: Path) -> None:
        self.store = _Place(folder)


@dataclass
class Outcome:
    """The results of a run."""

    count: int = 0
    refused: int = 0  # Datasets with an error in place of a view.
    answered: int = 0
    failed: int = 0  # Scans that ended with an error.
    ended_probe: list[bytes] = field(default_factory=list)
    ended_engine: list[bytes] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)  # Errors of scans, by their first words.

    def __str__(self) -> str:
        return (
            f"{self.count} mutants: {self.refused} refused by the probe, {self.answered} scanned, "
            f"{self.failed} with an error in the scan; {len(self.ended_probe)} ended a probe "
            f"process, {len(self.ended_engine)} an engine"
        )


class MutantRun:
    """A running queryd and catalogd. The caller must close it."""

    def __init__(self, folder: Path) -> None:
        self._objects = folder / "store" / BUCKET
        self._objects.mkdir(parents=True)
        files = _Files(folder / "store")
        self.lake = Lake(folder, files, Recorder())  # type: ignore[arg-type]
        self.lake.set("queryd", temp_directory=str(folder / "temp"))
        self.lake.start()
        self.outcome = Outcome()

    def close(self) -> None:
        self.lake.close()

    def run(self, files: Iterator[bytes], count: int) -> Outcome:
        while self.outcome.count < count:
            self._run_batch([next(files) for _ in range(min(_BATCH, count - self.outcome.count))])
        return self.outcome

    def _run_batch(self, batch: list[bytes]) -> None:
        names = [f"m{self.outcome.count + n}" for n in range(len(batch))]
        for name, data in zip(names, batch, strict=True):
            (self._objects / f"{name}.parquet").write_bytes(data)
            self.lake.catalog.put_keys(name, f"{name}.parquet")
        refused = self._wait_until_read(names)
        for name, data in zip(names, batch, strict=True):
            if name not in refused:
                self._scan(name, data)
            elif "ended its process" in refused[name]:
                self.outcome.ended_probe.append(data)
            self.lake.catalog.delete(name)
            (self._objects / f"{name}.parquet").unlink()
        self.outcome.refused += len(refused)
        self.outcome.count += len(batch)
        # The recorder keeps all responses until then.
        self.lake.recorder.check()

    def _wait_until_read(self, names: list[str]) -> dict[str, str]:
        """Waits until all are read. Returns the errors of those that cannot be read."""
        known: dict[str, str] = {}
        revision = self.lake.catalog.revision()

        def read() -> bool:
            status = self.lake.query.get("/catalog/status").json()
            if status["being_read"] or status["revision"] < revision:
                return False
            known.update({each["name"]: each["error"] for each in status["failed"]})
            return True

        wait_until(read, lambda: f"all datasets are read\n{self.lake.queryd.log_tail}", limit_s=120)
        return {name: known[name] for name in names if name in known}

    def _scan(self, name: str, data: bytes) -> None:
        ended = failures(self.lake.query)
        statuses = []
        for sql in (f"SELECT * FROM {name}", f"SELECT count(*) FROM {name}"):
            answer = self.lake.query.sql(sql)
            statuses.append(answer.status)
            if answer.status != 200:
                start = answer.text[:60]
                self.outcome.errors[start] = self.outcome.errors.get(start, 0) + 1
        if failures(self.lake.query) > ended:
            self.outcome.ended_engine.append(data)
        elif statuses == [200, 200]:
            self.outcome.answered += 1
        else:
            self.outcome.failed += 1
