"""Runs `tarn` like a user in a shell, with the daemons of a lake."""

import subprocess
from pathlib import Path

from harness import programs
from harness.lake import Lake
from harness.processes import clean_environment

Done = subprocess.CompletedProcess[str]


def command(*arguments: str | Path) -> list[str]:
    return [str(part) for part in (programs.program("tarn"), *arguments)]


def environment(lake: Lake, **extra: str) -> dict[str, str]:
    urls = {
        "TARN_QUERYD_URL": f"http://{lake.query.address}",
        "TARN_CATALOGD_URL": f"http://{lake.catalog.address}",
    }
    return clean_environment(lake.folder, urls | extra)


class Tool:
    def __init__(self, lake: Lake) -> None:
        self.lake = lake

    def __call__(self, *arguments: str | Path, env: dict[str, str] | None = None, **options):
        """Runs a command in the lake's folder, without a terminal."""
        return subprocess.run(
            command(*arguments),
            env=environment(self.lake, **(env or {})),
            cwd=self.lake.folder,
            text=options.pop("text", True),
            capture_output=True,
            timeout=120,
            check=False,
            **({} if "input" in options else {"stdin": subprocess.DEVNULL}),
            **options,
        )


def ok(done: Done) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(done: Done, *parts: str, code: int = 1) -> None:
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr.startswith("tarn: ")
    for part in parts:
        assert part in done.stderr, done.stderr
