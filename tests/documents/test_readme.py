"""Follows README.md from its first line to its last, like a user."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import programs
from harness.client import Client
from harness.documents import Example, document, examples
from harness.ports import free_ports
from harness.processes import Daemon, clean_environment, die_with_parent
from harness.store import BUCKET, Store
from harness.terminal import Terminal
from harness.waiting import wait_until

QUERYD = "127.0.0.1:3214"
CATALOGD = "127.0.0.1:3212"
# The tests need these themselves, and already have an S3 server.
NOT_TYPED = ("./x run ", "./x s3 start ")
# The commands for each terminal. Programs are found after the document has set the path.
IN_EACH_TERMINAL = "export PATH=$PWD/build/bin:$PATH\n"
UP = re.compile(r"at http://(127\.0\.0\.1:\d+)")


class Newcomer:
    """Runs commands in one folder, with the programs of the build, on free ports."""

    def __init__(self, home: Path, store: Store, recorder) -> None:
        self.home = home
        self.store = store
        self.recorder = recorder
        self.running: list[Daemon] = []
        # Texts of the document, and their replacements here.
        self.here: dict[str, str] = {}
        (home / "build").mkdir()
        (home / "build" / "bin").symlink_to(programs.program("tarn").parent)
        self.env = {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
        }

    def close(self) -> None:
        for daemon in reversed(self.running):
            daemon.stop()
        self.running.clear()

    def local(self, text: str) -> str:
        for there, here in self.here.items():
            text = text.replace(there, here)
        return text

    def follow(self, example: Example) -> None:
        code = self.local(example.code)
        if code == IN_EACH_TERMINAL:
            assert "In each terminal that you open" in document("README.md").read_text()
            self.env["PATH"] = f"{self.home}/build/bin:{self.env['PATH']}"
        elif example.language == "toml":
            assert "Write `lakehouse.toml`" in document("README.md").read_text()
            self.configure(example.code)
        elif code.startswith("tarn up "):
            self.up(*code.split()[2:])
        elif code in ("catalogd\n", "queryd\n"):
            self.start(code.strip())
        elif not code.startswith(NOT_TYPED):
            self.type(code, example.said)

    def up(self, *arguments: str) -> str:
        self.close()
        argv = [programs.program("tarn"), "up", *arguments, "--bind", "127.0.0.1:0"]
        daemon = self.daemon(argv)
        told = daemon.wait_for(lambda: UP.search(daemon.stdout), "the URL on stdout", 60)
        daemon.wait_for(lambda: "Press Ctrl-C" in daemon.stdout, "the end of the greeting", 60)
        self.here[QUERYD] = told.group(1)
        self.env["TARN_QUERYD_URL"] = f"http://{told.group(1)}"
        return daemon.stdout

    def configure(self, toml: str) -> None:
        """Uses free ports and the S3 server of these tests."""
        self.close()
        del self.env["TARN_QUERYD_URL"]
        queryd, catalogd = (f"127.0.0.1:{port}" for port in free_ports(2))
        self.here |= {
            QUERYD: queryd,
            CATALOGD: catalogd,
            "http://127.0.0.1:8333": self.store.url,
            'bucket = "lake"': f'bucket = "{BUCKET}"',
            "tarn-dev-key": self.store.credentials.access_key_id,
            "tarn-dev-secret": self.store.credentials.secret_access_key,
        }
        text = self.local(toml).replace("[queryd]\n", f'[queryd]\nbind = "{queryd}"\n')
        text += f'\n[catalogd]\nbind = "{catalogd}"\n'
        (self.home / "lakehouse.toml").write_text(text)
        (self.home / "lakehouse.toml").chmod(0o600)

    def start(self, name: str) -> None:
        daemon = self.daemon([programs.program(name)])
        daemon.wait_for(lambda: daemon.lines("listening"), f"{name} listens")

    def daemon(self, argv: list) -> Daemon:
        logs = self.home / "logs"
        self.running.append(
            Daemon(argv, folder=logs, recorder=self.recorder, cwd=self.home, env=self.env)
        )
        return self.running[-1]

    def type(self, code: str, said: str | None) -> None:
        shell = ["bash", "-euo", "pipefail", "-c", code]
        env = clean_environment(self.home, self.env)
        if said is not None and said.startswith("┌"):
            with Terminal(shell, env, str(self.home)) as terminal:
                assert terminal.wait_for_exit() == 0, terminal.text
                assert said in terminal.text
            return
        done = subprocess.run(
            shell,
            capture_output=True,
            text=True,
            cwd=self.home,
            env=env,
            check=False,
            timeout=120,
            preexec_fn=die_with_parent,
        )
        assert done.returncode == 0, f"{code}\n{done.stdout}{done.stderr}"
        if said is not None:
            # JSON has no newline at its end.
            assert done.stdout.rstrip("\n") == said.rstrip("\n")


@pytest.fixture
def newcomer(scratch: Path, store: Store, recorder) -> Iterator[Newcomer]:
    newcomer = Newcomer(scratch, store, recorder)
    yield newcomer
    newcomer.close()


def test_readme(newcomer: Newcomer):
    greeting = newcomer.up()
    text = document("README.md").read_text()
    begin = text.index("SELECT a.city")
    shown = text[begin : text.index("```", begin)]
    assert newcomer.local(shown) in greeting
    for example in examples("README.md"):
        newcomer.follow(example)
    # The effects of the last commands are visible.
    catalog = Client(newcomer.here[CATALOGD], newcomer.recorder)
    assert [manifest["name"] for manifest in catalog.list()["manifests"]] == ["copy"]
    query = Client(newcomer.here[QUERYD], newcomer.recorder)

    def has_rows() -> bool:
        answer = query.sql("SELECT count(*) FROM copy")
        return answer.status == 200 and answer.rows() == [[4]]

    wait_until(has_rows, "the dataset that was made over HTTP has its rows")
