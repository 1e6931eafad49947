"""Fixtures: one S3 server and one leak recorder for each session, a lake for each test."""

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("harness")

from harness import processes  # noqa: E402
from harness.lake import Lake  # noqa: E402
from harness.proxy import TcpProxy  # noqa: E402
from harness.recorder import Recorder  # noqa: E402
from harness.store import Folder, Store  # noqa: E402
from harness.up import Up  # noqa: E402

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def session_folder() -> Iterator[Path]:
    """A folder with a short path, because the paths of its UNIX sockets have a limit."""
    with tempfile.TemporaryDirectory(prefix="tarn-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def recorder(session_folder: Path) -> Iterator[Recorder]:
    """Set up first and checked last, after every daemon has ended."""
    recorder = Recorder()
    yield recorder
    recorder.check()
    left = [daemon.name for daemon in processes.STARTED if daemon.running]
    for daemon in processes.STARTED:
        if daemon.running:
            daemon.kill()
    assert not left, f"still running at the end: {left}"


@pytest.fixture(autouse=True)
def no_credential_leaves(recorder: Recorder) -> Iterator[None]:
    """Searches every byte of logs and responses for the key id, the secret and the token."""
    yield
    recorder.check()


@pytest.fixture(scope="session")
def store(recorder: Recorder, session_folder: Path) -> Iterator[Store]:
    store = Store(session_folder / "s3", recorder.new_credentials(), recorder)
    yield store
    store.close()


def _new_lake(store: Store, recorder: Recorder, session_folder: Path) -> Lake:
    name = f"t{next(_NUMBERS):04}"
    folder = session_folder / name
    folder.mkdir()
    return Lake(folder, Folder(store, name), recorder)


@pytest.fixture
def new_lake(store, recorder, session_folder) -> Iterator[Lake]:
    """A lake with a configuration but no daemons, for tests that start or fail to start them."""
    lake = _new_lake(store, recorder, session_folder)
    yield lake
    lake.close()


@pytest.fixture
def lake(new_lake: Lake) -> Lake:
    """A running and empty lake."""
    return new_lake.start()


@pytest.fixture(scope="module")
def module_lake(store, recorder, session_folder) -> Iterator[Lake]:
    """A lake with a configuration but no daemons, for a module."""
    lake = _new_lake(store, recorder, session_folder)
    yield lake
    lake.close()


@pytest.fixture(scope="module")
def shared_lake(module_lake: Lake) -> Lake:
    """A running and empty lake for a module whose tests do not affect each other."""
    return module_lake.start()


@pytest.fixture
def scratch(session_folder: Path) -> Path:
    folder = session_folder / f"x{next(_NUMBERS):04}"
    folder.mkdir()
    return folder


@pytest.fixture
def up(scratch, recorder) -> Iterator[Callable[..., Up]]:
    """Starts `tarn up` with these arguments."""
    running: list[Up] = []

    def start(*arguments, **options) -> Up:
        running.append(Up(scratch, recorder, *arguments, **options))
        return running[-1]

    yield start
    for one in running:
        one.daemon.stop()


@pytest.fixture
def files(store) -> Folder:
    """A folder of the bucket for one test."""
    return Folder(store, f"t{next(_NUMBERS):04}")


@pytest.fixture
def make_lake(store, recorder, session_folder) -> Iterator[Callable[[], Lake]]:
    """Makes several lakes for one test."""
    lakes: list[Lake] = []

    def make() -> Lake:
        lakes.append(_new_lake(store, recorder, session_folder))
        return lakes[-1]

    yield make
    for lake in lakes:
        lake.close()


@pytest.fixture
def make_proxy() -> Iterator[Callable[..., TcpProxy]]:
    """A proxy in front of `host:port`, for faults that a real server does not make on demand."""
    proxies: list[TcpProxy] = []

    def make(upstream: str, delay_s: float = 0.0) -> TcpProxy:
        proxies.append(TcpProxy(upstream, delay_s))
        return proxies[-1]

    yield make
    for proxy in proxies:
        proxy.close()
