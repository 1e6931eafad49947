"""A lake: a folder of the S3 bucket, catalogd and queryd, and their configuration."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import programs
from harness.client import Answer, Client, quoted
from harness.processes import Daemon, Exited, run_to_exit
from harness.recorder import Credentials, Recorder
from harness.store import BUCKET, REGION, Folder
from harness.waiting import wait_until

Settings = dict[str, dict[str, Any]]


def to_toml(settings: Mapping[str, Mapping[str, Any]]) -> str:
    """Converts settings to TOML. Leaves out keys with the value None."""
    lines = []
    for section, values in settings.items():
        lines.append(f"[{section}]")
        for key, value in values.items():
            if value is not None:
                # JSON texts, numbers and booleans are valid TOML.
                lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


class Lake:
    """The daemons and files of one test. Closing it stops the daemons, which must exit with 0."""

    def __init__(self, folder: Path, files: Folder, recorder: Recorder) -> None:
        self.folder = folder
        self.files = files
        self.recorder = recorder
        self.config = folder / "lakehouse.toml"
        self.settings: Settings = {
            "s3": {"endpoint": files.store.url, "region": REGION, "bucket": BUCKET},
            "queryd": {"bind": "127.0.0.1:0", "catalogd_url": "", "refresh_every": "100ms"},
            "catalogd": {"bind": "127.0.0.1:0", "data_dir": str(folder / "catalog")},
            "iceberg": {},
            "auth": {},
            "log": {"format": "text", "level": "info"},
        }
        self.use_credentials(files.store.credentials)
        self.queryd: Daemon
        self.catalogd: Daemon
        self.query: Client
        self.catalog: Client
        # A program that runs the rest of its command line, such as ["strace", "-f"].
        self.under: list[str | Path] = []
        self._daemons: list[Daemon] = []

    def set(self, section: str, **values: Any) -> "Lake":
        self.settings[section] |= values
        return self

    def use_credentials(self, credentials: Credentials | None) -> "Lake":
        return self.set(
            "s3",
            access_key_id=credentials and credentials.access_key_id,
            secret_access_key=credentials and credentials.secret_access_key,
        )

    def write_config(self) -> Path:
        self.config.write_text(to_toml(self.settings))
        return self.config

    # --- daemons

    def start(self) -> "Lake":
        self.start_catalogd()
        self.start_queryd()
        return self

    def start_catalogd(self) -> Daemon:
        """Starts catalogd on a free port, and later on the same port again."""
        self.catalogd = self.run("catalogd")
        address = self.catalogd.address()
        self.catalog = Client(address, self.recorder)
        self.set("catalogd", bind=address)
        if not self.settings["queryd"]["catalogd_url"]:
            self.set("queryd", catalogd_url=f"http://{address}")
        return self.catalogd

    def start_queryd(self, env: Mapping[str, str] | None = None) -> Daemon:
        self.queryd = self.run("queryd", env)
        self.query = Client(self.queryd.address(), self.recorder)
        return self.queryd

    def run(self, name: str, env: Mapping[str, str] | None = None) -> Daemon:
        """Starts a program without waiting for it."""
        argv = [*self.under, programs.program(name), "-config", self.write_config()]
        daemon = Daemon(argv, folder=self.folder, recorder=self.recorder, env=env)
        self._daemons.append(daemon)
        return daemon

    def run_to_exit(self, name: str = "queryd", env: Mapping[str, str] | None = None) -> Exited:
        argv = [*self.under, programs.program(name), "-config", self.write_config()]
        return run_to_exit(argv, folder=self.folder, recorder=self.recorder, env=env)

    def close(self) -> None:
        try:
            for daemon in reversed(self._daemons):
                daemon.stop()
        finally:
            self.kill()

    def kill(self) -> None:
        for daemon in self._daemons:
            if daemon.running:
                daemon.kill()

    # --- datasets

    def add(self, name: str, select: str, key: str = "data.parquet") -> str:
        """Stores rows and registers them. Returns the whole key."""
        whole = self.files.put_rows(key, select)
        self.catalog.put_keys(name, whole)
        return whole

    def select_all(self, name: str) -> Answer:
        return self.query.sql(f"SELECT * FROM {quoted(name)} ORDER BY ALL")

    def wait_for_rows(self, name: str, rows: list[list[Any]]) -> None:
        """Waits until a refresh has given the view these rows."""
        answer: list[Answer] = []

        def same() -> bool:
            answer[:] = [self.select_all(name)]
            return answer[0].status == 200 and answer[0].json()["rows"] == rows

        wait_until(
            same,
            lambda: (
                f"{name!r} has rows {rows}, last {answer[0].text[:500]}\n{self.queryd.log_tail}"
            ),
        )

    def wait_until_gone(self, name: str) -> None:
        wait_until(
            lambda: self.select_all(name).status == 400,
            lambda: f"{name!r} has no view any more\n{self.queryd.log_tail}",
        )

    def wait_for_refresh(self, counts: str, count: int = 1) -> str:
        """Returns a log line with these counts, such as `created=1 updated=0
        dropped=0 skipped=0`."""
        return self.queryd.wait_for_line(f"refresh {counts}", count=count)
