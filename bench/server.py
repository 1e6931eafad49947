"""A server that is measured, and what it costs: CPU and memory of its process, from /proc."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from harness.processes import cpu_seconds, family

_RESET_PEAK = "5"  # proc(5), clear_refs


@dataclass(frozen=True)
class Server:
    name: str
    url: str
    pid: int | None  # None: not known, and its cost is not either

    def cpu_seconds(self) -> float:
        """All threads and child processes, in steps of 10 ms; NaN where it is not known."""
        return cpu_seconds(self.pid) if self.pid else float("nan")

    def reset_peak(self) -> None:
        for pid in family(self.pid) if self.pid else []:
            # Not every system lets it be reset: then the peak is that since the start.
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK)

    def resident_mb(self) -> float:
        return self._memory_mb("VmRSS:")

    def peak_mb(self) -> float:
        """Since it was reset; of several processes, the sum of their peaks."""
        return self._memory_mb("VmHWM:")

    def _memory_mb(self, field: str) -> float:
        if not self.pid:
            return float("nan")
        total = 0
        for pid in family(self.pid):
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                    if line.startswith(field):
                        total += int(line.split()[1]) * 1024
        return total / 1e6
