"""Observes queryd's engine processes from outside."""

import contextlib
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

from harness.client import Client
from harness.processes import Daemon, family
from harness.waiting import wait_until

_READY = re.compile(r"engine ready\b.*?\bpid=(\d+)")
_SAMPLE_EVERY_S = 0.02


def engine_pids(daemon: Daemon) -> list[int]:
    """Returns all processes that run queries. During a replacement, the former one may
    still run."""
    return [pid for pid in family(daemon.process.pid)[1:] if alive(pid) and not probes(pid)]


def probe_pids(daemon: Daemon) -> list[int]:
    """Returns all processes that read footers."""
    return [pid for pid in family(daemon.process.pid)[1:] if alive(pid) and probes(pid)]


def probes(pid: int) -> bool:
    """True for an engine process that only reads footers."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().endswith(b"\0probes\0")
    return False


def engine_pid(daemon: Daemon) -> int:
    """Returns the process that takes queries. Waits during a replacement."""

    def current() -> int | None:
        ready = _READY.findall(daemon.log)
        return int(ready[-1]) if ready and alive(int(ready[-1])) else None

    return daemon.wait_for(current, "an engine is ready")


def isolated_pid(daemon: Daemon, query_id: str) -> int:
    """Returns the process in which a query runs alone after its first process crashed."""
    line = daemon.wait_for_line(
        "a query runs in an isolated engine process", f"query_id={query_id} "
    )
    return int(line.rpartition("pid=")[2].split()[0])


def alive(pid: int) -> bool:
    """False for a process that has ended but has not been waited for."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def own_cpu_seconds(pid: int) -> float:
    """Returns the CPU time of a process without its children, or 0 if it has ended."""
    with contextlib.suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def resident_bytes(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


class Memory:
    """Samples the resident memory of a front and of its largest engine."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.front_before = resident_bytes(daemon.process.pid)
        self.front_peak = 0
        self.engine_peak = 0

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._thread.join()

    @property
    def front_growth(self) -> int:
        return self.front_peak - self.front_before

    def __str__(self) -> str:
        return (
            f"front {self.front_before / 1e6:.0f} -> {self.front_peak / 1e6:.0f} MB, "
            f"engine up to {self.engine_peak / 1e6:.0f} MB"
        )

    def _sample(self) -> None:
        while True:
            self.front_peak = max(self.front_peak, resident_bytes(self._daemon.process.pid))
            for pid in engine_pids(self._daemon):
                self.engine_peak = max(self.engine_peak, resident_bytes(pid))
            if self._over.wait(_SAMPLE_EVERY_S):
                return


def wait_until_idle(daemon: Daemon, limit_s: float = 20.0) -> None:
    """Waits until the engines use no CPU for a moment, so that no query still runs in them."""
    before: list[dict[int, float]] = [{}]

    def idle() -> bool:
        now = {pid: own_cpu_seconds(pid) for pid in engine_pids(daemon)}
        same = now.keys() == before[0].keys()
        burnt = sum(now[pid] - before[0].get(pid, 0) for pid in now)
        before[0] = now
        return bool(now) and same and burnt <= 0.02

    wait_until(idle, lambda: f"the engine is idle\n{daemon.log_tail}", limit_s, poll_s=0.25)


def metric(client: Client, series: str) -> float:
    """Returns a value of /metrics by name and labels, or 0 if it is missing."""
    for line in client.get("/metrics").text.splitlines():
        name, _, value = line.rpartition(" ")
        if name == series:
            return float(value)
    return 0.0


def failures(client: Client) -> float:
    """Returns the number of engines that ended unexpectedly."""
    name = "tarn_engine_failures_total"
    return sum(metric(client, f'{name}{{reason="{reason}"}}') for reason in ("crash", "memory"))


def states(client: Client) -> dict[str, str]:
    """Returns the states of all queries of GET /queries, by id."""
    answer = client.get("/queries")
    assert answer.status == 200, answer.text
    return {query["id"]: query["state"] for query in answer.json()["queries"]}


def wait_for_state(client: Client, state: str, *ids: str, limit_s: float = 20.0) -> None:
    wait_for(client, lambda known: all(known.get(id) == state for id in ids), state, limit_s)


def wait_for_count(client: Client, state: str, count: int, limit_s: float = 20.0) -> None:
    wait_for(client, lambda known: list(known.values()).count(state) == count, state, limit_s)


def wait_for(
    client: Client, condition: Callable[[dict[str, str]], bool], what: str, limit_s: float
) -> None:
    last: list[dict[str, str]] = []

    def met() -> bool:
        last[:] = [states(client)]
        return condition(last[0])

    wait_until(met, lambda: f"queries are {what}, last {last[0]}", limit_s)
