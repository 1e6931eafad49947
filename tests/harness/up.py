"""A running `tarn up`."""

import re
from collections.abc import Mapping
from pathlib import Path

from harness import programs
from harness.client import Client
from harness.processes import Daemon
from harness.recorder import Recorder
from harness.waiting import wait_until

URL = re.compile(r"http://(127\.0\.0\.1:[0-9]+)")


class Up:
    """A running `tarn up` with its data and home below one folder."""

    def __init__(
        self,
        scratch: Path,
        recorder: Recorder,
        *arguments: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.home = scratch / "home"
        argv = [programs.program("tarn"), "up", *arguments, "--bind", "127.0.0.1:0"]
        self.daemon = Daemon(
            argv,
            folder=self.home,
            recorder=recorder,
            cwd=cwd,
            env={"XDG_DATA_HOME": str(scratch / "data-home")} | dict(env or {}),
        )
        match = self.daemon.wait_for(
            lambda: URL.search(self.daemon.stdout), "the URL on stdout", limit_s=60
        )
        self.client = Client(match.group(1), recorder)

    def names(self) -> set[str]:
        return {manifest["name"] for manifest in self.client.list()["manifests"]}

    def wait_for_rows(self, sql: str, rows: list) -> None:
        wait_until(
            lambda: (a := self.client.sql(sql)).status == 200 and a.json()["rows"] == rows,
            lambda: f"{sql} gives {rows}: {self.client.sql(sql).text}\n{self.daemon.log_tail}",
        )

    def wait_for_names(self, *names: str) -> None:
        wait_until(
            lambda: self.names() == set(names),
            lambda: f"datasets are {names}: {self.names()}\n{self.daemon.log_tail}",
        )
