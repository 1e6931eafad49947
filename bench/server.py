"""A measured server, and the CPU and memory of its process, read from /proc.

The child processes are included, because a server may run its engine in one.
"""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.processes import cpu_seconds, family

from bench import load

_RESET_PEAK = "5"  # proc(5), clear_refs
_NOT_KNOWN = float("nan")
# Reading smaps_rollup walks the page tables of a process, which takes some ms for each GB.
_SAMPLE_S = 0.1


class Peak:
    """The highest sample so far, in MB."""

    def __init__(self) -> None:
        self.mb = _NOT_KNOWN


class Process:
    def __init__(self, pid: int | None) -> None:
        self.pid = pid  # None: unknown, so its CPU and memory are unknown too

    def cpu_seconds(self) -> float:
        """The CPU time of all threads and child processes, in steps of 10 ms. NaN if unknown."""
        return cpu_seconds(self.pid) if self.pid else _NOT_KNOWN

    def reset_peak(self) -> None:
        for pid in family(self.pid) if self.pid else []:
            # Some systems do not allow the reset. Then the peak is that since the process started.
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK)

    def resident_mb(self) -> float:
        return self._memory_mb("status", "VmRSS:")

    def peak_mb(self) -> float:
        """The peak since the reset. For several processes, the sum of their peaks. That is an
        upper bound, because they share pages and may peak at different times."""
        return self._memory_mb("status", "VmHWM:")

    @contextlib.contextmanager
    def sampled(self) -> Iterator[Peak]:
        """Samples the memory of all processes together, with each shared page counted once (PSS).
        The highest sample is a lower bound, because the peak may be between two samples."""
        peak = Peak()
        if not self.pid:
            yield peak
            return
        peak.mb = 0.0
        end = threading.Event()

        def sample() -> None:
            while True:
                peak.mb = max(peak.mb, self._memory_mb("smaps_rollup", "Pss:"))
                if end.wait(_SAMPLE_S):
                    return

        thread = threading.Thread(target=sample)
        thread.start()
        try:
            yield peak
        finally:
            end.set()
            thread.join()

    def _memory_mb(self, file: str, field: str) -> float:
        if not self.pid:
            return _NOT_KNOWN
        total = 0
        for pid in family(self.pid):
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
                    if line.startswith(field):
                        total += int(line.split()[1]) * 1024
        return total / 1e6


@dataclass(frozen=True)
class Server:
    name: str
    url: str
    process: Process
    is_ours: bool = False

    @property
    def engine(self) -> Process:
        """The process whose CPU and memory count. The name is the same as in alone.Alone."""
        return self.process

    def run(self, done: load.Load, sql: str, connections: int, seconds: float, small: bool) -> None:
        load.run(done, self.url, sql, connections, seconds, small)
