"""Starts and stops the programs under test and records their output."""

import contextlib
import ctypes
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.recorder import Recorder
from harness.waiting import wait_until

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_LISTENING = re.compile(r"\blistening\b.*?\baddr\"?[=:]\"?([0-9.]+:[0-9]+)")
EXIT_LIMIT_S = 30.0

# All programs of this session, to check at its end that none still runs.
STARTED: list["Daemon"] = []


def die_with_parent() -> None:
    """Runs between fork and exec, so that the program ends when the tests end."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def clean_environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Returns an environment without the settings, proxies and credentials of the user."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "TZ", "LD_LIBRARY_PATH")}
    kept |= {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}
    return kept | {"HOME": str(home)} | dict(extra or {})


def family(pid: int) -> list[int]:
    """Returns a process and all its descendants."""
    pids = [pid]
    for member in pids:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{member}/task").iterdir():
                pids += map(int, (task / "children").read_text().split())
    return pids


def cpu_seconds(pid: int) -> float:
    """Returns the CPU time of a process with all threads and children, running or ended."""
    total = 0.0
    for member in family(pid):
        with contextlib.suppress(OSError):
            stat = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
            # utime, stime, and both for ended children: proc(5).
            total += sum(map(int, stat[11:15])) / os.sysconf("SC_CLK_TCK")
    return total


@dataclass(frozen=True)
class Exited:
    """The exit status and output of a program that ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def error_lines(self) -> list[str]:
        return [line for line in self.stderr.splitlines() if is_level(line, "error")]

    def the_error(self) -> str:
        """Returns the error line of a start that failed with exit status 1."""
        assert self.status == 1, f"exit status {self.status}\n{self.stderr}"
        assert len(self.error_lines) == 1, f"one error line expected:\n{self.stderr}"
        return self.error_lines[0]


def is_level(line: str, level: str) -> bool:
    """True if a log line has this level, in either format of the log."""
    if line.startswith("{"):
        with contextlib.suppress(ValueError):
            return json.loads(line).get("level") == level
    return f" {level.upper()} " in line[:64]


class Daemon:
    """A running program. As a context manager, it stops with SIGTERM and must exit with 0."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        folder: Path,
        recorder: Recorder,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = Path(argv[0]).name
        number = len(list(folder.glob("*.err")))
        self._out = folder / f"{self.name}-{number}.out"
        self._err = folder / f"{self.name}-{number}.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [str(arg) for arg in argv],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=cwd or folder,
                env=clean_environment(folder, env),
                preexec_fn=die_with_parent,
            )
        STARTED.append(self)
        recorder.watch(self._out)
        recorder.watch(self._err)

    def __enter__(self) -> "Daemon":
        return self

    def __exit__(self, kind, *_) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()

    @property
    def log(self) -> str:
        return self._err.read_text(errors="replace")

    @property
    def stdout(self) -> str:
        return self._out.read_text(errors="replace")

    @property
    def log_tail(self) -> str:
        """Returns the end of the log, for failures."""
        return "\n".join(self.log.splitlines()[-30:])

    def lines(self, part: str) -> list[str]:
        return [line for line in self.log.splitlines() if part in line]

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def wait_for(self, condition: Callable[[], object], what: str, limit_s: float = 20.0):
        """Like `wait_until`, but fails at once if the program has ended, and shows its log."""

        def met():
            value = condition()
            if not value and not self.running:
                # Also counts the last output before the exit.
                value = condition()
                assert value, (
                    f"{self.name} exited {self.process.returncode}: {what}\n{self.log_tail}"
                )
            return value

        return wait_until(met, lambda: f"{what}\n--- log of {self.name}\n{self.log_tail}", limit_s)

    def wait_for_line(self, *parts: str, count: int = 1, limit_s: float = 20.0) -> str:
        """Waits for `count` log lines with all of `parts`, and returns the last one."""

        def matching():
            found = [x for x in self.log.splitlines() if all(part in x for part in parts)]
            return found if len(found) >= count else None

        return self.wait_for(matching, f"{count} log line(s) with {parts}", limit_s)[-1]

    def address(self) -> str:
        """Returns `host:port` when the program accepts connections."""
        return self.wait_for(lambda: _LISTENING.search(self.log), "the listening line").group(1)

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.process.pid)

    def family(self) -> list[int]:
        return family(self.process.pid)

    def send(self, signum: int) -> None:
        self.process.send_signal(signum)

    def wait_for_exit(self, limit_s: float = EXIT_LIMIT_S) -> int:
        try:
            return self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"{self.name} still ran after {limit_s:g} s\n{self.log_tail}"
            ) from None

    def stop(self, signum: int = signal.SIGTERM) -> None:
        if not self.running:
            status = self.process.returncode
            assert status in (0, -signal.SIGKILL), (
                f"{self.name} had exited {status}\n{self.log_tail}"
            )
            return
        self.send(signum)
        status = self.wait_for_exit()
        assert status == 0, f"{self.name} exited {status}\n{self.log_tail}"

    def kill(self) -> None:
        """Ends the program with SIGKILL, like a crash."""
        self.process.kill()
        self.process.wait()


def run_to_exit(
    argv: Sequence[str | Path],
    *,
    folder: Path,
    recorder: Recorder,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    limit_s: float = EXIT_LIMIT_S,
) -> Exited:
    """Runs a program that ends by itself."""
    daemon = Daemon(argv, folder=folder, recorder=recorder, env=env, cwd=cwd)
    status = daemon.wait_for_exit(limit_s)
    return Exited(status, daemon.stdout, daemon.log)
