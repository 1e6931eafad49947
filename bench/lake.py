"""The measured lake: an S3 server and a catalogue with the data, and queryd on them.

The S3 server and the catalogue can outlive one run, so that another server can use them: `serve`
keeps them running and writes their addresses to a file, which `--lake` reads.
"""

import contextlib
import shlex
import shutil
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness.lake import Lake
from harness.recorder import Credentials, Recorder
from harness.store import BUCKET, REGION, Folder, Store, parquet

from bench import data

# Not a secret: the server lives for one run and listens on the loopback address.
CREDENTIALS = Credentials("tarn-bench-key", "tarn-bench-secret")
PREFIX = "bench"
TINY_COUNT = 1000
MANY_COUNT = 5000  # The objects of one dataset.


@dataclass(frozen=True)
class S3:
    """The address and credentials of an S3 server, as Lake expects them of a store."""

    url: str
    credentials: Credentials


@dataclass(frozen=True)
class Place:
    """The addresses of the store and the catalogue."""

    s3: S3
    catalogd_url: str


def tiny_name(number: int) -> str:
    return f"tiny/{number:04}.parquet"


def many_name(number: int) -> str:
    return f"many/{number:04}.parquet"


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder with a short path, because the length of paths of UNIX sockets is limited."""
    with tempfile.TemporaryDirectory(prefix="tarn-") as name:
        yield Path(name)


@contextlib.contextmanager
def started(with_large: bool = True, with_tiny: bool = True) -> Iterator[Place]:
    """A store with the data, and a catalogue of the large datasets."""
    # Made before the servers start, so that nothing else runs at the same time.
    large = {"lineitem": data.lineitem(), "events": data.events()} if with_large else {}
    with folder() as home, contextlib.ExitStack() as cleanup:
        recorder = Recorder()
        store = Store(home / "s3", CREDENTIALS, recorder)
        cleanup.callback(store.close)
        files = Folder(store, PREFIX)
        (home / "lake").mkdir()
        lake = Lake(home / "lake", files, recorder)
        cleanup.callback(lake.close)
        lake.start_catalogd()
        for name, path in large.items():
            lake.catalog.put_keys(name, files.put(path.name, path.read_bytes()))
        if with_tiny:
            rows = parquet("SELECT 1 AS id, 'one' AS name")
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda i: files.put(tiny_name(i), rows), range(TINY_COUNT)))
                list(pool.map(lambda i: files.put(many_name(i), rows), range(MANY_COUNT)))
        yield Place(S3(store.url, CREDENTIALS), lake.settings["queryd"]["catalogd_url"])


def write(place: Place, path: Path) -> None:
    """Writes lines that a shell can read."""
    values = {
        "S3_ENDPOINT": place.s3.url,
        "S3_REGION": REGION,
        "S3_BUCKET": BUCKET,
        "S3_KEY": place.s3.credentials.access_key_id,
        "S3_SECRET": place.s3.credentials.secret_access_key,
        "CATALOGD_URL": place.catalogd_url,
    }
    path.write_text("".join(f"export {k}={shlex.quote(v)}\n" for k, v in values.items()))


def read(path: Path) -> Place:
    words = [shlex.split(line)[1] for line in path.read_text().splitlines()]
    values = dict(word.split("=", 1) for word in words)
    credentials = Credentials(values["S3_KEY"], values["S3_SECRET"])
    return Place(S3(values["S3_ENDPOINT"], credentials), values["CATALOGD_URL"])


def serve(path: Path) -> None:
    """Serves the data until SIGINT or SIGTERM."""
    stop = {signal.SIGINT, signal.SIGTERM}
    with started() as place:
        # Blocked after the programs have started, because they would inherit the mask.
        signal.pthread_sigmask(signal.SIG_BLOCK, stop)
        try:
            write(place, path)
            print(f"Serving the data until Ctrl-C. {path} has the addresses:\n", flush=True)
            print(path.read_text(), flush=True)
            signal.sigwait(stop)
        finally:
            path.unlink(missing_ok=True)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, stop)


@contextlib.contextmanager
def queryd(
    place: Place, result_cache_bytes: int | None = None, local: bool = False
) -> Iterator[Lake]:
    """A queryd on the large datasets, with default settings except for the queue and the cache.
    `local`: reads files instead of the S3 server."""
    with folder() as home:
        lake = Lake(home, Folder(place.s3, PREFIX), Recorder())
        if local:
            lake.set("s3", endpoint=(home / "files").as_uri())
            objects = home / "files" / BUCKET / PREFIX
            objects.mkdir(parents=True)
            for path in (data.lineitem(), data.events()):
                shutil.copyfile(path, objects / path.name)
        # With 32 slow queries, the last one is queued for longer than the default allows.
        lake.set(
            "queryd",
            catalogd_url=place.catalogd_url,
            refresh_every=None,
            queue_timeout="5m",
            result_cache_bytes=result_cache_bytes,
        )
        try:
            lake.start_queryd()
            lake.queryd.wait_for(lake.query.ready, "queryd is ready", 60)
            yield lake
            lake.close()
        finally:
            lake.kill()
