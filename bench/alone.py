"""DuckDB alone, in a loop in one process, on the same data: build/bench/engine_alone.

It is measured like a server. The difference is the cost that a server adds, and no server can be
faster.
"""

import contextlib
import json
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import programs
from harness.processes import clean_environment, die_with_parent
from harness.store import BUCKET, REGION

from bench.lake import Place
from bench.load import Failed, Load
from bench.server import Process


def program() -> Path:
    return programs.BUILD_DIR / "bench" / "engine_alone"


class Engine(Process):
    """The process. `started` creates it."""

    def __init__(self, process: subprocess.Popen) -> None:
        super().__init__(process.pid)
        self._process = process

    def command(self, **fields: Any) -> dict[str, Any]:
        self._process.stdin.write(json.dumps(fields).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": "the program has ended"}
        if "error" in answer:
            raise Failed(f"{program().name}: {answer['error']}")
        return answer


@contextlib.contextmanager
def started(place: Place | None = None) -> Iterator[Engine]:
    """Starts the program. Without a place, it has no datasets."""
    with subprocess.Popen(
        [program()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=clean_environment(Path("/tmp")),
        preexec_fn=die_with_parent,
    ) as process:
        engine = Engine(process)
        engine.command(run=list(_bootstrap(place)) if place else [])
        yield engine
        process.stdin.close()


def _bootstrap(place: Place) -> Iterator[str]:
    """The statements that queryd also runs: they load httpfs, and create a secret and the views."""
    s3 = place.s3
    scheme, _, host = s3.url.partition("://")
    yield f"LOAD {_quoted(programs.extension('httpfs'))}"
    yield (
        f"CREATE SECRET (TYPE s3, KEY_ID {_quoted(s3.credentials.access_key_id)}, "
        f"SECRET {_quoted(s3.credentials.secret_access_key)}, REGION {_quoted(REGION)}, "
        f"ENDPOINT {_quoted(host)}, URL_STYLE 'path', USE_SSL {scheme == 'https'})"
    )
    with urllib.request.urlopen(f"{place.catalogd_url}/catalog/list") as answer:
        manifests = json.load(answer)["manifests"]
    for manifest in manifests:
        urls = ", ".join(_quoted(f"s3://{BUCKET}/{o['key']}") for o in manifest["objects"])
        name = manifest["name"].replace('"', '""')
        yield f'CREATE VIEW "{name}" AS SELECT * FROM read_parquet([{urls}])'


def _quoted(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"


@dataclass(frozen=True)
class Alone:
    """One way to use the engine, measured like a server."""

    name: str
    engine: Engine
    prepare_once: bool = False

    def run(self, load: Load, sql: str, connections: int, seconds: float, small: bool) -> None:
        done = self.engine.command(
            load=sql, connections=connections, seconds=seconds, prepare_once=self.prepare_once
        )
        load.add(done["requests"], done["seconds"], done["quantiles_ms"])
